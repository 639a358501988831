package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/signetd/signet/internal/certtest"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// A tlsMachine is a machine whose server speaks TLS, with the certificate in
// cert.pem and key.pem of its directory.
type tlsMachine struct {
	*machine
	authority *certtest.Authority
}

func newTLSMachine(t *testing.T, env ...string) *tlsMachine {
	t.Helper()
	env = append(env, "SIGNET_TLS_CERT_FILE=cert.pem", "SIGNET_TLS_KEY_FILE=key.pem")
	m := &tlsMachine{newDemoMachine(t, env...), certtest.NewAuthority(t)}
	m.authority.Server(t, 30*24*time.Hour).Write(t, m.dir)
	certtest.Write(t, m.dir, "ca.pem", m.authority.PEM)
	return m
}

// dial returns a connection to the gRPC API that trusts the authority, with
// client certificates if there are any.
func (m *tlsMachine) dial(certificates ...tls.Certificate) *grpc.ClientConn {
	m.t.Helper()
	c := &tls.Config{RootCAs: m.authority.Pool(), Certificates: certificates}
	conn, err := grpc.NewClient("passthrough:///"+m.grpc, grpc.WithTransportCredentials(credentials.NewTLS(c)))
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// serial returns the serial number of the certificate that a new connection to
// an address gets.
func (m *tlsMachine) serial(address string) string {
	conn, err := tls.Dial("tcp", address, &tls.Config{RootCAs: m.authority.Pool(), NextProtos: []string{"h2"}})
	if err != nil {
		m.t.Error(err)
		return ""
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].SerialNumber.String()
}

// Rule 72: the HTTP and the gRPC listener accept TLS 1.3 and no older version.
// They answer nothing in plain text.
func TestRule72_ListenersSpeakTLSOnly(t *testing.T) {
	m := newTLSMachine(t)
	m.start("--dev").ready()
	for name, address := range map[string]string{"http": m.http, "grpc": m.grpc} {
		for version, want := range map[uint16]bool{
			tls.VersionTLS13: true, tls.VersionTLS12: false, tls.VersionTLS11: false, tls.VersionTLS10: false,
		} {
			conn, err := tls.Dial("tcp", address, &tls.Config{
				RootCAs: m.authority.Pool(), MinVersion: version, MaxVersion: version, NextProtos: []string{"h2"},
			})
			if (err == nil) != want {
				t.Errorf("%s: %s: %v", name, tls.VersionName(version), err)
			}
			if err == nil {
				_ = conn.Close()
			}
		}

		request := "GET /.well-known/jwks.json HTTP/1.1\r\nHost: " + address + "\r\nConnection: close\r\n\r\n"
		response := sendPlainText(t, address, request)
		if strings.Contains(response, "kty") || strings.Contains(response, "200 OK") {
			t.Errorf("%s: the response in plain text is %q", name, response)
		}
		const settings = "\x00\x00\x00\x04\x00\x00\x00\x00\x00" // an HTTP/2 SETTINGS frame
		response = sendPlainText(t, address, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"+settings)
		if strings.Contains(response, "\x00\x00\x00\x04") {
			t.Errorf("%s: the response to HTTP/2 in plain text is %q", name, response)
		}
	}

	client := http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: m.authority.Pool()}, ForceAttemptHTTP2: true,
	}}
	defer client.CloseIdleConnections()
	response, err := client.Get("https://" + m.http + "/.well-known/openid-configuration")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.ProtoMajor != 2 || !strings.Contains(string(body), `"issuer":"https://`+m.http+`"`) {
		t.Errorf("%v: %s %s", err, response.Proto, body)
	}
	if hsts := response.Header.Get("Strict-Transport-Security"); hsts != "max-age=31536000" { // RFC 6797
		t.Errorf("Strict-Transport-Security is %q", hsts)
	}
}

// sendPlainText sends text without TLS and returns the response.
func sendPlainText(t *testing.T, address, text string) string {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	response, _ := io.ReadAll(conn) // the server closes the connection
	return string(response)
}

