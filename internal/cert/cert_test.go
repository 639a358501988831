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

// A folder has the files that an operator gives, and who signed them.
type folder struct {
	path      string
	authority *certtest.Authority
	options   Options
	log       *synced
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

func (s *synced) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.b.Reset()
}

func newFolder(t *testing.T) *folder {
	t.Helper()
	f := &folder{path: t.TempDir(), authority: certtest.NewAuthority(t), log: new(synced)}
	f.options = Options{MinVersion: tls.VersionTLS13, Now: time.Now, Log: slog.New(slog.NewTextHandler(f.log, nil))}
	f.options.CertFile, f.options.KeyFile = f.authority.Server(t, 30*24*time.Hour).Write(t, f.path)
	return f
}

func (f *folder) open(t *testing.T) *Keeper {
	t.Helper()
	k, err := Open(f.options)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func (f *folder) count(text string) int { return strings.Count(f.log.String(), text) }

// serve echoes on a real socket until the test ends.
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

// echo says something through a connection and wants to hear it.
func echo(c net.Conn) error {
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	if _, err := c.Write([]byte("hello")); err != nil {
		return err
	}
	heard := make([]byte, 5)
	_, err := io.ReadFull(c, heard)
	return err
}

func (f *folder) dial(t *testing.T, address string, own ...tls.Certificate) (*tls.Conn, error) {
	t.Helper()
	return f.dialWith(t, address, &tls.Config{RootCAs: f.authority.Pool(), Certificates: own})
}

func (f *folder) dialWith(t *testing.T, address string, c *tls.Config) (*tls.Conn, error) {
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

func TestReloadOnChange(t *testing.T) {
	f := newFolder(t)
	k := f.open(t)
	address := serve(t, k.Config())
	first, err := f.dial(t, address)
	if err != nil {
		t.Fatal(err)
	}
	k.poll()
	if f.count("read anew") != 0 {
		t.Errorf("unchanged files were taken for changed ones: %s", f.log)
	}

	f.authority.Server(t, time.Hour*24*60).Write(t, f.path)
	k.poll()
	second, err := f.dial(t, address)
	if err != nil {
		t.Fatal(err)
	}
	if serialOf(first) == serialOf(second) {
		t.Error("a new connection sees the old certificate")
	}
	if err := echo(first); err != nil {
		t.Errorf("the connection from before is broken: %v", err)
	}
	if until := time.Until(k.NotAfter()); until < 59*24*time.Hour {
		t.Errorf("NotAfter is %v", k.NotAfter())
	}

	// A swap that is broken, in any way, changes nothing and is told once.
	good, err := os.ReadFile(f.options.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	for name, breakIt := range map[string]func(){
		"another key": func() { certtest.Write(t, f.path, "key.pem", f.authority.Server(t, time.Hour).Key) },
		"half a key":  func() { certtest.Write(t, f.path, "key.pem", good[:40]) },
		"no key":      func() { _ = os.Remove(f.options.KeyFile) },
		"an open key": func() { _ = os.Chmod(f.options.KeyFile, 0o644) },
	} {
		f.log.Reset()
		breakIt()
		for range 4 {
			k.poll()
		}
		third, err := f.dial(t, address)
		if err != nil || serialOf(third) != serialOf(second) {
			t.Errorf("%s: the certificate from before is not in use: %v", name, err)
		}
		if f.count("stays in use") != 1 {
			t.Errorf("%s: told as %s", name, f.log)
		}
		if strings.Contains(f.log.String(), "PRIVATE") || strings.Contains(f.log.String(), string(good[30:40])) {
			t.Errorf("%s: the log has the key: %s", name, f.log)
		}
		certtest.Write(t, f.path, "key.pem", good)
		k.poll()
		if f.count("in order again") != 1 {
			t.Errorf("%s: the end was told as %s", name, f.log)
		}
	}
}

// A certificate is replaced before its key, or after it: what is in between for one look is not worth a word.
func TestPairThatIsReplacedFileByFile(t *testing.T) {
	f := newFolder(t)
	k := f.open(t)
	next := f.authority.Server(t, 60*24*time.Hour)
	certtest.Write(t, f.path, "cert.pem", next.Cert)
	k.poll()
	certtest.Write(t, f.path, "key.pem", next.Key)
	k.poll()
	if f.count("level=WARN") != 0 || f.count("read anew") != 1 {
		t.Errorf("logged %s", f.log)
	}
}

// Kubernetes swaps a secret by a symbolic link on the way to the files.
func TestLinkThatIsSwapped(t *testing.T) {
	f := newFolder(t)
	pairs := map[string]certtest.Pair{"a": f.authority.Server(t, 30*24*time.Hour), "b": f.authority.Server(t, 60*24*time.Hour)}
	for name, pair := range pairs {
		if err := os.Mkdir(filepath.Join(f.path, name), 0o755); err != nil {
			t.Fatal(err)
		}
		pair.Write(t, filepath.Join(f.path, name))
	}
	point := func(name string) {
		if err := errors.Join(os.Symlink(name, filepath.Join(f.path, "new")), os.Rename(filepath.Join(f.path, "new"), filepath.Join(f.path, "data"))); err != nil {
			t.Fatal(err)
		}
	}
	point("a")
	f.options.CertFile, f.options.KeyFile = filepath.Join(f.path, "data", "cert.pem"), filepath.Join(f.path, "data", "key.pem")
	k := f.open(t)
	point("b")
	k.poll()
	if time.Until(k.NotAfter()) < 59*24*time.Hour {
		t.Errorf("the certificate behind the link is not in use: %s", f.log)
	}
}

func TestRunLooksEveryTwoSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFolder(t)
		f.options.Now = func() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }
		k := f.open(t)
		go k.Run(t.Context())
		f.authority.Server(t, 60*24*time.Hour).Write(t, f.path)
		time.Sleep(pollInterval - time.Millisecond)
		synctest.Wait()
		if f.count("read anew") != 0 {
			t.Error("it looked too early")
		}
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		if f.count("read anew") != 1 {
			t.Errorf("it did not look: %s", f.log)
		}
	})
}

