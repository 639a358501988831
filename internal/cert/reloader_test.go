package cert

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetd/signet/internal/certtest"
)

// A directory holds the files that an operator provides, the CA that signed the
// certificate, and the log of a Reloader.
type directory struct {
	path      string
	authority *certtest.Authority
	options   Options
	log       *syncBuffer
}

// A syncBuffer is a buffer that goroutines can share.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(b)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func (s *syncBuffer) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.b.Reset()
}

func newDirectory(t *testing.T) *directory {
	t.Helper()
	d := &directory{path: t.TempDir(), authority: certtest.NewAuthority(t), log: new(syncBuffer)}
	d.options = Options{MinVersion: tls.VersionTLS13, Now: time.Now, Log: slog.New(slog.NewTextHandler(d.log, nil))}
	d.options.CertFile, d.options.KeyFile = d.authority.Server(t, 30*24*time.Hour).Write(t, d.path)
	return d
}

func (d *directory) open(t *testing.T) *Reloader {
	t.Helper()
	k, err := Open(d.options)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func (d *directory) count(text string) int { return strings.Count(d.log.String(), text) }

// serve runs an echo server on a real socket until the test ends.
func serve(t *testing.T, c *tls.Config) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var conns sync.WaitGroup
	t.Cleanup(func() { l.Close(); conns.Wait() })
	conns.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conns.Go(func() {
				defer conn.Close()
				secure := tls.Server(conn, c)
				_, _ = io.Copy(secure, secure)
			})
		}
	})
	return l.Addr().String()
}

// echo sends bytes through a connection and reads them back.
func echo(c net.Conn) error {
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	if _, err := c.Write([]byte("hello")); err != nil {
		return err
	}
	received := make([]byte, 5)
	_, err := io.ReadFull(c, received)
	return err
}

func (d *directory) dial(t *testing.T, address string, own ...tls.Certificate) (*tls.Conn, error) {
	t.Helper()
	return d.dialWith(t, address, &tls.Config{RootCAs: d.authority.Pool(), Certificates: own})
}

func (d *directory) dialWith(t *testing.T, address string, c *tls.Config) (*tls.Conn, error) {
	t.Helper()
	conn, err := tls.Dial("tcp", address, c)
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { conn.Close() })
	return conn, echo(conn)
}

func serialOf(c *tls.Conn) string {
	return c.ConnectionState().PeerCertificates[0].SerialNumber.String()
}

