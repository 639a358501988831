package cert

import (
	"context"
	"crypto/tls"
	"sync/atomic"
	"time"
)

const (
	// pollInterval is how often Run reads the files. The files are small. A
	// comparison of their content detects every change. It also detects a
	// changed symbolic link in the path, by which Kubernetes updates secrets,
	// and a change that does not change the modification time of the file.
	pollInterval = 2 * time.Second
	// warnAhead is how long before the certificate expires a Reloader logs a
	// warning.
	warnAhead = 7 * 24 * time.Hour
)

// suites are the cipher suites for TLS 1.2: forward secrecy and AEAD only
// (RFC 9325 §4.2). Go does not let a program choose those of TLS 1.3.
var suites = []uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
}

// A Reloader holds the last valid certificate and client CAs that it read.
type Reloader struct {
	o       Options
	current atomic.Pointer[material]

	// Only Open and Run use the fields below.
	failure       string // the error of the last poll; empty if it succeeded
	failureLogged bool   // the log contains failure
	expiry        string // the last logged state of the expiry
}

// Open reads the files for the first time. It returns an error if any of them
// is missing or invalid, so that no server starts with incomplete protection.
func Open(o Options) (*Reloader, error) {
	r := &Reloader{o: o}
	m, err := readMaterial(o, nil)
	if err != nil {
		return nil, err
	}
	r.current.Store(m)
	r.logExpiry()
	return r, nil
}

// NotAfter returns the time at which the current certificate expires.
func (r *Reloader) NotAfter() time.Time { return r.current.Load().certificate.Leaf.NotAfter }

// Config returns the TLS configuration of a listener. Each handshake uses the
// certificate and the client CAs that are current at that time. The protocols
// are those of ALPN (RFC 7301).
func (r *Reloader) Config(protocols ...string) *tls.Config {
	base := &tls.Config{
		MinVersion: r.o.MinVersion, CipherSuites: suites, NextProtos: protocols,
		// A resumed session would keep what an older certificate or CA allowed.
		SessionTicketsDisabled: true,
		Time:                   r.o.Now,
	}
	listener := base.Clone()
	listener.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		m, c := r.current.Load(), base.Clone()
		c.Certificates = []tls.Certificate{m.certificate}
		if m.clientCAs != nil {
			c.ClientAuth, c.ClientCAs = tls.VerifyClientCertIfGiven, m.clientCAs
		}
		return c, nil
	}
	return listener
}

// RequireClients returns Config for a listener that refuses every client
// without a valid certificate.
func (r *Reloader) RequireClients(protocols ...string) *tls.Config {
	listener := r.Config(protocols...)
	configure := listener.GetConfigForClient
	listener.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		c, err := configure(hello)
		if err == nil {
			c.ClientAuth = tls.RequireAndVerifyClientCert
		}
		return c, err
	}
	return listener
}

// Run polls the files until ctx is done. A change applies to new connections
// only.
func (r *Reloader) Run(ctx context.Context) {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			r.poll()
		}
	}
}

// poll reads the files and makes their content current if it is new and valid.
func (r *Reloader) poll() {
	before := r.current.Load()
	m, err := readMaterial(r.o, before)
	if err != nil {
		r.logFailure(err)
		return
	}

	if r.failureLogged {
		r.o.Log.Info("TLS certificate files are valid again")
	}
	r.failure, r.failureLogged = "", false
	if m != before {
		r.current.Store(m)
		r.o.Log.Info("TLS certificate reloaded", "serial", m.certificate.Leaf.SerialNumber.Text(16),
			"not_after", m.certificate.Leaf.NotAfter)
	}
	r.logExpiry()
}

// logFailure logs an error once, when two polls in a row return it. An operator
// may replace the certificate and its key one after the other. Between the two,
// a single poll can fail.
func (r *Reloader) logFailure(err error) {
	again := err.Error() == r.failure
	r.failureLogged = r.failureLogged && again
	r.failure = err.Error()
	if again && !r.failureLogged {
		r.failureLogged = true
		r.o.Log.Warn("TLS certificate cannot be reloaded; the previous certificate stays in use", "error", err)
	}
	r.logExpiry()
}

// logExpiry logs one warning when the certificate expires soon, and one when it
// has expired.
func (r *Reloader) logExpiry() {
	left, state := r.NotAfter().Sub(r.o.Now()), ""
	switch {
	case left <= 0:
		state = "has expired"
	case left < warnAhead:
		state = "expires soon"
	}
	if state != r.expiry && state != "" {
		r.o.Log.Warn("TLS certificate "+state,
			"file", r.o.CertFile, "not_after", r.NotAfter(), "days_left", int(left.Hours()/24))
	}
	r.expiry = state
}
