package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/signetd/signet/cmd/signet-lab/internal/load"
	"github.com/signetd/signet/cmd/signet-lab/internal/measure"
	"github.com/signetd/signet/cmd/signet-lab/internal/operation"
)

// demo is the file that `signet serve --dev` writes about its demo records.
type demo struct {
	GRPC         string `json:"grpc"`
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
	Audience     string `json:"audience"`
	Username     string `json:"username"`
	Password     string `json:"password"`
}

// signet runs a command of the issuer's program in a directory.
func signet(t *testing.T, program, dir string, args ...string) {
	t.Helper()
	c := exec.Command(program, args...)
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("signet %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// startIssuer builds and starts an issuer with demo records, and allows its
// client to mint tokens for subjects. It returns the demo file, the HTTP
// address and the process ID.
func startIssuer(t *testing.T) (demo, string, int) {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "signet")
	build := exec.Command("go", "-C", "../..", "build", "-buildvcs=false", "-ldflags=-w", "-o", program, "./cmd/signet")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the issuer: %v\n%s", err, out)
	}

	c := exec.Command(program, "serve", "--dev", "--set", "http.address=127.0.0.1:0",
		"--set", "grpc.address=127.0.0.1:0", "--set", "ops.address=127.0.0.1:0",
		"--set", "gateway.address=127.0.0.1:0",
		"--set", "shutdown.drain=0s", "--set", "log.format=json")
	c.Dir = dir
	stderr, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Signal(os.Interrupt)
		_ = c.Wait()
	})
	addresses := readAddresses(t, stderr)

	var d demo
	text, err := os.ReadFile(filepath.Join(dir, "data", "dev.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	d.GRPC = addresses["grpc"]
	signet(t, program, dir, "clients", "update", d.ClientID, "--mint-subjects")
	return d, addresses["http"], c.Process.Pid
}

// readAddresses reads the addresses of the three listeners from an issuer's
// log. It then discards the rest of the log, so that the issuer is never
// blocked.
func readAddresses(t *testing.T, log io.Reader) map[string]string {
	t.Helper()
	addresses, lines := map[string]string{}, bufio.NewScanner(log)
	for len(addresses) < 3 && lines.Scan() {
		var line struct {
			Message  string `json:"msg"`
			Listener string `json:"listener"`
			Address  string `json:"address"`
		}
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Message == "listening" {
			addresses[line.Listener] = line.Address
		}
	}
	if len(addresses) < 3 {
		t.Fatalf("issuer listens only on %v", addresses)
	}
	go func() {
		for lines.Scan() {
		}
	}()
	return addresses
}

// TestBench measures a real issuer for a short time.
func TestBench(t *testing.T) {
	d, web, pid := startIssuer(t)
	t.Run("every operation", func(t *testing.T) { testOperations(t, d, web, pid) })
	t.Run("command line", func(t *testing.T) { testCommandLine(t, d, web, pid) })
}

func testOperations(t *testing.T, d demo, web string, pid int) {
	if r, err := http.Get("http://" + web + "/readyz"); err != nil || r.StatusCode != http.StatusOK {
		t.Fatalf("issuer is not ready: %v", err)
	}
	server := operation.Server{
		GRPC: d.GRPC, HTTP: web, ClientID: d.ClientID, ClientSecret: d.ClientSecret,
		Usernames: []string{d.Username}, Password: d.Password,
	}
	processes := []measure.Process{{Name: "client", PID: os.Getpid()}, {Name: "issuer", PID: pid}}
	p := load.Profile{Concurrency: 4, Duration: 300 * time.Millisecond}
	if testing.Short() {
		p.Rate = 10 // a second, instead of the maximum
	}

	// The issuer reads the client's new permission within half a second.
	for until := time.Now().Add(time.Minute); time.Now().Before(until); {
		short := load.Profile{Concurrency: 1, Duration: 10 * time.Millisecond}
		r, err := measure.Run(t.Context(), server, "introspect", short, processes)
		if err == nil && r.Errors == 0 {
			break
		}
	}

	for _, name := range operation.Names() {
		p := p
		if name == "login" {
			p.Rate = 10 // a second; the issuer limits the logins of its only user
		}
		r, err := measure.Run(t.Context(), server, name, p, processes)
		if err != nil || r.Errors > 0 {
			t.Errorf("%s: %v %s", name, err, r.FirstError)
			continue
		}
		if r.Operations < 1 || r.P50 <= 0 || r.P99 < r.P50 || r.CPU["issuer"] < 0 {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func testCommandLine(t *testing.T, d demo, web string, pid int) {
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret")
	if err := os.WriteFile(secret, []byte(d.ClientSecret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := benchCommand()
	c.SetArgs([]string{
		"mint", "--grpc", d.GRPC, "--http", web, "--client-id", d.ClientID, "--client-secret-file", secret,
		"--concurrency", "1,2", "--warm-up", "10ms", "--duration", "100ms", "--watch", "issuer=" + strconv.Itoa(pid),
		"--json", filepath.Join(dir, "b.json"), "--svg", filepath.Join(dir, "b.svg"),
	})
	if err := c.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}

	text, err := os.ReadFile(filepath.Join(dir, "b.json"))
	if err != nil {
		t.Fatal(err)
	}
	var reports []measure.Report
	err = json.Unmarshal(text, &reports)
	if err != nil || len(reports) != 2 || reports[1].Concurrency != 2 || reports[0].Operations < 1 {
		t.Errorf("%v: %s", err, text)
	}
	drawing, err := os.ReadFile(filepath.Join(dir, "b.svg"))
	if err != nil || !bytes.Contains(drawing, []byte("mint, 2 concurrent")) {
		t.Errorf("%v: %s", err, drawing)
	}

	for _, invalid := range [][]string{{"dance"}, {"mint", "--watch", "issuer"}, {"mint", "--duration", "11m"}, {}} {
		c := benchCommand()
		c.SetArgs(append(invalid, "--grpc", d.GRPC, "--concurrency", "1"))
		c.SilenceErrors, c.SilenceUsage = true, true
		if err := c.ExecuteContext(t.Context()); err == nil {
			t.Errorf("bench %v succeeded", invalid)
		}
	}
}
