package cert

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/signetd/signet/internal/seal"
)

const (
	// pollInterval is how often the files are read. They are small, and a look at their content misses no change: not that
	// of a symbolic link on the way to them, by which Kubernetes swaps secrets, and not one within a file system's tick.
	pollInterval = 2 * time.Second
	// warnAhead is how long before the certificate expires it is time to say so.
	warnAhead = 7 * 24 * time.Hour
)

// suites are what TLS 1.2 is spoken with: forward secrecy and AEAD only (RFC 9325 §4.2). Those of TLS 1.3 are no matter of
// choice.
var suites = []uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
}

// Options is what a Keeper is made of. Every field is needed but ClientCAFile.
type Options struct {
	CertFile string
	KeyFile  string
	// ClientCAFile holds the CAs that sign certificates of clients; empty means that none is asked for.
	ClientCAFile string
	// MinVersion is the oldest version of TLS that is spoken, tls.VersionTLS12 or newer.
	MinVersion uint16
	Now        func() time.Time
	Log        *slog.Logger
}

// A Keeper has what was last read and is fit for use.
type Keeper struct {
	o       Options
	current atomic.Pointer[material]

	// What follows is Run's own.
	fault  string // why what the files hold now is not in use
	told   bool   // the log has it
	expiry string // what the log has of the expiry
}

// Open reads the files for the first time. What cannot be used is an error: a door does not open half protected.
func Open(o Options) (*Keeper, error) {
	k := &Keeper{o: o}
	m, err := k.read(nil)
	if err != nil {
		return nil, err
	}
	k.current.Store(m)
	k.watchExpiry()
	return k, nil
}

// NotAfter returns when the certificate in use expires.
func (k *Keeper) NotAfter() time.Time { return k.current.Load().certificate.Leaf.NotAfter }

// Config returns the configuration of a listener, whose handshakes see what is current at their time. Protocols are those
// of ALPN (RFC 7301).
func (k *Keeper) Config(protocols ...string) *tls.Config {
	base := &tls.Config{
		MinVersion: k.o.MinVersion, CipherSuites: suites, NextProtos: protocols,
		// A session is not resumed by what was true of an older certificate or CA.
		SessionTicketsDisabled: true,
	}
	listener := base.Clone()
	listener.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		m, c := k.current.Load(), base.Clone()
		c.Certificates = []tls.Certificate{m.certificate}
		if m.clientCAs != nil {
			c.ClientAuth, c.ClientCAs = tls.VerifyClientCertIfGiven, m.clientCAs
		}
		return c, nil
	}
	return listener
}

// Run looks at the files until ctx ends. Connections stay as they are; those that are made after a change see it.
func (k *Keeper) Run(ctx context.Context) {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			k.poll()
		}
	}
}

// poll takes up what the files hold, if it is new and fit for use.
func (k *Keeper) poll() {
	before := k.current.Load()
	m, err := k.read(before)
	if err != nil {
		k.complain(err)
		return
	}
	if k.told {
		k.o.Log.Info("the files of the TLS certificate are in order again")
	}
	k.fault, k.told = "", false
	if m != before {
		k.current.Store(m)
		k.o.Log.Info("the TLS certificate was read anew", "serial", m.certificate.Leaf.SerialNumber.Text(16),
			"not_after", m.certificate.Leaf.NotAfter)
	}
	k.watchExpiry()
}

// complain says once that the files hold nothing of use. It waits for the second look, because who replaces a certificate
// and its key one after the other is in between for a moment.
func (k *Keeper) complain(err error) {
	again := err.Error() == k.fault
	k.told = k.told && again
	k.fault = err.Error()
	if again && !k.told {
		k.told = true
		k.o.Log.Warn("the TLS certificate cannot be read anew; the one before stays in use", "error", err)
	}
	k.watchExpiry()
}

// watchExpiry says once that the certificate expires soon, and once that it has.
func (k *Keeper) watchExpiry() {
	left, state := k.NotAfter().Sub(k.o.Now()), ""
	switch {
	case left <= 0:
		state = "has expired"
	case left < warnAhead:
		state = "expires soon"
	}
	if state != k.expiry && state != "" {
		k.o.Log.Warn("the TLS certificate "+state, "file", k.o.CertFile, "not_after", k.NotAfter(), "days_left", int(left.Hours()/24))
	}
	k.expiry = state
}

// Pool reads a file of CA certificates.
func Pool(path string) (*x509.CertPool, error) {
	text, err := seal.ReadGivenPublic(path)
	if err != nil {
		return nil, err
	}
	pool, err := parsePool(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return pool, nil
}
