package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// The server of nginx in docs/tls.md passes both APIs on to the Unix sockets,
// with the address of the caller.
func TestUnixSockets_BehindNGINX(t *testing.T) {
	m := newSocketMachine(t)
	p := m.start("--dev").readySocket()
	m.startNGINX(m.http)

	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	trust := &tls.Config{RootCAs: m.authority.Pool()}
	client := http.Client{Transport: &http.Transport{
		DialContext: dialer.DialContext, TLSClientConfig: trust, DisableKeepAlives: true,
	}}
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"x"}, "client_id": {"nobody"}}
	response, err := client.PostForm("https://"+m.http+"/oauth2/token", form)
	must(t, err)
	must(t, response.Body.Close())
	if response.StatusCode != http.StatusUnauthorized {
		t.Errorf("a token request of an unknown client: %s", response.Status)
	}

	conn, err := grpc.NewClient("passthrough:///"+m.http, grpc.WithTransportCredentials(credentials.NewTLS(trust)),
		grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) {
			return dialer.DialContext(ctx, "tcp", address)
		}))
	must(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	_, err = signetv1.NewTokenServiceClient(conn).Refresh(t.Context(), &signetv1.RefreshRequest{})
	if status.Code(err) != codes.Unauthenticated {
		t.Errorf("a refresh without a client: %v", err)
	}

	for _, what := range []string{"/oauth2/token", "/signet.v1.TokenService/Refresh"} {
		reported := func(line string) bool {
			return strings.Contains(line, what) && strings.Contains(line, "127.0.0.2")
		}
		if !eventually(func() bool { return slices.ContainsFunc(strings.Split(p.log.String(), "\n"), reported) }) {
			t.Errorf("no line for %s has the address of the caller:\n%s", what, p.log)
		}
	}
}

// startNGINX runs nginx with the server of docs/tls.md at an address until the
// test ends.
func (m *tlsMachine) startNGINX(address string) {
	m.t.Helper()
	page, err := os.ReadFile("../../docs/tls.md")
	must(m.t, err)
	_, block, found := strings.Cut(string(page), "```nginx\n")
	block, _, _ = strings.Cut(block, "```")
	for _, edit := range [][2]string{
		{"listen 443", "listen " + address},
		{"/run/signet", m.dir},
		{"/etc/nginx/tls/login.example.com.crt", filepath.Join(m.dir, "cert.pem")},
		{"/etc/nginx/tls/login.example.com.key", filepath.Join(m.dir, "key.pem")},
	} {
		found = found && strings.Contains(block, edit[0])
		block = strings.ReplaceAll(block, edit[0], edit[1])
	}
	if !found {
		m.t.Fatalf("docs/tls.md has another example:\n%s", block)
	}
	file := filepath.Join(m.dir, "nginx.conf")
	must(m.t, os.WriteFile(file, fmt.Appendf(nil, `
daemon off; master_process off; error_log stderr; pid %[1]s/nginx.pid;
events { worker_connections 64; }
http {
	access_log off;
	client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxied;
	fastcgi_temp_path %[1]s/fastcgi; uwsgi_temp_path %[1]s/uwsgi; scgi_temp_path %[1]s/scgi;
	%[2]s
}
`, m.dir, block), 0o600))

	program, err := exec.LookPath("nginx")
	if err != nil {
		program = "/usr/sbin/nginx"
	}
	c := exec.CommandContext(m.t.Context(), program, "-e", "stderr", "-c", file)
	c.Stderr = os.Stderr
	must(m.t, c.Start())
	m.t.Cleanup(func() { _ = c.Wait() })
	if !eventually(func() bool {
		conn, err := net.Dial("tcp", address)
		return err == nil && conn.Close() == nil
	}) {
		m.t.Fatal("nginx does not listen")
	}
}
