package interop

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// A trick is a request that tries to pass a proxy. In its lines, {valid} is a
// valid token and {forged} is one without a valid signature.
type trick struct {
	name  string
	lines []string
	// mayPass is set for requests that a proxy may also pass on. The API must
	// then get the valid token, and nothing else in Authorization.
	mayPass bool
}

const orders = "GET /orders HTTP/1.1"

var (
	validHeader  = "Authorization: Bearer {valid}"
	forgedHeader = "Authorization: Bearer {forged}"
)

var tricks = []trick{
	// Authorization headers.
	{name: "no token", lines: []string{orders}},
	{name: "forged token", lines: []string{orders, forgedHeader}},
	{name: "valid and forged", lines: []string{orders, validHeader, forgedHeader}},
	{name: "forged and valid", lines: []string{orders, forgedHeader, validHeader}},
	{name: "valid twice", lines: []string{orders, validHeader, validHeader}},
	{name: "valid, and forged in lower case", lines: []string{orders, validHeader, "authorization: bearer {forged}"}},
	{name: "forged and Basic", lines: []string{orders, "Authorization: Basic eDp5", validHeader}},
	{name: "valid and empty", mayPass: true, lines: []string{orders, validHeader, "Authorization:"}},
	{name: "joined with a comma", lines: []string{orders, validHeader + ", Bearer {forged}"}},
	{name: "joined with a comma, without a space", lines: []string{orders, validHeader + ",Bearer {forged}"}},
	{name: "forged joined with a valid one", lines: []string{orders, forgedHeader + ", Bearer {valid}"}},
	{name: "two tokens", lines: []string{orders, validHeader + " {forged}"}},
	{name: "forged and valid in one", lines: []string{orders, forgedHeader + " {valid}"}},
	{name: "a parameter", lines: []string{orders, validHeader + ";x=y"}},
	{name: "the scheme Basic", lines: []string{orders, "Authorization: Basic {valid}"}},
	{name: "no scheme", lines: []string{orders, "Authorization: {valid}"}},
	{name: "no space after the scheme", lines: []string{orders, "Authorization: Bearer{valid}"}},
	{name: "a longer scheme", lines: []string{orders, "Authorization: Bearers {valid}"}},
	{name: "no token after the scheme", lines: []string{orders, "Authorization: Bearer "}},
	{name: "NUL", lines: []string{orders, validHeader + "\x00"}},
	{name: "line feed", lines: []string{orders, validHeader + "\nAuthorization: Bearer {forged}"}},
	{name: "continued line", mayPass: true, lines: []string{orders, "Authorization: Bearer", " {valid}"}},
	{name: "continued with a forged token", lines: []string{orders, validHeader, " {forged}"}},
	{name: "space before the colon", lines: []string{orders, "Authorization : Bearer {valid}"}},
	{name: "underscore", lines: []string{orders, "Authorization_: Bearer {valid}"}},
	{name: "Proxy-Authorization", lines: []string{orders, "Proxy-Authorization: Bearer {valid}"}},
	{
		name:  "X-Authorization",
		lines: []string{orders, "X-Authorization: Bearer {valid}", "X-Forwarded-Authorization: Bearer {valid}"},
	},
	{name: "padding", lines: []string{orders, validHeader + "="}},
	{name: "long token", lines: []string{orders, validHeader + strings.Repeat("A", 60_000)}},
	{name: "many dots", lines: []string{orders, "Authorization: Bearer " + strings.Repeat(".", 4000)}},
	{name: "empty parts", lines: []string{orders, "Authorization: Bearer .."}},
	{name: "percent-encoded", lines: []string{orders, "Authorization: Bearer {valid}%00"}},
	{name: "more of a form", lines: []string{orders, "Authorization: Bearer {forged}&token={valid}"}},
	{name: "more of a form before", lines: []string{orders, "Authorization: Bearer x&token={valid}"}},
	{name: "scheme in lower case", mayPass: true, lines: []string{orders, "authorization: bearer {valid}"}},
	{name: "scheme in upper case", mayPass: true, lines: []string{orders, "AUTHORIZATION: BEARER {valid}"}},
	{name: "two spaces", mayPass: true, lines: []string{orders, "Authorization:  Bearer  {valid} "}},
	{name: "tab", mayPass: true, lines: []string{orders, "Authorization:\tBearer\t{valid}"}},

	// Tokens elsewhere.
	{name: "query of RFC 6750", lines: []string{"GET /orders?access_token={valid} HTTP/1.1"}},
	{name: "query", lines: []string{"GET /orders?token={valid} HTTP/1.1"}},
	{
		name:  "query and a forged token",
		lines: []string{"GET /orders?token={valid}&access_token={valid} HTTP/1.1", forgedHeader},
	},
	{
		name:  "encoded query and a forged token",
		lines: []string{"GET /orders?x=%26token={valid} HTTP/1.1", forgedHeader},
	},
	{name: "cookie", lines: []string{orders, "Cookie: access_token={valid}; token={valid}; Authorization={valid}"}},
	{
		name: "form", lines: []string{
			"POST /orders HTTP/1.1", "Content-Type: application/x-www-form-urlencoded", "Content-Length: 2000",
			"", "access_token={valid}&token={valid}&" + strings.Repeat("x", 2000),
		},
	},
	{
		name: "form and a forged token", lines: []string{
			"POST /orders HTTP/1.1", "Content-Type: application/x-www-form-urlencoded", "Content-Length: 2000",
			forgedHeader, "", "access_token={valid}&token={valid}&" + strings.Repeat("x", 2000),
		},
	},

	// Paths and methods.
	{name: "internal path", lines: []string{"GET /_introspect?token={valid} HTTP/1.1", forgedHeader}},
	{name: "another internal path", lines: []string{"GET /_signet HTTP/1.1", forgedHeader}},
	{name: "encoded internal path", lines: []string{"POST /%5fintrospect HTTP/1.1", forgedHeader}},
	{name: "path with dots", lines: []string{"GET /x/../orders HTTP/1.1", forgedHeader}},
	{name: "path with two slashes", lines: []string{"GET //orders HTTP/1.1", forgedHeader}},
	{name: "absolute address", lines: []string{"GET http://other.example/orders HTTP/1.1", forgedHeader}},
	{
		name:  "other headers that name a path",
		lines: []string{orders, forgedHeader, "X-Original-URL: /", "X-Rewrite-URL: /"},
	},
	{name: "OPTIONS", lines: []string{"OPTIONS /orders HTTP/1.1"}},
	{name: "OPTIONS *", lines: []string{"OPTIONS * HTTP/1.1"}},
	{name: "preflight", lines: []string{
		"OPTIONS /orders HTTP/1.1", "Origin: https://evil.example", "Access-Control-Request-Method: GET",
	}},
	{name: "TRACE", lines: []string{"TRACE /orders HTTP/1.1", forgedHeader}},
	{name: "HEAD", lines: []string{"HEAD /orders HTTP/1.1", forgedHeader}},
	{name: "method of one's own", lines: []string{"BREW /orders HTTP/1.1", forgedHeader}},
	{name: "HTTP/1.0", lines: []string{"GET /orders HTTP/1.0", forgedHeader}},
	{name: "upgrade", lines: []string{orders, forgedHeader, "Connection: Upgrade", "Upgrade: websocket"}},
	{name: "header of the connection", lines: []string{orders, "Connection: Authorization", forgedHeader}},
}

