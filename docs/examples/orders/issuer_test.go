package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A fixture runs the issuer and the API as processes, as README does.
type fixture struct {
	t   *testing.T
	dir string   // working directory of the processes
	env []string // environment of the processes
	api string   // URL
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	var free [4]string
	for i := range free {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close() // at the end, so that all addresses differ
		free[i] = l.Addr().String()
	}
	f := &fixture{t: t, dir: t.TempDir(), api: "http://" + free[3]}
	f.env = append(os.Environ(), "SIGNET_HTTP_ADDRESS="+free[0], "SIGNET_GRPC_ADDRESS="+free[1],
		"SIGNET_OPS_ADDRESS="+free[2], "SIGNET_GATEWAY_ADDRESS=127.0.0.1:0", "SIGNET_SHUTDOWN_DRAIN=0s")
	build := exec.Command("go", "build", "-buildvcs=false", "-ldflags=-w", "-o", f.dir, ".", "../../../cmd/signet")
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	// The API starts first, and waits for the issuer.
	f.start("orders", "-listen", free[3], "-issuer", "http://"+free[0])
	f.start("signet", "serve", "--dev")
	return f
}

// start starts a program that stops with the test.
func (f *fixture) start(name string, args ...string) {
	f.t.Helper()
	c, output := f.command(name, args...), new(bytes.Buffer)
	c.Stdout, c.Stderr = output, output
	if err := c.Start(); err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() {
		_ = c.Process.Signal(os.Interrupt)
		if err := c.Wait(); err != nil {
			f.t.Errorf("%s stopped with %v", name, err)
		}
		if f.t.Failed() {
			f.t.Logf("output of %s:\n%s", name, output)
		}
	})
}

func (f *fixture) command(name string, args ...string) *exec.Cmd {
	c := exec.Command(filepath.Join(f.dir, name), args...)
	c.Dir, c.Env = f.dir, f.env
	return c
}

// signet runs a command of the issuer.
func (f *fixture) signet(args ...string) {
	f.t.Helper()
	if text, err := f.command("signet", args...).CombinedOutput(); err != nil {
		f.t.Fatalf("signet %v: %v\n%s", args, err, text)
	}
}

// login logs the demo user in and returns the access token.
func (f *fixture) login() string {
	f.t.Helper()
	f.signet("login")
	var stored struct {
		Token string `json:"access_token"`
	}
	text, err := os.ReadFile(filepath.Join(f.dir, "data", "token.json"))
	if err == nil {
		err = json.Unmarshal(text, &stored)
	}
	if err != nil || stored.Token == "" {
		f.t.Fatalf("token.json has no access token: %v", err)
	}
	return stored.Token
}

// get sends a request with the token. It returns nil if the API does not listen
// yet.
func (f *fixture) get(path, token string) *http.Response {
	f.t.Helper()
	r, err := http.NewRequestWithContext(f.t.Context(), http.MethodGet, f.api+path, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil
	}
	f.t.Cleanup(func() { _ = response.Body.Close() })
	return response
}

// await waits until a request with the token is answered with that status, and
// returns how long that took.
func (f *fixture) await(status int, token string) time.Duration {
	f.t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for began := time.Now(); time.Since(began) < 30*time.Second; <-tick.C {
		if r := f.get("/orders", token); r != nil && r.StatusCode == status {
			return time.Since(began)
		}
	}
	f.t.Fatalf("the API does not answer %d", status)
	return 0
}

// readmeCommands returns the commands of README.md that call the API, for the
// programs and the addresses of the fixture.
func (f *fixture) readmeCommands() string {
	f.t.Helper()
	readme, err := os.ReadFile("../../../README.md")
	if err != nil {
		f.t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(readme), "## Protect a Go service")
	_, block, _ := strings.Cut(section, "```console\n$ go run ./cmd/signet login")
	block, _, found := strings.Cut("$ ./signet login"+block, "```")
	if !found {
		f.t.Fatal("README.md has no commands for this test")
	}
	return strings.NewReplacer("\n$ ", "\n", "$ ./", "./", "go run ./cmd/signet", "./signet", "http://127.0.0.1:8000", f.api).
		Replace(block)
}

// run runs commands of a shell and returns what they print.
func (f *fixture) run(commands string) string {
	f.t.Helper()
	c := exec.Command("bash", "-eo", "pipefail", "-c", commands)
	c.Dir, c.Env = f.dir, f.env
	text, err := c.CombinedOutput()
	if err != nil {
		f.t.Fatalf("%v\n%s\n%s", err, commands, text)
	}
	return string(text)
}

// TestOrders_RevokedTokenIsRefused follows README.md with a real issuer. Then a
// token is refused, and its stream ends, after `signet grants revoke`.
func TestOrders_RevokedTokenIsRefused(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds an issuer and starts it, which the full form does")
	}
	f := newFixture(t)
	f.await(http.StatusUnauthorized, "x")
	text := f.run(f.readmeCommands())
	for _, part := range []string{
		"HTTP/1.1 200 OK", `"orders":["order-1","order-2"]`, "HTTP/1.1 401 Unauthorized", "the access token was revoked",
	} {
		if !strings.Contains(text, part) {
			t.Errorf("the commands of README.md do not print %q, but\n%s", part, text)
		}
	}

	token := f.login()
	f.await(http.StatusOK, token)
	stream := f.get("/orders/events", token)
	if stream == nil || stream.StatusCode != http.StatusOK {
		t.Fatal("no stream")
	}

	f.signet("grants", "revoke", "--user", "demo")
	t.Logf("refused %v after the command", f.await(http.StatusUnauthorized, token))
	rest, err := io.ReadAll(stream.Body)
	if err != nil || !strings.HasSuffix(string(rest), "event: end\ndata: invalid token: revoked\n\n") {
		t.Errorf("the stream ended with %q, %v", rest, err)
	}
	f.await(http.StatusOK, f.login())
}
