package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// statusAt returns the HTTP status at a URL; 0 if nobody answers.
func statusAt(url string) int {
	client := http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Get(url)
	if err != nil {
		return 0
	}
	_ = answer.Body.Close()
	return answer.StatusCode
}

// A machine is a folder in which signet runs, and the environment that it runs in.
type machine struct {
	t              *testing.T
	dir            string
	env            []string
	http, grpc, at string  // the doors; at is that of the operator
	said           *synced // what commands wrote to stderr
}

// newMachine returns a machine with free addresses, and settings of its own.
func newMachine(t *testing.T, settings ...string) *machine {
	t.Helper()
	addresses, err := freeAddresses(3)
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{t: t, dir: t.TempDir(), said: new(synced), http: addresses[0], grpc: addresses[1], at: addresses[2]}
	m.env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + m.dir, endAtOnce,
		"SIGNET_HTTP_ADDRESS=" + m.http, "SIGNET_GRPC_ADDRESS=" + m.grpc, "SIGNET_OPS_ADDRESS=" + m.at,
	}, settings...)
	return m
}

// demo is the folder of data that `serve --dev` makes, with its keys and all, for the tests to copy: RSA keys take their time.
var demo struct {
	once  sync.Once
	files map[string][]byte
}

// newDemo returns a machine on which the demo has run before.
func newDemo(t *testing.T, settings ...string) *machine {
	t.Helper()
	demo.once.Do(func() { demo.files = makeDemo(t) })
	m := newMachine(t, settings...)
	data := filepath.Join(m.dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, content := range demo.files {
		if err := os.WriteFile(filepath.Join(data, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

func makeDemo(t *testing.T) map[string][]byte {
	t.Helper()
	m, files := newMachine(t), map[string][]byte{}
	if err := m.start("--dev").ready().drain(); err != nil {
		t.Fatal(err)
	}
	paths, err := filepath.Glob(filepath.Join(m.dir, "data", "*"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("the demo made nothing: %v", err)
	}
	for _, path := range paths {
		if files[filepath.Base(path)], err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// command returns a call of the program on the machine.
func (m *machine) command(args ...string) *exec.Cmd {
	c := exec.Command("signet", args...)
	c.Dir, c.Env = m.dir, m.env
	return c
}

// signet runs a command to its end and returns what it printed.
func (m *machine) signet(stdin string, args ...string) string {
	m.t.Helper()
	var out, errs bytes.Buffer
	c := m.command(args...)
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(stdin), &out, io.MultiWriter(&errs, m.said)
	if err := c.Run(); err != nil {
		m.t.Fatalf("signet %s: %v\n%s", strings.Join(args, " "), err, errs.String())
	}
	return out.String()
}

// A process is a server that runs.
type process struct {
	m     *machine
	c     *exec.Cmd
	log   *synced
	ended chan struct{}
	err   error
}

// synced is a buffer for two.
type synced struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *synced) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(b)
}

func (s *synced) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// start starts a server; it is killed when the test ends.
func (m *machine) start(args ...string) *process {
	m.t.Helper()
	return m.prepare(args...).run()
}

// prepare returns a server that does not run yet, so that a test may change how it will.
func (m *machine) prepare(args ...string) *process {
	p := &process{m: m, c: m.command(append([]string{"serve"}, args...)...), log: new(synced), ended: make(chan struct{})}
	p.c.Stdout, p.c.Stderr = p.log, p.log
	return p
}

// run starts a server that was prepared.
func (p *process) run() *process {
	m := p.m
	m.t.Helper()
	if err := p.c.Start(); err != nil {
		m.t.Fatal(err)
	}
	go func() {
		p.err = p.c.Wait()
		close(p.ended)
	}()
	m.t.Cleanup(func() {
		p.kill()
		if m.t.Failed() {
			m.t.Logf("the server in %s said:\n%s", m.dir, p.log)
		}
	})
	return p
}

// ready waits until the server is.
func (p *process) ready() *process {
	p.m.t.Helper()
	url := "http://" + p.m.at + "/readyz"
	over := false
	eventually(func() bool {
		select {
		case <-p.ended:
			return true
		default:
			over = statusAt(url) == http.StatusOK
			return over
		}
	})
	if !over {
		p.m.t.Fatalf("the server did not become ready:\n%s", p.log)
	}
	return p
}

// kill ends the server as a power failure would.
func (p *process) kill() {
	_ = p.c.Process.Kill() // it may be gone
	<-p.ended
}

// drain asks the server to end, and waits.
func (p *process) drain() error {
	if err := p.c.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return p.drained()
}

// drained waits for a server that was asked to end.
func (p *process) drained() error {
	<-p.ended
	return p.err
}

// facts returns the demo's.
func (m *machine) facts() devFacts {
	m.t.Helper()
	text, err := os.ReadFile(filepath.Join(m.dir, "data", devFactsFile))
	if err != nil {
		m.t.Fatal(err)
	}
	var f devFacts
	if err := json.Unmarshal(text, &f); err != nil {
		m.t.Fatal(err)
	}
	return f
}

// tokens returns a client of the TokenService at an address, with one connection.
func tokens(t *testing.T, address string) signetv1.TokenServiceClient {
	t.Helper()
	return signetv1.NewTokenServiceClient(connect(t, address))
}

// connect returns a connection to the gRPC door at an address.
func connect(t *testing.T, address string) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 10 * time.Millisecond, Multiplier: 1, MaxDelay: 10 * time.Millisecond},
			MinConnectTimeout: time.Second,
		}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// as returns a context for one call of a client.
func as(t *testing.T, id, secret string) (context.Context, context.CancelFunc) {
	t.Helper()
	return asFor(t, 10*time.Second, id, secret)
}

// asFor is as with a deadline of its own.
func asFor(t *testing.T, patience time.Duration, id, secret string) (context.Context, context.CancelFunc) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	pair := url.QueryEscape(id) + ":" + url.QueryEscape(secret)
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(pair))), cancel
}
