package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signetd/signet/internal/app"
)

// The exit code of a failed command, and the names in the demo of
// `serve --dev`.
const (
	exitFailure  = 1
	demoClient   = "demo-client"
	demoAudience = "demo-api"
)

// createdClient is the part of the result of `clients create` and `clients
// rotate-secret` that tests read.
type createdClient struct {
	Secret string `json:"client_secret"`
}

// A machine is a directory in which signet runs, and its environment.
type machine struct {
	t   *testing.T
	dir string
	env []string
	// The addresses of the listeners.
	http, grpc, ops, gateway string
	stderr                   *syncBuffer // the stderr of all commands
}

// newMachine returns a machine with free addresses and with additional
// environment variables.
func newMachine(t *testing.T, env ...string) *machine {
	t.Helper()
	addresses, err := freeAddresses(4)
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{
		t: t, dir: t.TempDir(), stderr: new(syncBuffer), http: addresses[0], grpc: addresses[1], ops: addresses[2],
		gateway: addresses[3],
	}
	m.env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + m.dir, fastExit,
		"SIGNET_HTTP_ADDRESS=" + m.http, "SIGNET_GRPC_ADDRESS=" + m.grpc, "SIGNET_OPS_ADDRESS=" + m.ops,
		"SIGNET_GATEWAY_ADDRESS=" + m.gateway,
	}, env...)
	return m
}

// demoFiles are the files that `serve --dev` creates in data_dir. The tests
// copy them, because the generation of RSA keys is slow.
var demoFiles struct {
	once  sync.Once
	files map[string][]byte
}

// newDemoMachine returns a machine on which `serve --dev` has run before.
func newDemoMachine(t *testing.T, env ...string) *machine {
	t.Helper()
	demoFiles.once.Do(func() { demoFiles.files = createDemoFiles(t) })
	m := newMachine(t, env...)
	data := filepath.Join(m.dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, content := range demoFiles.files {
		if err := os.WriteFile(filepath.Join(data, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// createDemoFiles runs `serve --dev` and returns the files of data_dir by name.
func createDemoFiles(t *testing.T) map[string][]byte {
	t.Helper()
	m, files := newMachine(t), map[string][]byte{}
	if err := m.start("--dev").ready().drain(); err != nil {
		t.Fatal(err)
	}
	paths, err := filepath.Glob(filepath.Join(m.dir, "data", "*"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("the demo created no files: %v", err)
	}
	for _, path := range paths {
		if files[filepath.Base(path)], err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// command returns a command of the program on the machine.
func (m *machine) command(args ...string) *exec.Cmd {
	c := exec.Command("signet", args...)
	c.Dir, c.Env = m.dir, m.env
	return c
}

// signet runs a command and returns what it printed. A failure fails the test.
func (m *machine) signet(stdin string, args ...string) string {
	m.t.Helper()
	var out, errs bytes.Buffer
	c := m.command(args...)
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(stdin), &out, io.MultiWriter(&errs, m.stderr)
	if err := c.Run(); err != nil {
		m.t.Fatalf("signet %s: %v\n%s", strings.Join(args, " "), err, errs.String())
	}
	return out.String()
}

// demo returns the content of dev.json.
func (m *machine) demo() app.Demo {
	m.t.Helper()
	text, err := os.ReadFile(filepath.Join(m.dir, "data", "dev.json"))
	if err != nil {
		m.t.Fatal(err)
	}
	var d app.Demo
	if err := json.Unmarshal(text, &d); err != nil {
		m.t.Fatal(err)
	}
	return d
}

// statusAt returns the HTTP status at a URL; 0 without a response.
func statusAt(url string) int {
	client := http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get(url)
	if err != nil {
		return 0
	}
	_ = response.Body.Close()
	return response.StatusCode
}

// A syncBuffer is a buffer for concurrent use.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write appends to the buffer.
func (s *syncBuffer) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(b)
}

// String returns the content.
func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
