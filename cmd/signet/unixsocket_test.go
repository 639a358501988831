package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// newSocketMachine returns a machine whose four servers listen on Unix sockets
// in its directory. There is a TLS certificate, which the sockets do not use.
func newSocketMachine(t *testing.T) *tlsMachine {
	t.Helper()
	return newTLSMachine(t,
		"SIGNET_HTTP_ADDRESS=unix:http.sock", "SIGNET_GRPC_ADDRESS=unix:grpc.sock", "SIGNET_OPS_ADDRESS=unix:ops.sock",
		"SIGNET_GATEWAY_ADDRESS=unix:gateway.sock", "SIGNET_TRUSTED_PROXIES=127.0.0.1", "SIGNET_LOG_LEVEL=debug")
}

// readySocket waits until the server on Unix sockets is ready.
func (p *process) readySocket() *process {
	p.m.t.Helper()
	if !eventually(func() bool { return p.m.command("healthcheck").Run() == nil }) {
		p.m.t.Fatalf("the server did not become ready:\n%s", p.log)
	}
	return p
}

// overSocket sends a request to a server on a Unix socket and returns its
// status.
func (m *tlsMachine) overSocket(socket, path string, header http.Header, body io.Reader) int {
	m.t.Helper()
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(m.dir, socket))
		},
	}}
	method := http.MethodGet
	if body != nil {
		method = http.MethodPost
	}
	r, err := http.NewRequestWithContext(m.t.Context(), method, "http://localhost"+path, body)
	must(m.t, err)
	if header != nil {
		r.Header = header
	}
	response, err := client.Do(r)
	must(m.t, err)
	defer response.Body.Close()
	return response.StatusCode
}

// All servers listen on Unix sockets that only their owner and their group can
// connect to. The commands reach them there. A proxy that connects reports the
// address of its caller.
func TestUnixSockets(t *testing.T) {
	m := newSocketMachine(t)
	p := m.start("--dev").readySocket()
	for _, name := range []string{"http.sock", "grpc.sock", "ops.sock", "gateway.sock"} {
		info, err := os.Stat(filepath.Join(m.dir, name))
		must(t, err)
		if mode := info.Mode(); mode != os.ModeSocket|0o660 {
			t.Errorf("%s has the mode %s", name, mode)
		}
	}
	m.signet("", "login")
	m.signet("", "refresh")

	if status := m.overSocket("http.sock", "/.well-known/jwks.json", nil, nil); status != http.StatusOK {
		t.Errorf("the JWK Set: status %d", status)
	}
	if status := m.overSocket("gateway.sock", "/forward-auth/-", nil, nil); status != http.StatusForbidden {
		t.Errorf("a question of a gateway about an unknown page: status %d, want 403", status)
	}
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"x"}, "client_id": {"nobody"}}
	m.overSocket("http.sock", "/oauth2/token", http.Header{
		"Content-Type": {"application/x-www-form-urlencoded"}, "X-Forwarded-For": {"198.51.100.7"},
	}, strings.NewReader(form.Encode()))
	if !eventually(func() bool { return strings.Contains(p.log.String(), "198.51.100.7") }) {
		t.Errorf("the log does not have the address that the proxy reported:\n%s", p.log)
	}
	must(t, p.drain())
	for _, name := range []string{"http.sock", "grpc.sock", "ops.sock", "gateway.sock"} {
		if _, err := os.Lstat(filepath.Join(m.dir, name)); err == nil {
			t.Errorf("%s is left after the end of the server", name)
		}
	}
}

// A server replaces the sockets of one that was killed. It does not take the
// socket of a running one, deletes no other file, and does not listen where
// everyone could replace its socket.
func TestUnixSockets_OfAnotherProcess(t *testing.T) {
	m := newSocketMachine(t)
	m.start("--dev").readySocket().kill()
	m.start("--dev").readySocket()

	second := m.start("--dev", "--set", "data_dir=second")
	if second.drained() == nil || !strings.Contains(second.log.String(), "another process listens on ops.sock") {
		t.Errorf("a second server: %v\n%s", second.err, second.log)
	}
	if status := m.overSocket("ops.sock", "/livez", nil, nil); status != http.StatusOK {
		t.Errorf("the first server then: status %d", status)
	}

	const file = "file.sock"
	must(t, os.WriteFile(filepath.Join(m.dir, file), []byte("text"), 0o600))
	third := m.start("--dev", "--set", "data_dir=second", "--set", "ops.address=unix:"+file)
	if third.drained() == nil || !strings.Contains(third.log.String(), "exists and is not a socket") {
		t.Errorf("a socket in place of a file: %v\n%s", third.err, third.log)
	}
	if text, err := os.ReadFile(filepath.Join(m.dir, file)); err != nil || string(text) != "text" {
		t.Errorf("the file is changed: %q, %v", text, err)
	}

	const dir = "open"
	must(t, os.Mkdir(filepath.Join(m.dir, dir), 0o700))
	must(t, os.Chmod(filepath.Join(m.dir, dir), 0o777)) // regardless of the umask
	fourth := m.start("--dev", "--set", "data_dir=second", "--set", "ops.address=unix:"+dir+"/ops.sock")
	if fourth.drained() == nil || !strings.Contains(fourth.log.String(), "lets everyone on the machine replace files") {
		t.Errorf("a socket that everyone can replace: %v\n%s", fourth.err, fourth.log)
	}
}
