package main

import (
	"bytes"
	"crypto/tls"
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

// A protected machine has a certificate, in the files cert.pem and key.pem of its folder, and its server speaks TLS.
type protected struct {
	*machine
	authority *certtest.Authority
}

func newProtected(t *testing.T, settings ...string) *protected {
	t.Helper()
	p := &protected{newDemo(t, append(settings, "SIGNET_TLS_CERT_FILE=cert.pem", "SIGNET_TLS_KEY_FILE=key.pem")...), certtest.NewAuthority(t)}
	p.authority.Server(t, 30*24*time.Hour).Write(t, p.dir)
	certtest.Write(t, p.dir, "ca.pem", p.authority.PEM)
	return p
}

// dial returns a connection to the gRPC door, as a client that knows the authority.
func (p *protected) dial(own ...tls.Certificate) *grpc.ClientConn {
	p.t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+p.grpc, grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{
		RootCAs: p.authority.Pool(), Certificates: own,
	})))
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// serial returns the serial number of the certificate that a new connection to an address sees.
func (p *protected) serial(address string) string {
	conn, err := tls.Dial("tcp", address, &tls.Config{RootCAs: p.authority.Pool(), NextProtos: []string{"h2"}})
	if err != nil {
		p.t.Error(err)
		return ""
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].SerialNumber.String()
}

// Rule 72: both doors speak TLS 1.3 and nothing older, and who speaks plain text to them learns nothing.
func TestRule72_DoorsSpeakTLSAlone(t *testing.T) {
	p := newProtected(t)
	p.start("--dev").ready()
	for name, address := range map[string]string{"http": p.http, "grpc": p.grpc} {
		for version, want := range map[uint16]bool{tls.VersionTLS13: true, tls.VersionTLS12: false, tls.VersionTLS11: false, tls.VersionTLS10: false} {
			conn, err := tls.Dial("tcp", address, &tls.Config{
				RootCAs: p.authority.Pool(), MinVersion: version, MaxVersion: version, NextProtos: []string{"h2"},
			})
			if (err == nil) != want {
				t.Errorf("%s: %s: %v", name, tls.VersionName(version), err)
			}
			if err == nil {
				_ = conn.Close()
			}
		}
		heard := plainText(t, address, "GET /.well-known/jwks.json HTTP/1.1\r\nHost: "+address+"\r\nConnection: close\r\n\r\n")
		if strings.Contains(heard, "kty") || strings.Contains(heard, "200 OK") {
			t.Errorf("%s: plain text is answered by %q", name, heard)
		}
		if heard := plainText(t, address, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"); strings.Contains(heard, "\x00\x00\x00\x04") {
			t.Errorf("%s: HTTP/2 in plain text is answered by %q", name, heard)
		}
	}

	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: p.authority.Pool()}, ForceAttemptHTTP2: true}}
	defer client.CloseIdleConnections()
	answer, err := client.Get("https://" + p.http + "/.well-known/openid-configuration")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.ProtoMajor != 2 || !strings.Contains(string(body), `"issuer":"https://`+p.http+`"`) {
		t.Errorf("%v: %s %s", err, answer.Proto, body)
	}
	if hsts := answer.Header.Get("Strict-Transport-Security"); hsts != "max-age=31536000" { // RFC 6797
		t.Errorf("Strict-Transport-Security is %q", hsts)
	}
}

// plainText returns what a door says to bytes that are not TLS.
func plainText(t *testing.T, address, text string) string {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := errors.Join(conn.SetDeadline(time.Now().Add(5*time.Second)), second(io.WriteString(conn, text))); err != nil {
		t.Fatal(err)
	}
	heard, _ := io.ReadAll(conn) // the door breaks it off
	return string(heard)
}

func second(_ int, err error) error { return err }

