package verify_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetd/signet/verify"
	"github.com/signetd/signet/verify/verifytest"
)

// served is a handler behind Middleware that answers with the subject.
var served = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	claims, ok := verify.From(r.Context())
	if !ok {
		http.Error(w, "no claims", http.StatusInternalServerError)
		return
	}
	_, _ = w.Write([]byte(claims.Subject))
})

// answer returns the bytes of the response to a request with these values of
// the Authorization header field.
func answer(t *testing.T, h http.Handler, authorization ...string) string {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/orders", nil)
	r.Header["Authorization"] = authorization
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	dump, err := httputil.DumpResponse(w.Result(), true)
	if err != nil {
		t.Fatal(err)
	}
	return string(dump)
}

// refusal returns the bytes of a response that refuses a request. An empty
// challenge is none.
func refusal(status, challenge, more, body string) string {
	if challenge != "" {
		challenge = "Www-Authenticate: " + challenge + "\r\n"
	}
	return "HTTP/1.1 " + status + "\r\nConnection: close\r\nCache-Control: no-store\r\n" +
		"Content-Type: text/plain; charset=utf-8\r\n" + more + challenge + "X-Content-Type-Options: nosniff\r\n\r\n" +
		body + "\n"
}

func TestMiddleware_ChallengesAreThoseOfRFC6750(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		iss := verifytest.New(t)
		v := iss.Verifier(verify.Options{Audience: "orders", Revocation: verify.FailClosed(5 * time.Second)})
		h := v.Middleware(served, verify.Scope("orders:read", "orders:write"), verify.LoginWithin(5*time.Minute))
		user := verifytest.Claims{
			Subject: "ada", Audience: []string{"orders"}, Scope: "orders:read orders:write other",
		}
		with := func(edit func(*verifytest.Claims)) string {
			c := user
			edit(&c)
			return "Bearer " + iss.Token(c)
		}
		good := "Bearer " + iss.Token(user)
		want := "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nada"
		for _, authorization := range []string{good, strings.Replace(good, "Bearer", "bEARER ", 1)} {
			if got := answer(t, h, authorization); got != want {
				t.Fatalf("got %q, want %q", got, want)
			}
		}

		revoked := with(func(*verifytest.Claims) {})
		iss.Revoke(strings.TrimPrefix(revoked, "Bearer "))
		time.Sleep(time.Second)
		for _, tt := range []struct {
			name          string
			authorization []string
			want          string
		}{
			{"no token", nil, refusal("401 Unauthorized", `Bearer realm="orders"`, "", "the request has no access token")},
			{
				"credentials of another scheme",
				[]string{"Basic YTpi"},
				refusal("401 Unauthorized", `Bearer realm="orders"`, "", "the request has no access token"),
			},
			{
				"invalid",
				[]string{good + "x"},
				refusal("401 Unauthorized", `Bearer realm="orders", error="invalid_token", `+
					`error_description="the access token is invalid"`, "", "the access token is invalid"),
			},
			{
				"of another audience",
				[]string{with(func(c *verifytest.Claims) { c.Audience = []string{"invoices"} })},
				refusal("401 Unauthorized", `Bearer realm="orders", error="invalid_token", `+
					`error_description="the access token is invalid"`, "", "the access token is invalid"),
			},
			{
				"expired",
				[]string{with(func(c *verifytest.Claims) { c.IssuedAt = time.Now().Add(-time.Hour) })},
				refusal("401 Unauthorized", `Bearer realm="orders", error="invalid_token", `+
					`error_description="the access token expired"`, "", "the access token expired"),
			},
			{
				"revoked",
				[]string{revoked},
				refusal("401 Unauthorized", `Bearer realm="orders", error="invalid_token", `+
					`error_description="the access token was revoked"`, "", "the access token was revoked"),
			},
			{
				"lacks a scope",
				[]string{with(func(c *verifytest.Claims) { c.Scope = "orders:read" })},
				refusal("403 Forbidden", `Bearer realm="orders", error="insufficient_scope", `+
					`error_description="the request needs more than the access token allows", `+
					`scope="orders:read orders:write"`, "", "the request needs more than the access token allows"),
			},
			{
				"of an old login",
				[]string{with(func(c *verifytest.Claims) { c.AuthTime = time.Now().Add(-time.Hour) })},
				refusal("401 Unauthorized", `Bearer realm="orders", error="insufficient_user_authentication", `+
					`error_description="a more recent authentication is required", max_age="300"`, "",
					"a more recent authentication is required"),
			},
			{
				"of no login",
				[]string{with(func(c *verifytest.Claims) { c.Subject = "" })},
				refusal("401 Unauthorized", `Bearer realm="orders", error="insufficient_user_authentication", `+
					`error_description="a more recent authentication is required", max_age="300"`, "",
					"a more recent authentication is required"),
			},
		} {
			if got := answer(t, h, tt.authorization...); got != tt.want {
				t.Errorf("%s:\ngot  %q\nwant %q", tt.name, got, tt.want)
			}
		}

		malformed := refusal("400 Bad Request", `Bearer realm="orders", error="invalid_request", `+
			`error_description="the Authorization header field is malformed"`, "",
			"the Authorization header field is malformed")
		for _, authorization := range [][]string{
			{good, good},
			{"Basic YTpi", good},
			{"Bearer"},
			{"Bearer "},
			{"Bearer ="},
			{good + " x"},
			{good + ","},
			{"Bearer \"x\""},
			{"Bearer a,Bearer b"},
			{"Bearer \xff"},
			{"Bearer é"},
		} {
			if got := answer(t, h, authorization...); got != malformed {
				t.Errorf("%.40q:\ngot  %q\nwant %q", authorization, got, malformed)
			}
		}

		// The issuer is unreachable: nobody learns from it that a token
		// is invalid.
		iss.Cut()
		time.Sleep(6 * time.Second)
		unavailable := refusal("503 Service Unavailable", "", "Retry-After: 1\r\n", "tokens cannot be verified now")
		if got := answer(t, h, good); got != unavailable {
			t.Errorf("without the issuer:\ngot  %q\nwant %q", got, unavailable)
		}
	})
}

