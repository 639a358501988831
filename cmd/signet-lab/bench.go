package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/signetd/signet/cmd/signet-lab/internal/load"
	"github.com/signetd/signet/cmd/signet-lab/internal/measure"
	"github.com/signetd/signet/cmd/signet-lab/internal/operation"
	"github.com/signetd/signet/cmd/signet-lab/internal/plot"
)

// A bench has the arguments of `signet-lab bench`.
type bench struct {
	server       operation.Server
	profile      load.Profile
	operation    string
	concurrency  []int
	secretFile   string
	passwordFile string
	processes    []string // NAME=PID
	jsonFile     string
	svgFile      string
}

func benchCommand() *cobra.Command {
	b := &bench{}
	c := &cobra.Command{
		Use:   "bench OPERATION",
		Short: "Measure one operation of a running issuer",
		Long: "Measure one operation of a running issuer: " + strings.Join(operation.Names(), ", ") + ".\n\n" +
			"Without --rate, each of the --concurrency workers starts its next operation when the previous one\n" +
			"ends (closed loop). With --rate, operations start at fixed times, and latencies count from these\n" +
			"times (open loop). refresh, http-refresh, introspect and revoke create grants by Mint, which\n" +
			"requires a client with --mint-subjects.",
		Args: cobra.ExactArgs(1),
	}
	f := c.Flags()
	f.StringVar(&b.server.GRPC, "grpc", "127.0.0.1:9090", "gRPC `ADDRESS` of the issuer")
	f.StringVar(&b.server.HTTP, "http", "127.0.0.1:8080", "HTTP `ADDRESS` of the issuer")
	f.StringVar(&b.server.ClientID, "client-id", "", "`ID` of the client that calls")
	f.StringVar(&b.secretFile, "client-secret-file", "", "`FILE` with the client's secret")
	f.StringArrayVar(&b.server.Usernames, "username", nil,
		"`NAME` of a user that logs in; the users log in in turn (repeatable)")
	f.StringVar(&b.passwordFile, "password-file", "", "`FILE` with the password of the users")
	f.StringVar(&b.server.Audience, "audience", "", "`AUDIENCE` of the tokens (default: the client's default)")
	f.IntSliceVar(&b.concurrency, "concurrency", []int{1, 8, 64},
		"`NUMBERS` of concurrent workers, measured one after the other")
	f.IntVar(&b.server.Connections, "connections", 1, "gRPC connections that the workers use in turn")
	f.Float64Var(&b.profile.Rate, "rate", 0, "operations to start each second (open loop); 0 means a closed loop")
	f.DurationVar(&b.profile.WarmUp, "warm-up", 2*time.Second, "time before the measurement starts, at most 10m")
	f.DurationVar(&b.profile.Duration, "duration", 10*time.Second, "time to measure, at most 10m")
	f.StringArrayVar(&b.processes, "watch", nil,
		"process whose processor time is reported, as `NAME=PID`, such as issuer=123 (repeatable)")
	f.StringVar(&b.jsonFile, "json", "", "`FILE` for the results as JSON")
	f.StringVar(&b.svgFile, "svg", "", "`FILE` for a plot of the latencies")
	c.RunE = func(c *cobra.Command, args []string) error {
		b.operation = args[0]
		return b.run(c.Context())
	}
	return c
}

// run measures the operation with each concurrency and prints the reports.
func (b *bench) run(ctx context.Context) error {
	if b.profile.Duration <= 0 || b.profile.Duration > load.MaxDuration {
		return fmt.Errorf("--duration must be positive and at most %s", load.MaxDuration)
	}
	if b.profile.WarmUp < 0 || b.profile.WarmUp > load.MaxDuration {
		return fmt.Errorf("--warm-up must be between 0s and %s", load.MaxDuration)
	}
	processes, err := parseProcesses(b.processes)
	if err != nil {
		return err
	}
	if b.server.ClientSecret, err = readSecret(b.secretFile); err != nil {
		return err
	}
	if b.server.Password, err = readSecret(b.passwordFile); err != nil {
		return err
	}

	var reports []measure.Report
	for _, n := range b.concurrency {
		r, err := measure.Run(ctx, b.server, b.operation, b.profile.WithConcurrency(n), processes)
		if err != nil {
			return err
		}
		if len(reports) == 0 {
			measure.PrintHeader(os.Stdout, processes)
		}
		r.Print(os.Stdout, processes)
		reports = append(reports, r)
	}

	if err := measure.WriteJSON(b.jsonFile, reports); err != nil {
		return err
	}
	return plot.WriteSVG(b.svgFile, reports)
}

// parseProcesses returns the processes whose processor time is reported: this
// one, named client, and those in the arguments.
func parseProcesses(args []string) ([]measure.Process, error) {
	processes := []measure.Process{{Name: "client", PID: os.Getpid()}}
	for _, arg := range args {
		name, number, ok := strings.Cut(arg, "=")
		pid, err := strconv.Atoi(number)
		if !ok || err != nil {
			return nil, fmt.Errorf("--watch %s: want NAME=PID", arg)
		}
		processes = append(processes, measure.Process{Name: name, PID: pid})
	}
	return processes, nil
}

// readSecret returns the text of a file without the last line break. If file is
// empty, so is the text.
func readSecret(file string) (string, error) {
	if file == "" {
		return "", nil
	}
	text, err := os.ReadFile(file)
	return strings.TrimSuffix(string(text), "\n"), err
}
