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
)

// facts are what `signet serve --dev` writes down of its demo.
type facts struct {
	GRPC         string `json:"grpc"`
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
	Audience     string `json:"audience"`
	Username     string `json:"username"`
	Password     string `json:"password"`
}

// signet runs a command of the issuer in a folder.
func signet(t *testing.T, program, dir string, args ...string) {
	t.Helper()
	c := exec.Command(program, args...)
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("signet %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// serve builds and starts a real issuer, lets its demo client mint for subjects, and returns its facts, the address of its HTTP
// door and its process.
func serve(t *testing.T) (facts, string, int) {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "signet")
	build := exec.Command("go", "-C", "../..", "build", "-buildvcs=false", "-ldflags=-w", "-o", program, "./cmd/signet")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the issuer: %v\n%s", err, out)
	}
	c := exec.Command(program, "serve", "--dev", "--set", "http.address=127.0.0.1:0", "--set", "grpc.address=127.0.0.1:0",
		"--set", "ops.address=127.0.0.1:0", "--set", "shutdown.drain=0s", "--set", "log.format=json")
	c.Dir = dir
	said, err := c.StderrPipe()
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
	doors := addresses(t, said)
	var f facts
	text, err := os.ReadFile(filepath.Join(dir, "data", "dev.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &f); err != nil {
		t.Fatal(err)
	}
	f.GRPC = doors["grpc"]
	signet(t, program, dir, "clients", "update", f.ClientID, "--mint-subjects")
	return f, doors["http"], c.Process.Pid
}

// addresses reads where the doors are from what the server says, and what it says later, so that it is never held up.
func addresses(t *testing.T, said io.Reader) map[string]string {
	t.Helper()
	doors, lines := map[string]string{}, bufio.NewScanner(said)
	for len(doors) < 3 && lines.Scan() {
		var line struct{ Msg, Door, Address string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "listening" {
			doors[line.Door] = line.Address
		}
	}
	if len(doors) < 3 {
		t.Fatalf("the server opened %v only", doors)
	}
	go func() {
		for lines.Scan() {
		}
	}()
	return doors
}

// TestBench measures a real issuer, for a moment.
func TestBench(t *testing.T) {
	f, web, pid := serve(t)
	t.Run("every operation", func(t *testing.T) { everyOperation(t, f, web, pid) })
	t.Run("as a person does", func(t *testing.T) { asAPerson(t, f, web, pid) })
}

func everyOperation(t *testing.T, f facts, web string, pid int) {
	if r, err := http.Get("http://" + web + "/readyz"); err != nil || r.StatusCode != http.StatusOK {
		t.Fatalf("the issuer is not ready: %v", err)
	}
	t0 := target{
		grpc: f.GRPC, http: web, clientID: f.ClientID, secret: f.ClientSecret, username: f.Username, password: f.Password,
	}
	processes := []process{{"client", os.Getpid()}, {"issuer", pid}}
	l := load{inFlight: 4, duration: time.Second}
	if testing.Short() {
		l.rate = 10 // each second, instead of as many as the machine can
	}
	for until := time.Now().Add(time.Minute); time.Now().Before(until); { // it is known within half a second that the client mints
		r, err := measure(t.Context(), t0, "introspect", load{inFlight: 1, duration: 10 * time.Millisecond}, processes)
		if err == nil && r.Errors == 0 {
			break
		}
	}
	for name := range operations {
		r, err := measure(t.Context(), t0, name, l, processes)
		if err != nil || r.Errors > 0 {
			t.Errorf("%s: %v %s", name, err, r.FirstError)
			continue
		}
		if r.Operations < 1 || r.P50 <= 0 || r.P99 < r.P50 || r.CPU["issuer"] < 0 {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func asAPerson(t *testing.T, f facts, web string, pid int) {
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret")
	if err := os.WriteFile(secret, []byte(f.ClientSecret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	duration := "1s"
	if testing.Short() {
		duration = "100ms"
	}
	c := benchCommand()
	c.SetArgs([]string{
		"mint", "--grpc", f.GRPC, "--http", web, "--client-id", f.ClientID, "--client-secret-file", secret, "--in-flight", "1,2",
		"--warm-up", "10ms", "--duration", duration, "--watch", "issuer=" + strconv.Itoa(pid),
		"--json", filepath.Join(dir, "b.json"), "--svg", filepath.Join(dir, "b.svg"),
	})
	if err := c.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "b.json"))
	if err != nil {
		t.Fatal(err)
	}
	var reports []report
	if err := json.Unmarshal(text, &reports); err != nil || len(reports) != 2 || reports[1].InFlight != 2 || reports[0].Operations < 1 {
		t.Errorf("%v: %s", err, text)
	}
	if drawing, err := os.ReadFile(filepath.Join(dir, "b.svg")); err != nil || !bytes.Contains(drawing, []byte("mint, 2 in flight")) {
		t.Errorf("%v: %s", err, drawing)
	}
	for _, wrong := range [][]string{{"dance"}, {"mint", "--watch", "issuer"}, {"mint", "--duration", "11m"}, {}} {
		c := benchCommand()
		c.SetArgs(append(wrong, "--grpc", f.GRPC, "--in-flight", "1"))
		c.SilenceErrors, c.SilenceUsage = true, true
		if err := c.ExecuteContext(t.Context()); err == nil {
			t.Errorf("bench %v was done", wrong)
		}
	}
}