// checkRequests checks that a proxy refuses all tricks, and passes on requests
// with a valid token.
func (p proxy) checkRequests(t *testing.T, f *verifyFixture) {
	t.Helper()
	valid := f.sign(t, f.key, nil, nil)
	values := strings.NewReplacer("{valid}", valid, "{forged}", forge(valid))
	for _, trick := range tricks {
		var lines []string
		for _, line := range trick.lines {
			lines = append(lines, values.Replace(line))
		}
		r, reached, err := p.send(lines...)
		if err != nil {
			t.Errorf("%s: %v", trick.name, err)
			continue
		}
		t.Logf("%s: %s", trick.name, r.Status)
		switch {
		case len(reached) > 0 && !trick.mayPass:
			t.Errorf("%s: the API got %s %s, %q", trick.name, reached[0].Method, reached[0].URL, reached[0].Header)
		case len(reached) > 0:
			p.checkPassed(t, trick.name, reached, valid)
		case r.StatusCode < 300:
			t.Errorf("%s: %s", trick.name, r.Status)
		}
	}
	p.checkBodies(t, valid)
}

// checkBodies checks that a proxy passes on requests with a valid token as they
// are.
func (p proxy) checkBodies(t *testing.T, valid string) {
	t.Helper()
	for _, method := range []string{"GET", "HEAD", "POST", "DELETE"} {
		length := map[string]int{"POST": 1e6}[method]
		r, reached, err := p.send(method+" /orders/7?token=x&a=%2F HTTP/1.1", "Authorization: Bearer "+valid,
			"Cookie: theme="+strings.Repeat("x", 6000), fmt.Sprint("Content-Length: ", length),
			"", strings.Repeat("x", length))
		if err != nil || r.StatusCode != http.StatusOK || len(reached) == 0 {
			t.Errorf("%s with a valid token: %v, error %v", method, r, err)
			continue
		}
		p.checkPassed(t, method, reached, valid)
		got := reached[0]
		if got.Method != method || got.RequestURI != "/orders/7?token=x&a=%2F" || got.ContentLength != int64(length) {
			t.Errorf("the API got %s %s with %d bytes; want %s with %d", got.Method, got.RequestURI, got.ContentLength,
				method, length)
		}
	}
}

// checkPassed checks that the API got one request, with this token.
func (p proxy) checkPassed(t *testing.T, name string, reached []*http.Request, valid string) {
	t.Helper()
	fields := reached[0].Header["Authorization"]
	if len(reached) != 1 || len(fields) != 1 || !strings.HasSuffix(fields[0], valid) {
		t.Errorf("%s: the API got %d requests, with %q", name, len(reached), fields)
	}
}