// The token is in the header field only.
func TestMiddleware_IgnoresTokensElsewhere(t *testing.T) {
	iss := verifytest.New(t)
	h := iss.Verifier(verify.Options{}).Middleware(served)
	form := "access_token=" + iss.Token(verifytest.Claims{})
	body := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(form))
	body.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	query := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/?"+form, nil)
	cookie := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	cookie.Header.Set("Cookie", form)
	for name, r := range map[string]*http.Request{"body": body, "query": query, "cookie": cookie} {
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != http.StatusUnauthorized || strings.Contains(w.Body.String(), "invalid") {
			t.Errorf("token in the %s: %d %s", name, w.Code, w.Body)
		}
	}
}

// A service can have rules of its own. The category of their errors decides.
func TestMiddleware_OwnRules(t *testing.T) {
	iss := verifytest.New(t)
	v := iss.Verifier(verify.Options{})
	token := "Bearer " + iss.Token(verifytest.Claims{Extra: map[string]any{"tenant": "t1"}})
	for _, tt := range []struct {
		err  error
		want string
	}{
		{nil, "HTTP/1.1 200"},
		{errors.New("another tenant"), "HTTP/1.1 403"},
		{verify.ErrScope, "HTTP/1.1 403"},
		{verify.ErrInvalid, "HTTP/1.1 401"},
		{verify.ErrOldLogin, "HTTP/1.1 401"},
		{verify.ErrUnavailable, "HTTP/1.1 503"},
		{context.DeadlineExceeded, "HTTP/1.1 503"},
	} {
		var tenant string
		h := v.Middleware(served, func(c *verify.Claims) error {
			if _, err := c.Extra("tenant", &tenant); err != nil {
				t.Error(err)
			}
			return tt.err
		})
		got := answer(t, h, token)
		if !strings.HasPrefix(got, tt.want) || tenant != "t1" {
			t.Errorf("%v: %.60q, tenant %q", tt.err, got, tenant)
		}
		if strings.Contains(got, "another tenant") {
			t.Error("the text of the error is in the response")
		}
	}
}

