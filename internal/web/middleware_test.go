package web

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/issuertest"
	"github.com/signetd/signet/internal/oauth"
)

// Rule 63: Every response has the security headers.
func TestRule63_SecurityHeaders(t *testing.T) {
	base := serve(t, newHandler(t, Options{}))
	for _, path := range []string{"/.well-known/jwks.json", "/livez", "/nothing"} {
		r, _ := do(t, http.MethodGet, base+path, nil)
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
			"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
		} {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
	}
}

func TestRequestLog_HasRouteInsteadOfPath(t *testing.T) {
	logs := new(issuertest.Logs)
	base := serve(t, newHandler(t, Options{Log: logs.Logger()}))
	do(t, http.MethodGet, base+"/.well-known/jwks.json?token=canary", nil)
	do(t, http.MethodGet, base+"/canary", nil)

	lines := strings.Split(strings.TrimSpace(logs.Text()), "\n")
	if len(lines) != 2 || strings.Contains(logs.Text(), "canary") {
		t.Fatalf("got log lines %q, want two without canary", lines)
	}
	for n, want := range []string{`"route":"GET /.well-known/jwks.json","code":200`, `"route":"","code":404`} {
		if !strings.Contains(lines[n], want) || !strings.Contains(lines[n], `"level":"DEBUG"`) ||
			!strings.Contains(lines[n], `"peer":"127.0.0.1:`) {
			t.Errorf("line %d: got %s, want %s at level DEBUG with the peer", n, lines[n], want)
		}
	}
}

// A response that the caller expects has level debug, so that a busy server
// does not write a line for each request. Errors have the level at which the
// gRPC API logs them.
func TestRequestLog_Levels(t *testing.T) {
	f := newFixture(t)
	var err error
	endpoint := clientHandler{
		clients: authenticator{registry: f.Registry},
		operation: func(context.Context, client.Caller, form) (any, error) {
			return map[string]string{}, err
		},
	}
	f.url = serve(t, middleware(f.Logs.Logger(), Observer{}, endpoint))

	for _, c := range []struct {
		err         error
		code, level string
	}{
		{nil, `"code":200`, "DEBUG"},
		{oauth.InvalidGrant, `"code":400`, "INFO"},
		{oauth.SlowDown, `"code":429`, "INFO"},
		{oauth.Unavailable(errors.New("no store")), `"code":503`, "WARN"},
		{errors.New("a fault"), `"code":500`, "ERROR"},
	} {
		err = c.err
		f.Logs.Reset()
		f.post(t, "/", f.basic("web"))
		text := f.Logs.Text()
		if !strings.Contains(text, `"level":"`+c.level+`"`) || !strings.Contains(text, c.code) ||
			!strings.Contains(text, `"client_id":"web"`) || !strings.Contains(text, `"origin":"127.0.0.1"`) {
			t.Errorf("%v: got %s, want %s at level %s, with client_id and origin", c.err, text, c.code, c.level)
		}
	}
}

// Rule 66: no secret is printed or logged.
func TestRule66_RequestLogHasNoSecrets(t *testing.T) {
	f := newFixture(t)
	token := f.login(t, "web").RefreshToken
	f.Logs.Reset()

	header := f.basic("web")
	header.Set("X-Request-Id", "mine-1")
	refreshed := f.post(t, "/oauth2/token", header, "grant_type", "refresh_token", "refresh_token", token)
	if id := refreshed.Header.Get("X-Request-Id"); id != "mine-1" {
		t.Errorf("got X-Request-Id %q, want that of the request", id)
	}
	header["X-Request-Id"] = []string{"a b"}
	refused := f.post(t, "/oauth2/token", header, "grant_type", "password", "password", password)
	if id := refused.Header.Get("X-Request-Id"); len(id) != 26 {
		t.Errorf("got X-Request-Id %q, want a new one", id)
	}
	f.post(t, "/oauth2/revoke", nil, "client_id", "web", "client_secret", "canary", "token", "canary")

	lines := strings.Split(strings.TrimSpace(f.Logs.Text()), "\n")
	if len(lines) != 3 {
		t.Fatalf("got log lines %q, want three", lines)
	}
	for n, want := range []struct{ level, text string }{
		{`"level":"DEBUG"`, `"route":"/oauth2/token","code":200,`},
		{`"level":"INFO"`, `"route":"/oauth2/token","code":400,`},
		{`"level":"INFO"`, `"route":"/oauth2/revoke","code":401,`},
	} {
		if !strings.Contains(lines[n], want.text) || !strings.Contains(lines[n], want.level) ||
			!strings.Contains(lines[n], `"request_id":"`) {
			t.Errorf("line %d: got %s, want %s with %s and the request id", n, lines[n], want.text, want.level)
		}
	}
	if !strings.Contains(lines[0], `"client_id":"web"`) ||
		!strings.Contains(lines[1], `"error":"unsupported_grant_type"`) {
		t.Errorf("got log lines %q", lines)
	}

	for _, secret := range []string{
		"canary", password, token, refreshed.text("refresh_token"), refreshed.text("access_token"), f.Secrets["web"],
	} {
		if strings.Contains(f.Logs.Text(), secret) {
			t.Errorf("the log has the secret %.10s", secret)
		}
	}
}

func TestMiddleware_Panic(t *testing.T) {
	logs := new(issuertest.Logs)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /early", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "public")
		w.Header().Set("Content-Length", "1")
		_ = r.URL.Path[len(r.URL.Path):][0]
	})
	mux.HandleFunc("GET /late", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		panic("canary " + r.URL.RawQuery)
	})
	base := serve(t, middleware(logs.Logger(), Observer{}, mux))

	// A panic before the first write becomes an error response like any other.
	r, body := do(t, http.MethodGet, base+"/early", nil)
	const want = `{"error":"server_error","error_description":"The issuer has an internal error."}` + "\n"
	if r.StatusCode != http.StatusInternalServerError || string(body) != want ||
		r.Header.Get("Cache-Control") == "public" {
		t.Errorf("early panic: got %d %q %v", r.StatusCode, body, r.Header)
	}
	text := logs.Text()
	for _, want := range []string{"panic", "middleware_test.go", "out of range", `"code":500`} {
		if !strings.Contains(text, want) {
			t.Errorf("early panic: the log has no %s: %s", want, text)
		}
	}

	// A panic in the middle of a response breaks the connection. The log does
	// not have the panic value, which may contain data of the caller.
	logs.Reset()
	if r, err := http.Get(base + "/late?canary"); err == nil {
		if _, err = io.ReadAll(r.Body); err == nil {
			t.Error("late panic: the incomplete response looks complete")
		}
		r.Body.Close()
	}
	if text := logs.Text(); !strings.Contains(text, "panic") || strings.Contains(text, "canary") {
		t.Errorf("late panic: got log %s", text)
	}
}
