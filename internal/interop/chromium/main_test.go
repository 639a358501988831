package chromium

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/signetd/signet/internal/interop/programs"
)

const (
	username = "ada"
	password = "a long and secret phrase"
	audience = "https://api.example"
	clientID = "shop"
)

func TestMain(m *testing.M) {
	// The tests wait most of the time.
	if err := flag.Set("test.parallel", "5"); err != nil {
		panic(err)
	}
	os.Exit(programs.Main(m.Run, "./cmd/signet"))
}

// setParallel runs a test in parallel with others, but not in the short form.
func setParallel(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("each starts a browser")
	}
	t.Parallel()
}

// isLong reports whether the tests run in their full length.
func isLong() bool { return os.Getenv("SIGNET_TEST_LONG") != "" }

// An issuer is the running program with its own directory and addresses.
type issuer struct {
	dir, http, ops, gateway string
	env                     []string
	log                     lockedBuffer
}

// lockedBuffer is a bytes.Buffer for several goroutines.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// newIssuer runs an issuer with a user and one application in the browser,
// whose access tokens have that lifetime.
func newIssuer(t *testing.T, way string, lifetime time.Duration, origins ...string) *issuer {
	t.Helper()
	dir, addresses := t.TempDir(), programs.FreeAddresses(t, 4)
	i := &issuer{dir: dir, http: addresses[0], ops: addresses[2], gateway: addresses[3]}
	i.env = append(programs.Environment(), "SIGNET_ISSUER=http://"+i.http, "SIGNET_DATA_DIR="+filepath.Join(dir, "data"),
		"SIGNET_SHUTDOWN_DRAIN=0s", "SIGNET_HTTP_ADDRESS="+i.http, "SIGNET_GRPC_ADDRESS="+addresses[1],
		"SIGNET_OPS_ADDRESS="+i.ops, "SIGNET_GATEWAY_ADDRESS="+i.gateway)
	i.run(t, "", "migrate")
	i.run(t, "", "audiences", "create", audience, "--alg", "EdDSA", "--lifetime", lifetime.String())
	create := []string{"clients", "create", clientID, "--public", "--browser", way, "--audience", audience}
	for _, origin := range origins {
		create = append(create, "--origin", origin)
	}
	i.run(t, "", create...)
	i.run(t, password+"\n", "users", "create", username)
	i.serve(t)
	return i
}

// run runs a command of the program, and returns its JSON output.
func (i *issuer) run(t *testing.T, stdin string, args ...string) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, programs.Path("signet"), append(args, "--output", "json")...)
	cmd.Dir, cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = i.dir, i.env, strings.NewReader(stdin), &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("signet %s: %v\n%s%s", strings.Join(args, " "), err, &stdout, &stderr)
	}
	return stdout.Bytes()
}

// serve runs the server until the test ends.
func (i *issuer) serve(t *testing.T) {
	t.Helper()
	cmd := exec.Command(programs.Path("signet"), "serve")
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = i.dir, i.env, &i.log, &i.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		kill := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
		defer kill.Stop()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the server has exited with %v", err)
		}
		if t.Failed() {
			t.Logf("the server's log:\n%s", &i.log)
		}
	})
	await(t, "the server is ready", func() bool {
		response, err := http.Get("http://" + i.ops + "/readyz")
		if err != nil {
			return false
		}
		response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
}

// await waits until a condition is true.
func await(t testing.TB, what string, condition func() bool) {
	t.Helper()
	deadline, poll := time.After(patience), time.NewTicker(20*time.Millisecond)
	defer poll.Stop()
	for !condition() {
		select {
		case <-deadline:
			t.Fatalf("not true in %v: %s", patience, what)
		case <-poll.C:
		}
	}
}

// events returns how many audit events of that name the server has written.
func (i *issuer) events(name string) (n int) {
	for line := range strings.Lines(i.log.String()) {
		var event struct {
			Event string `json:"event"`
		}
		if json.Unmarshal([]byte(line), &event) == nil && event.Event == name {
			n++
		}
	}
	return n
}

// grants returns the states of all grants of the user, the newest first.
func (i *issuer) grants(t *testing.T) (states []string) {
	t.Helper()
	var all []struct {
		State string `json:"state"`
	}
	if err := json.Unmarshal(i.run(t, "", "grants", "list", "--user", username), &all); err != nil {
		t.Fatal(err)
	}
	for _, grant := range all {
		states = append(states, grant.State)
	}
	return states
}

// metric returns the value of a metric with these labels, 0 if there is none.
func (i *issuer) metric(t *testing.T, series string) (value float64) {
	t.Helper()
	response, err := http.Get("http://" + i.ops + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var text bytes.Buffer
	if _, err := text.ReadFrom(response.Body); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(text.String()) {
		if rest, ok := strings.CutPrefix(line, series+" "); ok {
			if _, err := fmt.Sscan(rest, &value); err != nil {
				t.Fatal(err)
			}
		}
	}
	return value
}

// revokeAll revokes all grants of the user.
func (i *issuer) revokeAll(t *testing.T) {
	t.Helper()
	i.run(t, "", "grants", "revoke", "--user", username)
}