// RFC 9728 §3.1 has the examples: the path of the resource follows the
// well-known path.
func TestMetadata(t *testing.T) {
	for resource, want := range map[string]string{
		"https://orders.example":       "https://orders.example/.well-known/oauth-protected-resource",
		"https://orders.example/":      "https://orders.example/.well-known/oauth-protected-resource",
		"https://orders.example:8443/": "https://orders.example:8443/.well-known/oauth-protected-resource",
		"https://orders.example/v1/a":  "https://orders.example/.well-known/oauth-protected-resource/v1/a",
		"https://orders.example/v1?x":  "https://orders.example/.well-known/oauth-protected-resource/v1?x",
		"https://orders.example/a%2Fb": "https://orders.example/.well-known/oauth-protected-resource/a%2Fb",
	} {
		v := verifytest.New(t).Verifier(verify.Options{Audience: "orders", Resource: resource})
		challenge := `Bearer realm="orders", resource_metadata="` + want + `"`
		got := answer(t, v.Middleware(served))
		if wanted := refusal("401 Unauthorized", challenge, "", "the request has no access token"); got != wanted {
			t.Errorf("%s:\ngot  %q\nwant %q", resource, got, wanted)
		}

		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, want, nil)
		v.Metadata("orders:read", "orders:write").ServeHTTP(w, r)
		wantBody := `{"resource":"` + resource + `","authorization_servers":["https://issuer.test"],` +
			`"scopes_supported":["orders:read","orders:write"],"bearer_methods_supported":["header"]}`
		header := w.Header()
		if got := w.Body.String(); got != wantBody || header.Get("Content-Type") != "application/json" ||
			header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: %v %s, want %s", resource, header, got, wantBody)
		}
	}

	v := verifytest.New(t).Verifier(verify.Options{Resource: "https://orders.example"})
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil)
	if v.Metadata().ServeHTTP(w, r); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d %v", w.Code, w.Header())
	}
}

func TestMetadata_NeedsAResource(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	verifytest.New(t).Verifier(verify.Options{}).Metadata()
}

// A request whose context ends while Verify waits for the issuer is answered
// 503, whatever the cause of the end is. The token may be valid.
func TestMiddleware_ContextEndsWithACause(t *testing.T) {
	for name, policy := range map[string]verify.Policy{"keys": {}, "introspection": verify.Introspect(time.Second)} {
		bubble(t, func(t *testing.T) {
			network, iss := newLink(t)
			v := newVerifier(t, network, verify.Options{
				Revocation: policy, Client: verify.Client{ID: "api", Secret: "a secret"},
			})
			network.set(func(r *http.Request) (*http.Response, error) {
				<-r.Context().Done()
				return nil, r.Context().Err()
			}, nil)
			time.Sleep(time.Minute)
			if name == "keys" {
				iss.Rotate()
			}
			token := iss.Token(verifytest.Claims{})

			cause := errors.New("the handler has no more time")
			ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, cause)
			defer cancel()
			if _, err := v.Verify(ctx, token); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, cause) {
				t.Errorf("%s: the error is %v", name, err)
			}
			r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/orders", nil)
			r.Header.Set("Authorization", "Bearer "+token)
			w := httptest.NewRecorder()
			v.Middleware(served).ServeHTTP(w, r)
			if w.Code != http.StatusServiceUnavailable {
				t.Errorf("%s: the response is %d %s", name, w.Code, w.Header().Get("Www-Authenticate"))
			}
		})
	}
}