// Rule 72: a server with an unusable certificate does not start. It never
// listens in plain text instead.
func TestRule72_UnusableCertificatePreventsStart(t *testing.T) {
	setenv := func(variables ...string) func(*tlsMachine) {
		return func(m *tlsMachine) { m.env = append(m.env, variables...) }
	}
	for name, c := range map[string]struct {
		spoil func(m *tlsMachine)
		want  string
	}{
		"no certificate": {
			func(m *tlsMachine) { _ = os.Remove(filepath.Join(m.dir, "cert.pem")) },
			"cert.pem: no such file",
		},
		"another key": {
			func(m *tlsMachine) { certtest.Write(t, m.dir, "key.pem", m.authority.Server(t, time.Hour).Key) },
			"private key does not match public key",
		},
		"a key that other users may read": {
			func(m *tlsMachine) { _ = os.Chmod(filepath.Join(m.dir, "key.pem"), 0o604) },
			"key.pem has mode 0604",
		},
		"no client CA": {setenv("SIGNET_TLS_CLIENT_CA_FILE=nowhere.pem"), "nowhere.pem: no such file"},
		"no key file":  {setenv("SIGNET_TLS_KEY_FILE="), "tls.cert_file is set without tls.key_file"},
		"plain text beside a certificate": {
			setenv("SIGNET_TLS_INSECURE_PLAIN_TEXT=true"),
			"tls.insecure_plain_text is true although tls.cert_file is set",
		},
		"an old version": {
			setenv("SIGNET_TLS_MIN_VERSION=1.1"),
			"tls.min_version is \"1.1\"; want one of 1.2, 1.3",
		},
		"not loopback": {
			setenv("SIGNET_HTTP_ADDRESS=0.0.0.0:0", "SIGNET_TLS_CERT_FILE=", "SIGNET_TLS_KEY_FILE="),
			"would speak plain text",
		},
	} {
		m := newTLSMachine(t)
		c.spoil(m)
		var out bytes.Buffer
		command := m.command("serve", "--dev")
		command.Stdout, command.Stderr = &out, &out
		err := command.Start()
		if err != nil {
			t.Fatal(err)
		}
		timeout := time.AfterFunc(waitTimeout, func() { _ = command.Process.Kill() })
		err = command.Wait()
		timeout.Stop()

		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != exitFailure || !strings.Contains(out.String(), c.want) {
			t.Errorf("%s: %v, want %q in\n%s", name, err, c.want, out.String())
		}
		if strings.Contains(out.String(), "listener=http") || strings.Contains(out.String(), "listener=grpc") {
			t.Errorf("%s: the server listens:\n%s", name, out.String())
		}
	}
}

// The server reloads changed certificate files without a restart. Existing
// connections go on, new ones get the new certificate. After an unusable change
// the previous certificate stays in use.
func TestCertificateIsReloaded(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for three polls of the files; internal/cert tests what they find")
	}
	t.Parallel() // it mostly waits
	m := newTLSMachine(t, "SIGNET_SHUTDOWN_DRAIN=0s")
	server := m.start("--dev").ready()
	d := &device{t: t, credentials: m.demo(), tokens: signetv1.NewTokenServiceClient(m.dial())}
	if err := d.login(); err != nil {
		t.Fatal(err)
	}
	old := m.serial(m.grpc)
	m.authority.Server(t, 60*24*time.Hour).Write(t, m.dir)
	for name, address := range map[string]string{"http": m.http, "grpc": m.grpc} {
		if !eventually(func() bool { return m.serial(address) != old }) {
			t.Errorf("%s still has the old certificate", name)
		}
	}
	if _, err := d.refreshOnce(); err != nil { // on the connection with the old certificate
		t.Fatal(err)
	}
	if left := m.metric("signet_tls_certificate_left_seconds"); left < 59*24*60*60 {
		t.Errorf("the new certificate has %g seconds left", left)
	}

	current := m.serial(m.grpc)
	certtest.Write(t, m.dir, "key.pem", []byte("nothing"))
	if !eventually(func() bool {
		return strings.Contains(server.log.String(), "the previous certificate stays in use")
	}) {
		t.Error("the log does not report the unusable key")
	}
	if m.serial(m.grpc) != current {
		t.Error("the previous certificate is not in use")
	}
	if _, err := d.refreshOnce(); err != nil {
		t.Fatal(err)
	}
	if err := server.drain(); err != nil {
		t.Error(err)
	}
}

// metric returns the value of a metric without labels.
func (m *machine) metric(name string) float64 {
	m.t.Helper()
	response, err := http.Get("http://" + m.ops + "/metrics")
	if err != nil {
		m.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		m.t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			number, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				m.t.Fatal(err)
			}
			return number
		}
	}
	m.t.Fatalf("there is no metric %s", name)
	return 0
}

