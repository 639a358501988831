package main

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// fewDescriptors is a limit of descriptors that is low for a server. Of a
// listener's connections, one address may have fifteen or less.
const (
	fewDescriptors = "256"
	manyForAddress = 40
)

// startWithFewDescriptors starts a server that may open only fewDescriptors
// files.
func (m *machine) startWithFewDescriptors() *process {
	p := m.prepare("--dev")
	limited := exec.Command("sh", append([]string{"-c", `ulimit -n "$0" && exec "$@"`, fewDescriptors},
		p.c.Args...)...)
	p.c.Path, p.c.Args = limited.Path, limited.Args
	return p.run()
}

// dialFrom returns a connection from an address of this machine.
func dialFrom(ctx context.Context, from, to string) (net.Conn, error) {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: 5 * time.Second}
	return d.DialContext(ctx, "tcp", to)
}

// connectIdle opens connections from an address. Those to the gRPC API finish
// the handshake of HTTP/2. Each stays open until the test or the server closes
// it.
func (m *machine) connectIdle(n int, from, to string) {
	m.t.Helper()
	for range n {
		c, err := dialFrom(m.t.Context(), from, to)
		if err != nil {
			continue // the server has reset the connection
		}
		m.t.Cleanup(func() { c.Close() })
		if to == m.grpc {
			// The server may have closed the connection.
			_, _ = io.WriteString(c, http2.ClientPreface)
			_ = http2.NewFramer(c, c).WriteSettings()
		}
	}
}

// Rule 76: three hundred idle connections of a stranger take neither the
// descriptors of the operations server nor the places of callers with other
// addresses.
func TestRule76_StrangersConnectionsAtDescriptorLimit(t *testing.T) {
	m := newDemoMachine(t)
	p := m.startWithFewDescriptors().ready()
	d := p.newDevice(t)
	for _, to := range []string{m.grpc, m.http} {
		m.connectIdle(300, "127.0.0.3", to)
	}
	if got := statusAt("http://" + m.ops + "/readyz"); got != http.StatusOK {
		t.Errorf("the operations server answers %d", got)
	}
	m.connectIdle(300, "127.0.0.3", m.ops)
	if got := statusAt("http://" + m.ops + "/readyz"); got != http.StatusOK {
		t.Errorf("the operations server, with connections of a stranger, answers %d", got)
	}

	conn, err := grpc.NewClient("passthrough:///"+m.grpc, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, to string) (net.Conn, error) {
			return dialFrom(ctx, "127.0.0.2", to)
		}))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	d.tokens = signetv1.NewTokenServiceClient(conn)
	if _, err := d.refreshOnce(); err != nil {
		t.Errorf("a refresh on a new connection: %v", err)
	}
	if got := statusAt("http://" + m.http + "/.well-known/jwks.json"); got != http.StatusOK {
		t.Errorf("the JWK Set on a new connection: %d", got)
	}

	metrics := m.signetMetrics()
	for _, series := range []string{
		`signet_connections_refused_total{bound="address",listener="grpc"} 0`,
		`signet_connections_refused_total{bound="address",listener="http"} 0`,
		`signet_connections_refused_total{bound="address",listener="ops"} 0`,
	} {
		if strings.Contains(metrics, series+"\n") {
			t.Errorf("the metrics have %s", series)
		}
	}
}

// signetMetrics returns the metrics of the server.
func (m *machine) signetMetrics() string {
	m.t.Helper()
	client := http.Client{Timeout: 10 * time.Second}
	response, err := client.Get("http://" + m.ops + "/metrics")
	if err != nil {
		m.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		m.t.Fatal(err)
	}
	return string(text)
}

// A server that may open too few files does not start, and says what it needs.
func TestServe_RefusesTooFewDescriptors(t *testing.T) {
	m := newDemoMachine(t)
	c := m.command("serve", "--dev")
	limited := exec.Command("sh", append([]string{"-c", `ulimit -n 64 && exec "$@"`, "sh"}, c.Args...)...)
	limited.Dir, limited.Env = c.Dir, c.Env
	out, err := limited.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "RLIMIT_NOFILE") {
		t.Errorf("%v:\n%s", err, out)
	}
}

// Connections with a valid client certificate do not count by address, and
// neither do those of trusted proxies. Other connections of the same address
// do.
func TestConnections_CertificatesAndProxiesDoNotCountByAddress(t *testing.T) {
	m := newTLSMachine(t, "SIGNET_TLS_CLIENT_CA_FILE=ca.pem", "SIGNET_TRUSTED_PROXIES=127.0.0.9")
	m.startWithFewDescriptors().ready()
	certificate := []tls.Certificate{m.authority.Client(t, "gw.example").TLS(t)}
	for name, c := range map[string]struct {
		from         string
		certificates []tls.Certificate
		all          bool
	}{
		"certificate":   {"127.0.0.2", certificate, true},
		"proxy":         {"127.0.0.9", nil, true},
		"neither":       {"127.0.0.3", nil, false},
		"another proxy": {"127.0.0.8", nil, false},
	} {
		for api, to := range map[string]string{"grpc": m.grpc, "http": m.http} {
			if got := m.countServed(c.from, to, c.certificates); (got == manyForAddress) != c.all || got == 0 {
				t.Errorf("%s: the %s API served %d of %d connections", name, api, got, manyForAddress)
			}
		}
	}
}

// countServed opens connections one after another, and keeps them open until
// all are. It returns on how many the server has answered.
func (m *tlsMachine) countServed(from, to string, certificates []tls.Certificate) (served int) {
	m.t.Helper()
	protocol, greeting := "http/1.1", "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
	if to == m.grpc {
		protocol, greeting = "h2", http2.ClientPreface+"\x00\x00\x00\x04\x00\x00\x00\x00\x00" // empty SETTINGS
	}
	config := &tls.Config{
		RootCAs: m.authority.Pool(), ServerName: "127.0.0.1", Certificates: certificates,
		NextProtos: []string{protocol},
	}
	for range manyForAddress {
		raw, err := dialFrom(m.t.Context(), from, to)
		if err != nil {
			continue // the server has reset the connection
		}
		c := tls.Client(raw, config)
		defer c.Close()
		if _, err := io.WriteString(c, greeting); err != nil {
			continue
		}
		if protocol == "h2" {
			// The answer to the settings comes after the handshake, unlike the
			// settings of the server.
			if _, err := io.CopyN(io.Discard, c, 9); err != nil {
				continue
			}
		}
		if _, err := c.Read(make([]byte, 1)); err == nil {
			served++
		}
	}
	return served
}