func TestPoll_ReloadsChangedFiles(t *testing.T) {
	d := newDirectory(t)
	k := d.open(t)
	address := serve(t, k.Config())
	first, err := d.dial(t, address)
	if err != nil {
		t.Fatal(err)
	}
	k.poll()
	if d.count("certificate reloaded") != 0 {
		t.Errorf("reloaded unchanged files: %s", d.log)
	}

	d.authority.Server(t, time.Hour*24*60).Write(t, d.path)
	k.poll()
	second, err := d.dial(t, address)
	if err != nil {
		t.Fatal(err)
	}
	if serialOf(first) == serialOf(second) {
		t.Error("a new connection gets the old certificate")
	}
	if err := echo(first); err != nil {
		t.Errorf("the existing connection is broken: %v", err)
	}
	if until := time.Until(k.NotAfter()); until < 59*24*time.Hour {
		t.Errorf("NotAfter is %v, want the expiry of the new certificate", k.NotAfter())
	}

	// Invalid files change nothing and are logged once.
	valid, err := os.ReadFile(d.options.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	for name, breakIt := range map[string]func(){
		"another key":  func() { certtest.Write(t, d.path, "key.pem", d.authority.Server(t, time.Hour).Key) },
		"half a key":   func() { certtest.Write(t, d.path, "key.pem", valid[:40]) },
		"no key":       func() { _ = os.Remove(d.options.KeyFile) },
		"readable key": func() { _ = os.Chmod(d.options.KeyFile, 0o644) },
	} {
		d.log.Reset()
		breakIt()
		for range 4 {
			k.poll()
		}
		third, err := d.dial(t, address)
		if err != nil || serialOf(third) != serialOf(second) {
			t.Errorf("%s: the previous certificate is not in use: %v", name, err)
		}
		if d.count("stays in use") != 1 {
			t.Errorf("%s: want one warning in the log, got %s", name, d.log)
		}
		if strings.Contains(d.log.String(), "PRIVATE") || strings.Contains(d.log.String(), string(valid[30:40])) {
			t.Errorf("%s: the log contains the key: %s", name, d.log)
		}
		certtest.Write(t, d.path, "key.pem", valid)
		k.poll()
		if d.count("valid again") != 1 {
			t.Errorf("%s: want one message about valid files in the log, got %s", name, d.log)
		}
	}
}

// An operator may replace the certificate before its key. A failure of a single
// poll is not logged.
func TestPoll_FilesReplacedOneAfterTheOther(t *testing.T) {
	d := newDirectory(t)
	k := d.open(t)
	next := d.authority.Server(t, 60*24*time.Hour)
	certtest.Write(t, d.path, "cert.pem", next.Cert)
	k.poll()
	certtest.Write(t, d.path, "key.pem", next.Key)
	k.poll()
	if d.count("level=WARN") != 0 || d.count("certificate reloaded") != 1 {
		t.Errorf("want one reload and no warning in the log, got %s", d.log)
	}
}

// Kubernetes updates a mounted secret by replacing a symbolic link in the path.
func TestPoll_ReplacedSymbolicLink(t *testing.T) {
	d := newDirectory(t)
	pairs := map[string]certtest.Pair{
		"a": d.authority.Server(t, 30*24*time.Hour),
		"b": d.authority.Server(t, 60*24*time.Hour),
	}
	for name, pair := range pairs {
		if err := os.Mkdir(filepath.Join(d.path, name), 0o755); err != nil {
			t.Fatal(err)
		}
		pair.Write(t, filepath.Join(d.path, name))
	}
	point := func(name string) {
		link := filepath.Join(d.path, "new")
		err := errors.Join(os.Symlink(name, link), os.Rename(link, filepath.Join(d.path, "data")))
		if err != nil {
			t.Fatal(err)
		}
	}
	point("a")
	d.options.CertFile = filepath.Join(d.path, "data", "cert.pem")
	d.options.KeyFile = filepath.Join(d.path, "data", "key.pem")
	k := d.open(t)
	point("b")
	k.poll()
	if time.Until(k.NotAfter()) < 59*24*time.Hour {
		t.Errorf("the certificate of the new link target is not in use: %s", d.log)
	}
}

func TestRun_PollsEveryTwoSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDirectory(t)
		d.options.Now = func() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }
		k := d.open(t)
		go k.Run(t.Context())
		d.authority.Server(t, 60*24*time.Hour).Write(t, d.path)
		time.Sleep(pollInterval - time.Millisecond)
		synctest.Wait()
		if d.count("certificate reloaded") != 0 {
			t.Error("Run polled too early")
		}
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		if d.count("certificate reloaded") != 1 {
			t.Errorf("Run did not poll: %s", d.log)
		}
	})
}

func TestPoll_LogsExpiry(t *testing.T) {
	d := newDirectory(t)
	now := time.Now()
	d.options.Now = func() time.Time { return now }
	k := d.open(t)
	for _, c := range []struct {
		days          int
		soon, expired int
	}{{0, 0, 0}, {22, 0, 0}, {24, 1, 0}, {25, 1, 0}, {31, 1, 1}, {32, 1, 1}} {
		now = time.Now().Add(time.Duration(c.days) * 24 * time.Hour)
		for range 2 {
			k.poll()
		}
		if d.count("expires soon") != c.soon || d.count("has expired") != c.expired {
			t.Errorf("after %d days: unexpected log: %s", c.days, d.log)
		}
	}
	d.authority.Server(t, 90*24*time.Hour).Write(t, d.path)
	d.log.Reset()
	k.poll()
	if d.count("level=WARN") != 0 {
		t.Errorf("unexpected warning about a new certificate: %s", d.log)
	}
}

