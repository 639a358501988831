package cert

import (
	"crypto/tls"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signetd/signet/internal/certtest"
)

// weak are all suites of TLS 1.2 and before that are not AEAD with forward secrecy: RC4, 3DES, CBC, and those that carry the
// secret under the certificate's own key.
func weak() (ids []uint16) {
	for _, s := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		aead := strings.Contains(s.Name, "_GCM_") || strings.Contains(s.Name, "_POLY1305_")
		if !aead || strings.HasPrefix(s.Name, "TLS_RSA_") {
			ids = append(ids, s.ID)
		}
	}
	return ids
}

// Rule 72: TLS 1.2 or newer, AEAD only.
func TestRule72_OldVersionsAndSuitesAreRefused(t *testing.T) {
	f := newFolder(t)
	strict := serve(t, f.open(t).Config())
	f.options.MinVersion = tls.VersionTLS12
	lenient := serve(t, f.open(t).Config())
	// A server like any other, so that a refusal is known to be ours and not the caller's.
	rsa := serve(t, &tls.Config{
		MinVersion: tls.VersionTLS10, Certificates: []tls.Certificate{f.authority.Server(t, time.Hour).TLS(t)}, CipherSuites: weak(),
	})
	if len(weak()) < 12 {
		t.Errorf("only %d weak suites are known", len(weak()))
	}
	for name, c := range map[string]struct {
		address  string
		from, to uint16
		suites   []uint16
		want     bool
	}{
		"1.3":                  {strict, tls.VersionTLS13, tls.VersionTLS13, nil, true},
		"1.2 where 1.3 is due": {strict, tls.VersionTLS12, tls.VersionTLS12, nil, false},
		"1.1 where 1.3 is due": {strict, tls.VersionTLS10, tls.VersionTLS11, nil, false},
		"1.3 where 1.2 may be": {lenient, tls.VersionTLS13, tls.VersionTLS13, nil, true},
		"1.2":                  {lenient, tls.VersionTLS12, tls.VersionTLS12, nil, true},
		"1.1":                  {lenient, tls.VersionTLS11, tls.VersionTLS11, nil, false},
		"1.0":                  {lenient, tls.VersionTLS10, tls.VersionTLS10, nil, false},
		"1.2, weak suites":     {lenient, tls.VersionTLS10, tls.VersionTLS12, weak(), false},
		"the same elsewhere":   {rsa, tls.VersionTLS10, tls.VersionTLS12, weak(), true},
		"1.0 elsewhere":        {rsa, tls.VersionTLS10, tls.VersionTLS10, weak(), true},
	} {
		_, err := f.dialWith(t, c.address, &tls.Config{
			RootCAs: f.authority.Pool(), MinVersion: c.from, MaxVersion: c.to, CipherSuites: c.suites,
		})
		if (err == nil) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, suite := range suites {
		_, err := f.dialWith(t, lenient, &tls.Config{RootCAs: f.authority.Pool(), MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{suite}})
		if wants := strings.Contains(tls.CipherSuiteName(suite), "_ECDSA_"); (err == nil) != wants { // the certificate's key is ECDSA
			t.Errorf("%s: %v", tls.CipherSuiteName(suite), err)
		}
		if slices.Contains(weak(), suite) {
			t.Errorf("%s is weak", tls.CipherSuiteName(suite))
		}
	}
}

// Rule 72: what cannot be used whole is not used in part.
func TestRule72_NothingFallsBack(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(f *folder)
		want  string
	}{
		"no certificate":       {func(f *folder) { _ = os.Remove(f.options.CertFile) }, "cert.pem: no such file"},
		"no key":               {func(f *folder) { _ = os.Remove(f.options.KeyFile) }, "key.pem: no such file"},
		"another key":          {func(f *folder) { certtest.Write(t, f.path, "key.pem", f.authority.Server(t, time.Hour).Key) }, "private key does not match"},
		"an empty certificate": {func(f *folder) { certtest.Write(t, f.path, "cert.pem", nil) }, "failed to find any PEM data in certificate input"},
		"a key as certificate": {func(f *folder) { f.options.CertFile = f.options.KeyFile }, "failed to find certificate PEM data"},
		"a key for everyone":   {func(f *folder) { _ = os.Chmod(f.options.KeyFile, 0o644) }, "has mode 0644, which lets everyone on the machine read or write it"},
		"an open certificate":  {func(f *folder) { _ = os.Chmod(f.options.CertFile, 0o666) }, "has mode 0666, which lets everyone on the machine write it"},
		"no CA": {func(f *folder) {
			f.options.ClientCAFile = filepath.Join(f.path, "ca.pem")
		}, "ca.pem: no such file"},
		"an empty CA": {func(f *folder) {
			f.options.ClientCAFile = certtest.Write(t, f.path, "ca.pem", []byte("# nothing\n"))
		}, "ca.pem: there is no certificate in PEM in it"},
		"a key as CA": {func(f *folder) { f.options.ClientCAFile = f.options.KeyFile }, "block 1 is a PRIVATE KEY, not a CERTIFICATE"},
		"a CA that is half there": {func(f *folder) {
			f.options.ClientCAFile = certtest.Write(t, f.path, "ca.pem", append(f.authority.PEM, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"...))
		}, "certificate 2: x509: malformed certificate"},
	} {
		f := newFolder(t)
		c.spoil(f)
		k, err := Open(f.options)
		if k != nil || err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	f := newFolder(t)
	if err := os.Chmod(f.options.KeyFile, 0o640); err != nil {
		t.Fatal(err)
	}
	f.open(t) // a group may read it, as Kubernetes' fsGroup does
}