// On the server's machine the commands trust the certificate that the
// configuration names. Elsewhere they trust a CA.
func TestCommandsSpeakTLS(t *testing.T) {
	m := newTLSMachine(t)
	m.start("--dev").ready()
	m.signet("", "login")
	m.signet("", "refresh")
	m.signet("", "healthcheck") // ops.address speaks plain text
	demo := m.demo()

	other := *m.machine
	other.dir, other.env = t.TempDir(), []string{"PATH=" + os.Getenv("PATH"), fastExit}
	certtest.Write(t, other.dir, "ca.pem", m.authority.PEM)
	certtest.Write(t, other.dir, "other.pem", certtest.NewAuthority(t).PEM)
	certtest.Write(t, other.dir, "secret", []byte(demo.ClientSecret))
	login := []string{
		"login", "--grpc", m.grpc, "--client-id", demo.ClientID, "--client-secret-file", "secret",
		"--username", demo.Username,
	}
	other.signet(demo.Password+"\n", append(login, "--ca", "ca.pem")...)
	other.signet("", "introspect") // with the CA of the stored login
	for name, args := range map[string][]string{
		"plain text": login,
		"another CA": append(login, "--ca", "other.pem"),
		"no CA":      append(login, "--ca", "secret"),
	} {
		var errs bytes.Buffer
		c := other.command(args...)
		c.Stdin, c.Stderr = strings.NewReader(demo.Password+"\n"), &errs
		if err := c.Run(); err == nil {
			t.Errorf("%s: login succeeded", name)
		}
		t.Logf("%s: %s", name, strings.TrimSpace(errs.String()))
	}

	// A command rejects a certificate other than the configured one, even if
	// the same CA signed it.
	m.authority.Server(t, time.Hour).Write(t, m.dir)
	certtest.Write(t, m.dir, "mine.pem", m.authority.Server(t, time.Hour).Cert)
	c := m.command("--set", "tls.cert_file=mine.pem", "introspect")
	text, err := c.CombinedOutput()
	if err == nil || !strings.Contains(string(text), "the server's certificate is not the one in tls.cert_file") {
		t.Errorf("%v: %s", err, text)
	}
}

// Commands on the server's machine reach a server that listens on all addresses
// or on a public one, and whose certificate has only its public name.
func TestCommandsReachServerOnAnyAddress(t *testing.T) {
	for _, host := range append([]string{"", "0.0.0.0", "[::]"}, publicHosts(t)...) {
		t.Run(host, func(t *testing.T) {
			m := newTLSMachine(t, "SIGNET_ISSUER=https://login.example.com", "SIGNET_SHUTDOWN_DRAIN=0s")
			port := freePort(t, host)
			m.env = append(m.env, "SIGNET_GRPC_ADDRESS="+host+":"+port)
			m.authority.Issue(t, func(c *x509.Certificate) {
				c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
				c.DNSNames = []string{"*.example.com"}
			}).Write(t, m.dir)

			demo := m.demo()
			certtest.Write(t, m.dir, "secret", []byte(demo.ClientSecret))
			if err := os.Remove(filepath.Join(m.dir, "data", "dev.json")); err != nil {
				t.Fatal(err)
			}
			m.start().ready()

			login := []string{
				"login", "--client-id", demo.ClientID, "--client-secret-file", "secret", "--username", demo.Username,
			}
			m.signet(demo.Password+"\n", login...)
			m.signet("", "refresh")
			m.signet(demo.Password+"\n", append(login, "--grpc", host+":"+port)...)
			m.signet(demo.Password+"\n", append(login, "--ca", "ca.pem")...)
			m.signet("", "introspect")
			m.signet("", "healthcheck")
		})
	}
}

// freePort returns a port on which nothing listens at a host. A port that is
// free on loopback may be in use on another address.
func freePort(t *testing.T, host string) string {
	t.Helper()
	l, err := net.Listen("tcp", host+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// publicHosts returns an IPv4 address of this machine that is not loopback, if
// there is one.
func publicHosts(t *testing.T) []string {
	t.Helper()
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range addresses {
		if n, ok := address.(*net.IPNet); ok && n.IP.To4() != nil && !n.IP.IsLoopback() {
			return []string{n.IP.String()}
		}
	}
	return nil
}
