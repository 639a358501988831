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
	own.Jar = nil
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

// do sends a request and reads at most limit bytes of the body. It returns an
// error for a longer body.
func (t *transport) do(r *http.Request, limit int64) (response, error) {
	r.Header.Set("User-Agent", "signet-verify")
	got, err := t.client.Do(r)
	if err != nil {
		// The url.Error would repeat the URL, which the caller has.
		var failed *url.Error
		if errors.As(err, &failed) {
			err = failed.Err
		}
		return response{}, err
	}
	defer got.Body.Close()
	body, err := io.ReadAll(io.LimitReader(got.Body, limit+1))
	if err != nil {
		return response{}, err
	}
	if int64(len(body)) > limit {
		return response{}, fmt.Errorf("the response has more than %d bytes", limit)
	}
	return response{got.StatusCode, got.Header, body}, nil
}

// get sends a GET request with these header fields.
func (t *transport) get(ctx context.Context, address string, header http.Header, limit int64) (response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return response{}, err
	}
	for name, values := range header {
		r.Header[name] = values
	}
	return t.do(r, limit)
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
