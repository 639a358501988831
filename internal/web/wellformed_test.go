package web

import (
	"bufio"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Rule 65: malformed requests that net/http passes on get 400, at every
// endpoint of every listener, before any other check.
func TestRule65_MalformedRequestsThatHandlersSee(t *testing.T) {
	f := newFixture(t)
	ops := serve(t, OpsHandler(nil, http.NotFoundHandler(), slog.New(slog.DiscardHandler)))
	endpoints := []struct{ server, path string }{
		{f.url, "/oauth2/token"},
		{f.url, "/oauth2/revoke"},
		{f.url, "/oauth2/introspect"},
		{f.url, "/.well-known/jwks.json"},
		{f.url, "/.well-known/openid-configuration"},
		{f.url, "/.well-known/oauth-authorization-server"},
		{f.url, "/revocations"},
		{f.url, "/livez"},
		{f.url, "/readyz"},
		{f.url, "/nothing"},
		{ops, "/livez"},
		{ops, "/readyz"},
		{ops, "/metrics"},
		{ops, "/debug/pprof/"},
	}
	const form = "Content-Type: application/x-www-form-urlencoded\r\n"
	for name, c := range map[string]struct{ target, header string }{
		"NUL in the path":                  {"PATH%00", ""},
		"NUL before the path":              {"/%00PATH", ""},
		"line break in the path":           {"PATH%0d%0aX:y", ""},
		"DEL in the path":                  {"PATH%7f", ""},
		"a control character of Unicode":   {"PATH%c2%85", ""},
		"a path that is not UTF-8":         {"PATH%ff", ""},
		"a path that is not ASCII":         {"PATH\u00e4", ""},
		"NUL in the query":                 {"PATH?a=%00", ""},
		"a malformed escape in the query":  {"PATH?a=%zz", ""},
		"a query that is not UTF-8":        {"PATH?%ff", ""},
		"a query that is not ASCII":        {"PATH?\u00e4", ""},
		"a fragment":                       {"PATH#a", ""},
		"user information":                 {"http://a:b@x" + "PATH", ""},
		"two content types":                {"PATH", form + form},
		"two different content types":      {"PATH", form + "Content-Type: application/json\r\n"},
		"two content codings":              {"PATH", "Content-Encoding: gzip\r\ncontent-encoding: identity\r\n"},
		"two Authorization headers":        {"PATH", "Authorization: Basic YTpi\r\nAuthorization: Bearer x\r\n"},
		"an empty second Authorization":    {"PATH", "Authorization: Basic YTpi\r\nAuthorization:\r\n"},
		"two idempotency keys":             {"PATH", "Idempotency-Key: a\r\nIdempotency-Key: a\r\n"},
		"two ranges":                       {"PATH", "Range: bytes=0-1\r\nRange: bytes=1-2\r\n"},
		"two content types, line by line":  {"PATH", form + "X: y\r\n" + form},
		"two Authorization headers, other": {"PATH", "AUTHORIZATION: Basic YTpi\r\nauthorization: Basic YTpi\r\n"},
	} {
		for _, e := range endpoints {
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				r := sendRaw(t, e.server, method+" "+strings.Replace(c.target, "PATH", e.path, 1)+
					" HTTP/1.1\r\nHost: x\r\n"+c.header+"Content-Length: 0\r\n\r\n")
				if r.StatusCode != http.StatusBadRequest || r.Header.Get("Cache-Control") != "no-store" ||
					r.Header.Get("X-Request-Id") == "" ||
					r.Header.Get("X-Content-Type-Options") != "nosniff" {
					t.Errorf("%s: %s %s: got %d %v, want 400", name, method, e.path, r.StatusCode, r.Header)
				}
			}
		}
	}
}

// Rule 65: net/http refuses these requests, or reads them in the one way that
// RFC 9112 allows. What it corrects, no handler sees. The tests with nginx and
// HAProxy show that it corrects them as they do.
func TestRule65_MalformedRequestsThatHandlersDoNotSee(t *testing.T) {
	base := serve(t, newHandler(t, Options{}))
	const get, end = "GET /livez HTTP/1.1\r\nHost: x\r\n", "\r\n"
	for request, want := range map[string]int{
		get + end: 200,
		// An absolute target (RFC 9112 §3.2.2) names the same documents.
		"GET http://other.example/livez HTTP/1.1\r\nHost: x\r\n" + end: 200,
		"GET /%6civez HTTP/1.1\r\nHost: x\r\n" + end:                   200,

		get + "Content-Length: 0\r\nContent-Length: 1\r\n" + end:                   400,
		get + "Content-Length: 0, 1\r\n" + end:                                     400,
		get + "Content-Length: +1\r\n" + end + "x":                                 400,
		get + "Content-Length: -1\r\n" + end:                                       400,
		get + "Content-Length: 0x1\r\n" + end + "x":                                400,
		get + "Content-Length: 99999999999999999999\r\n" + end:                     400,
		get + "Content-Length : 0\r\n" + end:                                       400,
		get + "Transfer-Encoding: xchunked\r\n" + end:                              501,
		get + "Transfer-Encoding: gzip, chunked\r\n" + end:                         501,
		get + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n" + end: 501,
		get + "Transfer-Encoding: \x0bchunked\r\n" + end:                           400,
		get + "X\x00: y\r\n" + end:                                                 400,
		get + "X: \x00\r\n" + end:                                                  400,
		get + "X: a\rb\r\n" + end:                                                  400,
		get + "no colon\r\n" + end:                                                 400,
		get + " folded: first\r\n" + end:                                           400,
		"GET /livez HTTP/1.1\r\n X: y\r\nHost: x\r\n" + end:                        400,
		"GET /livez HTTP/1.1\r\n" + end:                                            400,
		get + "Host: x\r\n" + end:                                                  400,
		"GET /live\x00z HTTP/1.1\r\nHost: x\r\n" + end:                             400,
		"GET /livez%zz HTTP/1.1\r\nHost: x\r\n" + end:                              400,
		"GET /livez HTTP/1.1 \r\nHost: x\r\n" + end:                                400,
		"GET /livez x HTTP/1.1\r\nHost: x\r\n" + end:                               400,
		"GET livez HTTP/1.1\r\nHost: x\r\n" + end:                                  400,
		"GET\t/livez HTTP/1.1\r\nHost: x\r\n" + end:                                400,
		"GET /livez HTTP/2.5\r\nHost: x\r\n" + end:                                 505,
		"G@T /livez HTTP/1.1\r\nHost: x\r\n" + end:                                 400,

		get + "Content-Length: 0\r\nContent-Length: 0\r\n" + end:                        200,
		get + "Content-Length: 9\r\nTransfer-Encoding: chunked\r\n" + end + "0\r\n\r\n": 200,
		get + "Transfer-Encoding:\r\n chunked\r\n" + end + "0\r\n\r\n":                  200,
		"GET /livez HTTP/1.1\nHost: x\n\n":                                              200,
	} {
		if r := sendRaw(t, base, request); r.StatusCode != want {
			t.Errorf("%q: got status %d, want %d", request, r.StatusCode, want)
		}
	}
}

// sendRaw sends the bytes of a request and returns the response without its
// body.
func sendRaw(t *testing.T, server, request string) *http.Response {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(server, "http://"))
	must(t, err)
	defer conn.Close()
	must(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	_, err = conn.Write([]byte(request))
	must(t, err)
	r, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("%q: %v", request, err)
	}
	must(t, r.Body.Close())
	return r
}
