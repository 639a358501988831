package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// A bench is one call of `signet-lab bench`.
type bench struct {
	target     target
	load       load
	operation  string
	inFlight   []int
	secretFile string
	passFile   string
	watched    []string
	jsonFile   string
	svgFile    string
}

func benchCommand() *cobra.Command {
	b := &bench{}
	c := &cobra.Command{
		Use:   "bench OPERATION",
		Short: "Measure login, refresh, mint, introspect, revoke or jwks",
		Long: "Measure one operation: login, refresh, mint, introspect, revoke or jwks.\n\n" +
			"In a closed loop (the default) each of --in-flight workers begins the next operation when it has the answer. With\n" +
			"--rate operations begin when they are due, and the latency counts from then. refresh, introspect and revoke make\n" +
			"grants by Mint, for which the client needs --mint-subjects.",
		Args: cobra.ExactArgs(1),
	}
	f := c.Flags()
	f.StringVar(&b.target.grpc, "grpc", "127.0.0.1:9090", "the issuer's gRPC `ADDRESS`")
	f.StringVar(&b.target.http, "http", "127.0.0.1:8080", "the issuer's HTTP `ADDRESS`")
	f.StringVar(&b.target.clientID, "client-id", "", "the client that calls")
	f.StringVar(&b.secretFile, "client-secret-file", "", "a `FILE` with its secret")
	f.StringVar(&b.target.username, "username", "", "who logs in")
	f.StringVar(&b.passFile, "password-file", "", "a `FILE` with the password")
	f.StringVar(&b.target.audience, "audience", "", "the `AUDIENCE` of the tokens (default the client's)")
	f.IntSliceVar(&b.inFlight, "in-flight", []int{1, 8, 64}, "how many workers; several `NUMBERS` are measured one after the other")
	f.Float64Var(&b.load.rate, "rate", 0, "begin so many operations a second (open loop); 0 is a closed loop")
	f.DurationVar(&b.load.warmUp, "warm-up", 2*time.Second, "run for so long before it counts")
	f.DurationVar(&b.load.duration, "duration", 10*time.Second, "measure for so long, at most 10m")
	f.StringArrayVar(&b.watched, "watch", nil, "count the processor time of a program, `NAME=PID`, such as issuer=123 (repeatable)")
	f.StringVar(&b.jsonFile, "json", "", "write the figures to this `FILE`")
	f.StringVar(&b.svgFile, "svg", "", "draw the latencies into this `FILE`")
	c.RunE = func(c *cobra.Command, args []string) error {
		b.operation = args[0]
		return b.run(c.Context())
	}
	return c
}

// maxDuration bounds what one call does.
const maxDuration = 10 * time.Minute

func (b *bench) run(ctx context.Context) error {
	if b.load.duration <= 0 || b.load.duration > maxDuration || b.load.warmUp < 0 || b.load.warmUp > maxDuration {
		return fmt.Errorf("--duration and --warm-up must be at most %s", maxDuration)
	}
	processes, err := b.processes()
	if err != nil {
		return err
	}
	if b.target.secret, err = readLine(b.secretFile); err != nil {
		return err
	}
	if b.target.password, err = readLine(b.passFile); err != nil {
		return err
	}
	var reports []report
	for _, n := range b.inFlight {
		r, err := measure(ctx, b.target, b.operation, b.load.with(n), processes)
		if err != nil {
			return err
		}
		if len(reports) == 0 {
			printHead(os.Stdout, processes)
		}
		r.print(os.Stdout, processes)
		reports = append(reports, r)
	}
	if err := writeJSON(b.jsonFile, reports); err != nil {
		return err
	}
	return writeSVG(b.svgFile, reports)
}

func (l load) with(inFlight int) load {
	l.inFlight = inFlight
	return l
}

// processes are those whose time is counted: the client, which is this program, and the watched.
func (b *bench) processes() ([]process, error) {
	all := []process{{"client", os.Getpid()}}
	for _, text := range b.watched {
		name, number, ok := strings.Cut(text, "=")
		pid, err := strconv.Atoi(number)
		if !ok || err != nil {
			return nil, fmt.Errorf("--watch %s: want NAME=PID", text)
		}
		all = append(all, process{name, pid})
	}
	return all, nil
}

// readLine returns the text of a file without its last line break; no file, no text.
func readLine(file string) (string, error) {
	if file == "" {
		return "", nil
	}
	text, err := os.ReadFile(file)
	return strings.TrimSuffix(string(text), "\n"), err
}

// measure puts one load on the issuer.
func measure(ctx context.Context, t target, operation string, l load, processes []process) (report, error) {
	t.open(l.inFlight)
	defer t.close()
	workers := make([]worker, l.inFlight)
	for i := range workers {
		var err error
		if workers[i], err = t.worker(ctx, operation); err != nil {
			return report{}, fmt.Errorf("prepare %s: %w", operation, err)
		}
	}
	before, err := cpuTimes(processes)
	if err != nil {
		return report{}, err
	}
	r := l.run(ctx, workers)
	after, err := cpuTimes(processes)
	if err != nil {
		return report{}, err
	}
	if r.Operations == 0 {
		return report{}, fmt.Errorf("%s: nothing succeeded: %s", operation, r.FirstError)
	}
	return newReport(operation, l, r, before, after), ctx.Err()
}