// Rule 72: a server whose certificate cannot be used does not start, and opens no door in plain text instead.
func TestRule72_NoStartWithoutWhatWasAskedFor(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(p *protected)
		want  string
	}{
		"no certificate":     {func(p *protected) { _ = os.Remove(filepath.Join(p.dir, "cert.pem")) }, "cert.pem: no such file"},
		"another key":        {func(p *protected) { certtest.Write(t, p.dir, "key.pem", p.authority.Server(t, time.Hour).Key) }, "private key does not match public key"},
		"a key for everyone": {func(p *protected) { _ = os.Chmod(filepath.Join(p.dir, "key.pem"), 0o604) }, "key.pem has mode 0604"},
		"no client CA":       {func(p *protected) { p.env = append(p.env, "SIGNET_TLS_CLIENT_CA_FILE=nowhere.pem") }, "nowhere.pem: no such file"},
		"no key named":       {func(p *protected) { p.env = append(p.env, "SIGNET_TLS_KEY_FILE=") }, "tls.cert_file is set without tls.key_file"},
		"both at once":       {func(p *protected) { p.env = append(p.env, "SIGNET_TLS_INSECURE_PLAIN_TEXT=true") }, "tls.insecure_plain_text is true although tls.cert_file is set"},
		"an old version":     {func(p *protected) { p.env = append(p.env, "SIGNET_TLS_MIN_VERSION=1.1") }, "tls.min_version is \"1.1\"; want one of 1.2, 1.3"},
		"not loopback": {func(p *protected) {
			p.env = append(p.env, "SIGNET_HTTP_ADDRESS=0.0.0.0:0", "SIGNET_TLS_CERT_FILE=", "SIGNET_TLS_KEY_FILE=")
		}, "would speak plain text"},
	} {
		p := newProtected(t)
		c.spoil(p)
		var out bytes.Buffer
		command := p.command("serve", "--dev")
		command.Stdout, command.Stderr = &out, &out
		err := command.Start()
		if err != nil {
			t.Fatal(err)
		}
		late := time.AfterFunc(patience, func() { _ = command.Process.Kill() })
		err = command.Wait()
		late.Stop()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != exitFailure || !strings.Contains(out.String(), c.want) {
			t.Errorf("%s: %v, want %q in\n%s", name, err, c.want, out.String())
		}
		if strings.Contains(out.String(), "door=http") || strings.Contains(out.String(), "door=grpc") {
			t.Errorf("%s: a door was opened:\n%s", name, out.String())
		}
	}
}

// TestCertificateIsReplacedWhileItServes: the files change, connections in flight stay, and those that come after see the new
// certificate, without a restart.
func TestCertificateIsReplacedWhileItServes(t *testing.T) {
	t.Parallel() // it mostly waits
	p := newProtected(t, "SIGNET_SHUTDOWN_DRAIN=0s")
	server := p.start("--dev").ready()
	d := &device{t: t, facts: p.facts(), tokens: signetv1.NewTokenServiceClient(p.dial())}
	if err := d.login(); err != nil {
		t.Fatal(err)
	}
	refresh := func() {
		t.Helper()
		ctx, cancel := as(t, d.facts.ClientID, d.facts.ClientSecret)
		defer cancel()
		answer, err := d.tokens.Refresh(ctx, &signetv1.RefreshRequest{RefreshToken: d.token, IdempotencyKey: d.key})
		if err != nil {
			t.Fatal(err)
		}
		d.keep(answer.GetRefreshToken())
	}
	before := p.serial(p.grpc)
	p.authority.Server(t, 60*24*time.Hour).Write(t, p.dir)
	for name, address := range map[string]string{"http": p.http, "grpc": p.grpc} {
		if !eventually(func() bool { return p.serial(address) != before }) {
			t.Errorf("%s still shows the certificate from before", name)
		}
	}
	refresh() // through the connection of the old certificate
	if left := metric(t, p.at, "signet_tls_certificate_left_seconds"); left < 59*24*60*60 {
		t.Errorf("the new certificate has %g seconds left", left)
	}
	after := p.serial(p.grpc)
	certtest.Write(t, p.dir, "key.pem", []byte("nothing"))
	if !eventually(func() bool { return strings.Contains(server.log.String(), "the previous certificate stays in use") }) {
		t.Error("nobody says that the new key cannot be used")
	}
	if p.serial(p.grpc) != after {
		t.Error("the certificate from before is not in use")
	}
	refresh()
	if err := server.drain(); err != nil {
		t.Error(err)
	}
}

// metric returns the value of a metric without labels.
func metric(t *testing.T, ops, name string) float64 {
	t.Helper()
	answer, err := http.Get("http://" + ops + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			number, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				t.Fatal(err)
			}
			return number
		}
	}
	t.Fatalf("there is no %s", name)
	return 0
}