// The server requests client certificates only if Options names a CA file. It
// rejects a certificate from another CA. New connections use a changed CA file
// at once.
func TestConfig_ClientCertificates(t *testing.T) {
	d := newDirectory(t)
	trusted, untrusted := certtest.NewAuthority(t), certtest.NewAuthority(t)
	address := serve(t, d.open(t).Config())
	if _, err := d.dial(t, address, untrusted.Client(t, "gw.example").TLS(t)); err != nil {
		t.Errorf("no client CA is configured, but the connection failed: %v", err)
	}

	d.options.ClientCAFile = certtest.Write(t, d.path, "ca.pem", trusted.PEM)
	k := d.open(t)
	address = serve(t, k.Config())
	// A client sends no certificate if the server does not name its CA.
	// GetClientCertificate forces the client to send it.
	forced := func(p certtest.Pair) *tls.Config {
		own := p.TLS(t)
		return &tls.Config{
			RootCAs: d.authority.Pool(),
			GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
				return &own, nil
			},
		}
	}
	server := trusted.Server(t, time.Hour)
	expired := trusted.Issue(t, func(c *x509.Certificate) {
		c.NotAfter, c.ExtKeyUsage = time.Now().Add(-time.Minute), []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	})
	check := func(when string, want map[string]bool) {
		t.Helper()
		for name, c := range map[string]*tls.Config{
			"none":      {RootCAs: d.authority.Pool()},
			"trusted":   forced(trusted.Client(t, "gw.example")),
			"untrusted": forced(untrusted.Client(t, "gw.example")),
			"server":    forced(server),
			"expired":   forced(expired),
		} {
			if _, err := d.dialWith(t, address, c); (err == nil) != want[name] {
				t.Errorf("%s: certificate %s: error %v, want accepted %v", when, name, err, want[name])
			}
		}
	}
	check("one CA", map[string]bool{"none": true, "trusted": true})
	certtest.Write(t, d.path, "ca.pem", untrusted.PEM)
	k.poll()
	check("another CA", map[string]bool{"none": true, "untrusted": true})
	certtest.Write(t, d.path, "ca.pem", append(bytes.Clone(untrusted.PEM), trusted.PEM...))
	k.poll()
	check("both CAs", map[string]bool{"none": true, "trusted": true, "untrusted": true})
	certtest.Write(t, d.path, "ca.pem", []byte("nothing"))
	k.poll()
	check("an invalid file", map[string]bool{"none": true, "trusted": true, "untrusted": true})
}

// Rule 74: Options.Now decides whether a client certificate has expired, so a
// jump of the wall clock does not.
func TestRule74_ClientCertificatesExpireByTheClockOfTheOptions(t *testing.T) {
	d := newDirectory(t)
	d.options.ClientCAFile = certtest.Write(t, d.path, "ca.pem", d.authority.PEM)
	own := d.authority.Client(t, "gw.example").TLS(t) // valid for a day
	for _, ahead := range []time.Duration{0, 25 * time.Hour} {
		d.options.Now = func() time.Time { return time.Now().Add(ahead) }
		_, err := d.dial(t, serve(t, d.open(t).Config()), own)
		if (err == nil) != (ahead == 0) {
			t.Errorf("%s ahead: %v", ahead, err)
		}
	}
}

// A listener for gateways refuses every client without a certificate of the CA.
func TestRequireClients(t *testing.T) {
	d := newDirectory(t)
	d.options.ClientCAFile = certtest.Write(t, d.path, "ca.pem", d.authority.PEM)
	address := serve(t, d.open(t).RequireClients())
	if _, err := d.dial(t, address, d.authority.Client(t, "nginx.example").TLS(t)); err != nil {
		t.Errorf("a certificate of the CA: %v", err)
	}
	for name, own := range map[string][]tls.Certificate{
		"no certificate":              nil,
		"a certificate of another CA": {certtest.NewAuthority(t).Client(t, "nginx.example").TLS(t)},
	} {
		if _, err := d.dial(t, address, own...); err == nil {
			t.Errorf("%s: the connection works", name)
		}
	}
}
