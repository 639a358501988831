package openapi

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/signetd/signet/internal/app/components"
	"github.com/signetd/signet/internal/feed"
	"github.com/signetd/signet/internal/web"
)

func (c *checker) requestTokens(t *testing.T, f *fixture) {
	s := f.public
	token := func(h http.Header, status int, code string, pairs ...string) (*http.Response, map[string]any) {
		t.Helper()
		return c.send(t, s, call{operation: "requestToken", header: h, form: form(pairs...)}, status, code)
	}
	web := f.basic("web")
	const credentials = "client_credentials"
	token(with(web, "X-Request-Id", "r-1"), 200, "",
		"grant_type", credentials, "scope", "read", "resource", rsaAPI, "resource", rsaAPI)
	token(nil, 200, "", "grant_type", credentials, "audience", eddsaID, "client_id", "web",
		"client_secret", f.Secrets["web"])
	token(nil, 200, "", "grant_type", credentials, "client_assertion", assertion(t),
		"client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
	mesh := call{operation: "requestToken", form: form("grant_type", credentials, "client_id", "mesh")}
	c.send(t, f.withCertificate(t), mesh, 200, "")

	refresh := f.login(t, "spa").RefreshToken
	page := header("Origin", spaOrigin, "Idempotency-Key", "k-1")
	token(page, 200, "", "grant_type", "refresh_token", "refresh_token", refresh, "client_id", "spa")

	token(page, 400, "invalid_grant", "grant_type", "refresh_token", "refresh_token", "x", "client_id", "spa")
	token(web, 400, "invalid_scope", "grant_type", credentials, "scope", "all")
	token(web, 400, "invalid_target", "grant_type", credentials, "resource", "another")
	token(page, 400, "unauthorized_client", "grant_type", credentials, "client_id", "spa")
	token(web, 400, "invalid_request", "grant_type", "refresh_token")
	c.send(t, s, call{
		operation: "requestToken", header: web, form: form("grant_type", "password"), invalid: true,
	}, 400, "unsupported_grant_type")
	c.send(t, s, call{operation: "requestToken", header: web, form: form("a", "b"), invalid: true},
		400, "invalid_request")
	token(page, 401, "invalid_client", "grant_type", credentials, "client_id", "web", "client_secret", "x")
	token(nil, 401, "invalid_client", "grant_type", credentials)

	for _, operation := range []string{"preflightToken", "preflightRevocation"} {
		c.preflight(t, s, operation, spaOrigin)
		c.send(t, s, call{operation: operation, header: header("Origin", "https://evil.example")}, 405, "invalid_request")
	}
}

// preflight sends a preflight request, and a malformed one.
func (c *checker) preflight(t *testing.T, s server, operation, origin string) {
	t.Helper()
	h := header("Origin", origin, "Access-Control-Request-Method", "POST",
		"Access-Control-Request-Headers", "content-type", "X-Request-Id", "r-2")
	c.send(t, s, call{operation: operation, header: h}, http.StatusNoContent, "")
	twice := with(h)
	twice["Range"] = []string{"a", "b"}
	c.send(t, s, call{operation: operation, header: twice, invalid: true}, 400, "invalid_request")
}

func (c *checker) revoke(t *testing.T, f *fixture) {
	revoke := func(s server, h http.Header, status int, code string, pairs ...string) {
		t.Helper()
		c.send(t, s, call{operation: "revokeToken", header: h, form: form(pairs...)}, status, code)
	}
	web, page := f.basic("web"), header("Origin", spaOrigin)
	revoke(f.public, web, 200, "", "token", f.login(t, "web").RefreshToken, "token_type_hint", "refresh_token")
	revoke(f.public, page, 200, "", "token", "x", "client_id", "spa")
	revoke(f.public, nil, 200, "", "token", "x", "client_assertion", assertion(t),
		"client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
	revoke(f.public, nil, 200, "", "token", "x", "client_id", "web", "client_secret", f.Secrets["web"])
	revoke(f.withCertificate(t), nil, 200, "", "token", "x")
	revoke(f.public, page, 401, "invalid_client", "token", "x", "client_id", "web")
	c.send(t, f.public, call{
		operation: "revokeToken", header: page, form: form("client_id", "spa"), invalid: true,
	}, 400, "invalid_request")

	limited := newFixture(t, func(o *components.Options) { o.Revocations.ClientPerHour = 1 })
	for n, status := range []int{200, 429} {
		_, tokens := c.send(t, limited.public, call{
			operation: "requestToken", header: limited.basic("web"), form: form("grant_type", "client_credentials"),
		}, 200, "")
		revoke(limited.public, limited.basic("web"), status, []string{"", "slow_down"}[n],
			"token", tokens["access_token"].(string))
	}
}

func (c *checker) introspect(t *testing.T, f *fixture) {
	tokens, web := f.login(t, "web"), f.basic("web")
	for _, token := range []string{tokens.AccessToken, tokens.RefreshToken, "x"} {
		q := call{operation: "introspectToken", header: with(web, "X-Request-Id", "r-3"), form: form("token", token)}
		c.send(t, f.public, q, 200, "")
	}
	c.send(t, f.public, call{operation: "introspectToken", header: web, form: form("a", "b"), invalid: true},
		400, "invalid_request")
	c.send(t, f.public, call{operation: "introspectToken", form: form("token", "x", "client_id", "spa")},
		401, "invalid_client")

	_, response := c.send(t, f.public, call{
		operation: "requestToken", header: f.basic("checker"), form: form("grant_type", "client_credentials"),
	}, 200, "")
	for bearer, want := range map[any]struct {
		status int
		code   string
	}{response["access_token"]: {200, ""}, tokens.AccessToken: {401, "invalid_token"}} {
		c.send(t, f.public, call{
			operation: "introspectToken", header: header("Authorization", fmt.Sprint("Bearer ", bearer)),
			form: form("token", tokens.AccessToken),
		}, want.status, want.code)
	}
}

func (c *checker) poll(t *testing.T, f *fixture) {
	poll := func(s server, h http.Header, query string, status int, code string) *http.Response {
		t.Helper()
		r, _ := c.send(t, s, call{operation: "getRevocations", header: h, query: query}, status, code)
		return r
	}
	r := poll(f.public, header("X-Request-Id", "r-4"), "", 200, "")
	position := r.Header.Get("ETag")[len(`W/"`) : len(r.Header.Get("ETag"))-1]
	poll(f.public, header("If-None-Match", r.Header.Get("ETag")), "", 304, "")
	poll(f.public, nil, "after="+position+"&wait=10ms&name=api-1&keys=%22a%22", 200, "")
	c.send(t, f.public, call{operation: "getRevocations", query: "after=x", invalid: true}, 400, "invalid_request")

	draining := newFixture(t)
	draining.Feed.Drain()
	r = poll(draining.public, nil, "", 200, "")
	position = r.Header.Get("ETag")[len(`W/"`) : len(r.Header.Get("ETag"))-1]
	poll(draining.public, nil, "after="+position+"&wait=5s", 200, "")
	unread := f.serve(t, func(o *web.Options) { o.Feed = new(feed.Feed) })
	poll(unread, nil, "", 503, "temporarily_unavailable")
	closed := f.serve(t, func(o *web.Options) { o.FeedForClients = true })
	poll(closed, f.basic("web"), "", 200, "")
	poll(closed, nil, "", 401, "invalid_client")
}
