package gateways

import (
	"bytes"
	"encoding/json"
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

func TestMain(m *testing.M) { os.Exit(programs.MainUnlessShort(m, "./cmd/signet")) }

// A server runs the program with its own folder and addresses.
type server struct {
	dir                        string
	public, grpc, ops, gateway string
	env                        []string
	process                    *os.Process
}

// newServer returns a server that does not run yet, with a store.
func newServer(t *testing.T) *server {
	t.Helper()
	addresses := programs.FreeAddresses(t, 4)
	s := &server{dir: t.TempDir(), public: addresses[0], grpc: addresses[1], ops: addresses[2], gateway: addresses[3]}
	s.env = append(programs.Environment(),
		"SIGNET_ISSUER=https://login.example", "SIGNET_DATA_DIR="+filepath.Join(s.dir, "data"),
		"SIGNET_HTTP_ADDRESS="+s.public, "SIGNET_GRPC_ADDRESS="+s.grpc, "SIGNET_OPS_ADDRESS="+s.ops,
		"SIGNET_GATEWAY_ADDRESS="+s.gateway, "SIGNET_TRUSTED_PROXIES=127.0.0.1", "SIGNET_SHUTDOWN_DRAIN=0s")
	s.run(t, "", nil, "migrate")
	return s
}

// run runs a command and decodes its JSON output into out, unless out is nil.
func (s *server) run(t *testing.T, stdin string, out any, args ...string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	command := exec.CommandContext(t.Context(), programs.Path("signet"), append(args, "--output", "json")...)
	command.Dir, command.Env, command.Stdin = s.dir, s.env, strings.NewReader(stdin)
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		t.Fatalf("signet %s: %v\n%s%s", strings.Join(args, " "), err, &stdout, &stderr)
	}
	if out == nil {
		return
	}
	if err := json.Unmarshal(stdout.Bytes(), out); err != nil {
		t.Fatalf("signet %s printed %q: %v", strings.Join(args, " "), &stdout, err)
	}
}

// serve runs the server until kill is called or the test ends.
func (s *server) serve(t *testing.T) (kill func()) {
	t.Helper()
	log, err := os.Create(filepath.Join(s.dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(programs.Path("signet"), "serve")
	command.Dir, command.Env, command.Stdout, command.Stderr = s.dir, s.env, log, log
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	s.process = command.Process
	kill = sync.OnceFunc(func() {
		_ = command.Process.Signal(syscall.SIGKILL)
		_ = command.Wait() // the status is that of the killed program
	})
	t.Cleanup(func() {
		kill()
		_ = log.Close()
		if t.Failed() {
			text, _ := os.ReadFile(log.Name())
			t.Logf("the server's log ends with:\n%s", text[max(0, len(text)-5000):])
		}
	})

	s.awaitReady(t)
	return kill
}

// awaitReady waits until the server says that it is ready.
func (s *server) awaitReady(t *testing.T) {
	t.Helper()
	await(t, "the server is ready", func() bool {
		r, err := http.Get("http://" + s.ops + "/readyz")
		if err != nil {
			return false
		}
		_ = r.Body.Close()
		return r.StatusCode == http.StatusOK
	})
}

// await waits until a condition holds.
func await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline, poll := time.After(time.Minute), time.NewTicker(20*time.Millisecond)
	defer poll.Stop()
	for !condition() {
		select {
		case <-deadline:
			t.Fatalf("still waiting until %s", what)
		case <-poll.C:
		}
	}
}