func TestExpiryIsToldInTime(t *testing.T) {
	f := newFolder(t)
	now := time.Now()
	f.options.Now = func() time.Time { return now }
	k := f.open(t)
	for _, c := range []struct {
		days          int
		soon, expired int
	}{{0, 0, 0}, {22, 0, 0}, {24, 1, 0}, {25, 1, 0}, {31, 1, 1}, {32, 1, 1}} {
		now = time.Now().Add(time.Duration(c.days) * 24 * time.Hour)
		for range 2 {
			k.poll()
		}
		if f.count("expires soon") != c.soon || f.count("has expired") != c.expired {
			t.Errorf("after %d days: %s", c.days, f.log)
		}
	}
	f.authority.Server(t, 90*24*time.Hour).Write(t, f.path)
	f.log.Reset()
	k.poll()
	if f.count("level=WARN") != 0 {
		t.Errorf("a fresh certificate: %s", f.log)
	}
}

// Clients are asked only where a CA is named; one of another CA is turned away, and a change of the CAs holds at once.
func TestClientCertificates(t *testing.T) {
	f := newFolder(t)
	known, stranger := certtest.NewAuthority(t), certtest.NewAuthority(t)
	address := serve(t, f.open(t).Config())
	if _, err := f.dial(t, address, stranger.Client(t, "gw.example").TLS(t)); err != nil {
		t.Errorf("nobody is asked, and yet: %v", err)
	}

	f.options.ClientCAFile = certtest.Write(t, f.path, "ca.pem", known.PEM)
	k := f.open(t)
	address = serve(t, k.Config())
	// Who sends no certificate because it is of another CA than those that the server names must be made to.
	insist := func(p certtest.Pair) *tls.Config {
		own := p.TLS(t)
		return &tls.Config{RootCAs: f.authority.Pool(), GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return &own, nil
		}}
	}
	server := known.Server(t, time.Hour)
	expired := known.Issue(t, func(c *x509.Certificate) {
		c.NotAfter, c.ExtKeyUsage = time.Now().Add(-time.Minute), []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	})
	check := func(when string, want map[string]bool) {
		t.Helper()
		for name, c := range map[string]*tls.Config{
			"none": {RootCAs: f.authority.Pool()}, "known": insist(known.Client(t, "gw.example")), "stranger": insist(stranger.Client(t, "gw.example")),
			"server": insist(server), "expired": insist(expired),
		} {
			if _, err := f.dialWith(t, address, c); (err == nil) != want[name] {
				t.Errorf("%s: %s: %v", when, name, err)
			}
		}
	}
	check("one CA", map[string]bool{"none": true, "known": true})
	certtest.Write(t, f.path, "ca.pem", stranger.PEM)
	k.poll()
	check("another CA", map[string]bool{"none": true, "stranger": true})
	certtest.Write(t, f.path, "ca.pem", append(bytes.Clone(stranger.PEM), known.PEM...))
	k.poll()
	check("both", map[string]bool{"none": true, "known": true, "stranger": true})
	certtest.Write(t, f.path, "ca.pem", []byte("nothing"))
	k.poll()
	check("a broken file", map[string]bool{"none": true, "known": true, "stranger": true})
}
