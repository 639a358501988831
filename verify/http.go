package verify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"
)

// A transport sends requests to the issuer.
type transport struct {
	client *http.Client
	// id and secret authenticate this service, unless id is empty.
	id, secret string
}

// newTransport returns a transport with a copy of the client that follows no
// redirects: a redirect could send tokens and secrets to another server. If
// client is nil, it makes one.
func newTransport(client *http.Client, id, secret string) *transport {
	t := &transport{id: id, secret: secret}
	if client == nil {
		client = &http.Client{Transport: newHTTPTransport()}
	}
	own := *client
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	own.Jar, own.Timeout = nil, 0 // each request has its own time limit
	t.client = &own
	return t
}

// newHTTPTransport returns a transport for HTTP/1.1 only. There are one or two
// requests at a time, and a request that is given up closes its connection, so
// that the next one opens another.
func newHTTPTransport() *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 15 * time.Second}).DialContext,
		TLSHandshakeTimeout:    5 * time.Second,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		Protocols:              protocols,
	}
}

// close closes the connections that are not in use.
func (t *transport) close() { t.client.CloseIdleConnections() }

// A response is an HTTP response with its body.
type response struct {
	status int
	header http.Header
	body   []byte
}

// do sends a request and reads the response, at most size bytes of its body. It
// gives up if nothing arrives for that time: a long body on a slow network may
// take longer.
func (t *transport) do(r *http.Request, size int64, silence time.Duration) (response, error) {
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	timer := time.AfterFunc(silence, func() { cancel(errSilence) })
	defer timer.Stop()
	r.Header.Set("User-Agent", "signet-verify")

	got, err := t.client.Do(r.WithContext(ctx))
	if err != nil {
		return response{}, readable(ctx, err)
	}
	defer got.Body.Close()
	body, err := io.ReadAll(io.LimitReader(&reader{got.Body, func() { timer.Reset(silence) }}, size+1))
	if err != nil {
		return response{}, readable(ctx, err)
	}
	if int64(len(body)) > size {
		return response{}, fmt.Errorf("the response has more than %d bytes", size)
	}
	return response{got.StatusCode, got.Header, body}, nil
}

var errSilence = errors.New("the issuer does not answer in time")

// readable returns the cause of an error of a request, without the URL, which
// the caller has.
func readable(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	var failed *url.Error
	if errors.As(err, &failed) {
		return failed.Err
	}
	return err
}

// A reader calls arrived after each read.
type reader struct {
	io.Reader
	arrived func()
}

// Read implements io.Reader.
func (r *reader) Read(b []byte) (int, error) {
	n, err := r.Reader.Read(b)
	r.arrived()
	return n, err
}

// get sends a GET request with these header fields; see do.
func (t *transport) get(
	ctx context.Context, address string, header http.Header, size int64, silence time.Duration,
) (response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return response{}, err
	}
	for name, values := range header {
		r.Header[name] = values
	}
	return t.do(r, size, silence)
}

// authenticate adds the credentials of this service (RFC 6749 §2.3.1).
func (t *transport) authenticate(header http.Header) {
	if t.id != "" {
		r := http.Request{Header: header}
		r.SetBasicAuth(url.QueryEscape(t.id), url.QueryEscape(t.secret))
	}
}

// errStatus returns the error for a response with an unexpected status.
func errStatus(status int) error {
	if 300 <= status && status < 400 {
		return fmt.Errorf("unexpected status %d: redirects are not followed", status)
	}
	return fmt.Errorf("unexpected status %d", status)
}

// checkURL returns an error unless requests to this URL are confidential: the
// scheme is https, or http and the host a loopback address.
func checkURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || u.Opaque != "":
		return nil, fmt.Errorf("%q is not a URL with a host and without user and fragment", text)
	case u.Scheme == "https", u.Scheme == "http" && isLoopback(u.Hostname()):
		return u, nil
	}
	return nil, fmt.Errorf("%q must begin with https:// (http:// is for loopback addresses)", text)
}

// isLoopback reports whether host is localhost or a loopback address.
func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}
