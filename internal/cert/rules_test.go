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

// weakSuites returns all cipher suites of TLS 1.2 and older that lack AEAD or
// forward secrecy: RC4, 3DES, CBC and RSA key exchange.
func weakSuites() (ids []uint16) {
	for _, s := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		aead := strings.Contains(s.Name, "_GCM_") || strings.Contains(s.Name, "_POLY1305_")
		if !aead || strings.HasPrefix(s.Name, "TLS_RSA_") {
			ids = append(ids, s.ID)
		}
	}
	return ids
}

// Rule 72: the server accepts TLS 1.2 or newer, with AEAD cipher suites only.
func TestRule72_RejectsOldVersionsAndWeakSuites(t *testing.T) {
	d := newDirectory(t)
	strict := serve(t, d.open(t).Config())
	d.options.MinVersion = tls.VersionTLS12
	lenient := serve(t, d.open(t).Config())
	// A server without these restrictions shows that the client itself can use
	// the old versions and weak suites.
	permissive := serve(t, &tls.Config{
		MinVersion:   tls.VersionTLS10,
		Certificates: []tls.Certificate{d.authority.Server(t, time.Hour).TLS(t)},
		CipherSuites: weakSuites(),
	})
	if len(weakSuites()) < 12 {
		t.Errorf("found only %d weak suites, want 12 or more", len(weakSuites()))
	}
	for name, c := range map[string]struct {
		address  string
		from, to uint16
		suites   []uint16
		want     bool
	}{
		"1.3, minimum 1.3":          {strict, tls.VersionTLS13, tls.VersionTLS13, nil, true},
		"1.2, minimum 1.3":          {strict, tls.VersionTLS12, tls.VersionTLS12, nil, false},
		"1.1, minimum 1.3":          {strict, tls.VersionTLS10, tls.VersionTLS11, nil, false},
		"1.3, minimum 1.2":          {lenient, tls.VersionTLS13, tls.VersionTLS13, nil, true},
		"1.2, minimum 1.2":          {lenient, tls.VersionTLS12, tls.VersionTLS12, nil, true},
		"1.1, minimum 1.2":          {lenient, tls.VersionTLS11, tls.VersionTLS11, nil, false},
		"1.0, minimum 1.2":          {lenient, tls.VersionTLS10, tls.VersionTLS10, nil, false},
		"weak suites, minimum 1.2":  {lenient, tls.VersionTLS10, tls.VersionTLS12, weakSuites(), false},
		"weak suites, unrestricted": {permissive, tls.VersionTLS10, tls.VersionTLS12, weakSuites(), true},
		"1.0, unrestricted":         {permissive, tls.VersionTLS10, tls.VersionTLS10, weakSuites(), true},
	} {
		_, err := d.dialWith(t, c.address, &tls.Config{
			RootCAs: d.authority.Pool(), MinVersion: c.from, MaxVersion: c.to, CipherSuites: c.suites,
		})
		if (err == nil) != c.want {
			t.Errorf("%s: error %v, want accepted %v", name, err, c.want)
		}
	}

	for _, suite := range suites {
		_, err := d.dialWith(t, lenient, &tls.Config{
			RootCAs: d.authority.Pool(), MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{suite},
		})
		// The key of the certificate is ECDSA.
		want := strings.Contains(tls.CipherSuiteName(suite), "_ECDSA_")
		if (err == nil) != want {
			t.Errorf("%s: error %v, want accepted %v", tls.CipherSuiteName(suite), err, want)
		}
		if slices.Contains(weakSuites(), suite) {
			t.Errorf("%s is weak", tls.CipherSuiteName(suite))
		}
	}
}

// Rule 72: Open returns an error if any file is missing or invalid. It does not
// start with a part of the protection.
func TestRule72_OpenRejectsInvalidFiles(t *testing.T) {
	for name, c := range map[string]struct {
		damage func(d *directory)
		want   string
	}{
		"no certificate": {func(d *directory) { _ = os.Remove(d.options.CertFile) }, "cert.pem: no such file"},
		"no key":         {func(d *directory) { _ = os.Remove(d.options.KeyFile) }, "key.pem: no such file"},
		"another key": {func(d *directory) {
			certtest.Write(t, d.path, "key.pem", d.authority.Server(t, time.Hour).Key)
		}, "private key does not match"},
		"an empty certificate": {func(d *directory) {
			certtest.Write(t, d.path, "cert.pem", nil)
		}, "failed to find any PEM data in certificate input"},
		"a key as certificate": {func(d *directory) {
			d.options.CertFile = d.options.KeyFile
		}, "failed to find certificate PEM data"},
		"a key readable by all": {func(d *directory) {
			_ = os.Chmod(d.options.KeyFile, 0o644)
		}, "has mode 0644, which lets everyone on the machine read or write it"},
		"a certificate writable by all": {func(d *directory) {
			_ = os.Chmod(d.options.CertFile, 0o666)
		}, "has mode 0666, which lets everyone on the machine write it"},
		"no CA": {func(d *directory) {
			d.options.ClientCAFile = filepath.Join(d.path, "ca.pem")
		}, "ca.pem: no such file"},
		"an empty CA": {func(d *directory) {
			d.options.ClientCAFile = certtest.Write(t, d.path, "ca.pem", []byte("# nothing\n"))
		}, "ca.pem: the file contains no certificate in PEM"},
		"a key as CA": {func(d *directory) {
			d.options.ClientCAFile = d.options.KeyFile
		}, "block 1 is a PRIVATE KEY, not a CERTIFICATE"},
		"one malformed CA": {func(d *directory) {
			malformed := "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
			d.options.ClientCAFile = certtest.Write(t, d.path, "ca.pem", append(d.authority.PEM, malformed...))
		}, "certificate 2: x509: malformed certificate"},
	} {
		d := newDirectory(t)
		c.damage(d)
		k, err := Open(d.options)
		if k != nil || err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: Open returned %v, want an error with %q", name, err, c.want)
		}
	}
	d := newDirectory(t)
	if err := os.Chmod(d.options.KeyFile, 0o640); err != nil {
		t.Fatal(err)
	}
	d.open(t) // a group may read the key, as with fsGroup of Kubernetes
}