// TestClientCommandsSpeakTLS: those on the server's machine know its certificate by the configuration, others by its CA.
func TestClientCommandsSpeakTLS(t *testing.T) {
	p := newProtected(t)
	p.start("--dev").ready()
	p.signet("", "login")
	p.signet("", "refresh")
	p.signet("", "healthcheck") // the operator's door speaks plain text
	facts := p.facts()

	elsewhere := *p.machine
	elsewhere.dir, elsewhere.env = t.TempDir(), []string{"PATH=" + os.Getenv("PATH"), endAtOnce}
	certtest.Write(t, elsewhere.dir, "ca.pem", p.authority.PEM)
	certtest.Write(t, elsewhere.dir, "other.pem", certtest.NewAuthority(t).PEM)
	certtest.Write(t, elsewhere.dir, "secret", []byte(facts.ClientSecret))
	login := []string{"login", "--grpc", p.grpc, "--client-id", facts.ClientID, "--client-secret-file", "secret", "--username", facts.Username}
	elsewhere.signet(facts.Password+"\n", append(login, "--ca", "ca.pem")...)
	elsewhere.signet("", "introspect") // by the CA of the kept login
	for name, args := range map[string][]string{"plain text": login, "another CA": append(login, "--ca", "other.pem"), "no CA": append(login, "--ca", "secret")} {
		var errs bytes.Buffer
		c := elsewhere.command(args...)
		c.Stdin, c.Stderr = strings.NewReader(facts.Password+"\n"), &errs
		if err := c.Run(); err == nil {
			t.Errorf("%s: it logged in", name)
		}
		t.Logf("%s: %s", name, strings.TrimSpace(errs.String()))
	}

	// A certificate that is not the configured one is not believed, whoever signed it.
	p.authority.Server(t, time.Hour).Write(t, p.dir)
	certtest.Write(t, p.dir, "mine.pem", p.authority.Server(t, time.Hour).Cert)
	c := p.command("--set", "tls.cert_file=mine.pem", "introspect")
	if text, err := c.CombinedOutput(); err == nil || !strings.Contains(string(text), errOtherCertificate.Error()) {
		t.Errorf("%v: %s", err, text)
	}
}

// TestClientByItsCertificate: a registered certificate takes the place of the secret.
func TestClientByItsCertificate(t *testing.T) {
	p := newProtected(t, "SIGNET_TLS_CLIENT_CA_FILE=ca.pem")
	p.start("--dev").ready()
	p.signet("", "clients", "create", "gw", "--audience", demoAudience, "--cert-san", "dns:gw.example", "--scope", "read")
	own := p.authority.Client(t, "gw.example")
	certtest.Write(t, p.dir, "gw.pem", own.Cert)
	certtest.Write(t, p.dir, "gw.key", own.Key)
	var out []byte
	if !eventually(func() (known bool) { // the server may have read its clients just before there was this one
		var err error
		out, err = p.command("login", "--ca", "ca.pem", "--cert", "gw.pem", "--key", "gw.key", "--client-id", "gw", "-o", "json").Output()
		return err == nil
	}) || !strings.Contains(string(out), `"client_id": "gw"`) {
		t.Fatalf("%s", out)
	}
	p.signet("", "refresh")
	p.signet("", "introspect")
	p.signet("", "refresh", "--ca", "ca.pem", "--cert", "gw.pem", "--key", "gw.key")
	p.signet("", "introspect", "--ca", "ca.pem", "--cert", "gw.pem", "--key", "gw.key")
	p.signet("", "revoke", "--ca", "ca.pem", "--cert", "gw.pem", "--key", "gw.key")

	if err := os.Chmod(filepath.Join(p.dir, "gw.key"), 0o644); err != nil {
		t.Fatal(err)
	}
	if text, err := p.command("refresh").CombinedOutput(); err == nil || !strings.Contains(string(text), "has mode 0644") {
		t.Errorf("a key for everyone: %v %s", err, text)
	}
	for name, args := range map[string][]string{
		"another client": {"--client-id", demoClient, "--cert", "gw.pem", "--key", "gw.key"},
		"half a pair":    {"--client-id", "gw", "--cert", "gw.pem"},
	} {
		certtest.Write(t, p.dir, "gw.key", own.Key)
		if text, err := p.command(append([]string{"login", "--ca", "ca.pem"}, args...)...).CombinedOutput(); err == nil {
			t.Errorf("%s: %s", name, text)
		}
	}
}
