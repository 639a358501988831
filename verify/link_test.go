package verify_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signetd/signet/verify/verifytest"
)

// Paths of the issuer.
const (
	keysPath       = "/.well-known/jwks.json"
	feedPath       = "/revocations"
	introspectPath = "/oauth2/introspect"
)

// A link is the network between verifiers and an issuer.
type link struct {
	issuer http.RoundTripper

	mu sync.Mutex
	// before is called with each request, unless it is nil. If it returns a
	// response or an error, the issuer does not get the request.
	before func(r *http.Request) (*http.Response, error)
	// change changes the body of each response with status 200.
	change func(path string, header http.Header, body []byte) []byte
	// body replaces the body of each response, unless it is nil.
	body     func(r *http.Request, body io.ReadCloser) io.ReadCloser
	requests []request
}

// A request is one that a link has sent.
type request struct {
	*http.Request
	at time.Time
}

func newLink(t *testing.T, algorithms ...string) (*link, *verifytest.Issuer) {
	t.Helper()
	issuer := verifytest.New(t, algorithms...)
	return &link{issuer: issuer}, issuer
}

// RoundTrip implements http.RoundTripper.
func (l *link) RoundTrip(r *http.Request) (*http.Response, error) {
	l.mu.Lock()
	l.requests = append(l.requests, request{r, time.Now()})
	before, change := l.before, l.change
	l.mu.Unlock()
	if before != nil {
		if response, err := before(r); response != nil || err != nil {
			return response, err
		}
	}
	response, err := l.issuer.RoundTrip(r)
	l.mu.Lock()
	body := l.body
	l.mu.Unlock()
	if err == nil && body != nil {
		response.Body = body(r, response.Body)
	}
	if err != nil || change == nil || response.StatusCode != http.StatusOK {
		return response, err
	}
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	text = change(r.URL.Path, response.Header, text)
	response.Body, response.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
	return response, nil
}

// set replaces before and change.
func (l *link) set(
	before func(*http.Request) (*http.Response, error), change func(string, http.Header, []byte) []byte,
) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.before, l.change = before, change
}

// setBody replaces body.
func (l *link) setBody(f func(*http.Request, io.ReadCloser) io.ReadCloser) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.body = f
}

// sent returns the requests for a path since the last call of reset.
func (l *link) sent(path string) []request {
	l.mu.Lock()
	defer l.mu.Unlock()
	var sent []request
	for _, r := range l.requests {
		if r.URL.Path == path {
			sent = append(sent, r)
		}
	}
	return sent
}

// reset forgets the requests.
func (l *link) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.requests = nil
}

// answerWith returns a function for link.before that answers requests for a
// path.
func answerWith(path string, status int, body string) func(*http.Request) (*http.Response, error) {
	return func(r *http.Request) (*http.Response, error) {
		if r.URL.Path != path {
			return nil, nil
		}
		return &http.Response{
			StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r,
		}, nil
	}
}

// stuck never answers a request.
func stuck(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}
