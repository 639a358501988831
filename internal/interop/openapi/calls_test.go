package openapi

import (
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/signetd/signet/internal/app/components"
	"github.com/signetd/signet/internal/browser"
	"github.com/signetd/signet/internal/connlimit"
	"github.com/signetd/signet/internal/issuertest"
	"github.com/signetd/signet/internal/telemetry"
	"github.com/signetd/signet/internal/web"
)

// Requests of all operations and their responses are as the document has them:
// no undocumented status, header or member. Together they show each status,
// header, parameter, member and error code of the document.
func TestDocument_MatchesExchanges(t *testing.T) {
	c, f := newChecker(t), newFixture(t)
	c.readDocuments(t, f)
	c.readScripts(t, f)
	c.probe(t, f)
	c.requestTokens(t, f)
	c.revoke(t, f)
	c.introspect(t, f)
	c.poll(t, f)
	c.logIn(t, f)
	c.askAsGateway(t, f)
	c.overload(t, f)
	c.fail(t, f)
	c.withoutStore(t)
	c.complete(t)
}

// conditional are the requests for a document or a script, and their results.
func (c *checker) conditional(t *testing.T, f *fixture, q call) {
	t.Helper()
	r, _ := c.send(t, f.public, q, http.StatusOK, "")
	for _, condition := range []struct {
		name, value string
		status      int
	}{
		{"If-None-Match", r.Header.Get("ETag"), http.StatusNotModified},
		{"If-None-Match", `"other"`, http.StatusOK},
		{"If-Match", `"other"`, http.StatusPreconditionFailed},
		{"Range", "bytes=0-9", http.StatusPartialContent},
		{"Range", "bytes=999999-", http.StatusRequestedRangeNotSatisfiable},
		{"Range", "x", http.StatusRequestedRangeNotSatisfiable},
	} {
		q.header = with(header(), condition.name, condition.value)
		c.send(t, f.public, q, condition.status, "")
	}
	q.header, q.invalid = http.Header{"Range": {"bytes=0-1", "bytes=0-2"}}, true
	c.send(t, f.public, q, http.StatusBadRequest, "invalid_request")
}

func (c *checker) readDocuments(t *testing.T, f *fixture) {
	for _, operation := range []string{"getJWKSet", "getOpenIDConfiguration", "getServerMetadata"} {
		c.conditional(t, f, call{operation: operation})
	}
}

func (c *checker) readScripts(t *testing.T, f *fixture) {
	digest := strings.TrimSuffix(strings.TrimPrefix(web.Script().Path, "/session/signet-"), ".js")
	version := call{operation: "getScriptVersion", path: map[string]string{"digest": digest}}
	for _, q := range []call{{operation: "getScript"}, {operation: "getScriptTypes"}, version} {
		c.conditional(t, f, q)
		q.header = header("Accept-Encoding", "gzip")
		r, _ := c.send(t, f.public, q, http.StatusOK, "")
		for name, status := range map[string]int{"If-None-Match": 304, "If-Match": 412, "Range": 206} {
			value := map[string]string{"If-None-Match": r.Header.Get("ETag"), "If-Match": `"a"`, "Range": "bytes=0-9"}[name]
			compressed := q
			compressed.header = with(q.header, name, value)
			c.send(t, f.public, compressed, status, "")
		}
	}
	version.path["digest"] = "0123456789abcdef"
	c.send(t, f.public, version, http.StatusNotFound, "")
}

func (c *checker) probe(t *testing.T, f *fixture) {
	log := slog.New(slog.DiscardHandler)
	failing := web.Checks{{Name: "store", Err: func() error { return http.ErrServerClosed }}}
	ops := serve(t, web.OpsHandler(nil, telemetry.NewMetrics(telemetry.Build{}).Handler(), log), nil)
	twice := http.Header{"Range": {"a", "b"}}
	for _, s := range []server{f.public, ops} {
		c.send(t, s, call{operation: "getLiveness"}, http.StatusOK, "")
		c.send(t, s, call{operation: "getLiveness", header: twice, invalid: true}, 400, "invalid_request")
		c.send(t, s, call{operation: "getReadiness", query: "verbose="}, http.StatusOK, "")
		c.send(t, s, call{operation: "getReadiness", header: twice, invalid: true}, 400, "invalid_request")
	}
	notReady := serve(t, web.OpsHandler(failing, http.NotFoundHandler(), log), nil)
	c.send(t, notReady, call{operation: "getReadiness"}, http.StatusServiceUnavailable, "")
	c.send(t, ops, call{operation: "getMetrics", header: header("Accept-Encoding", "gzip")}, http.StatusOK, "")
	c.send(t, ops, call{operation: "getMetrics", header: twice, invalid: true}, 400, "invalid_request")
}

// overload sends requests to servers with too many requests in progress.
func (c *checker) overload(t *testing.T, f *fixture) {
	s := f.serve(t, func(o *web.Options) { o.Requests = connlimit.NewRequests(0) })
	for id, route := range c.routes {
		if id != "getMetrics" && !strings.Contains(id, "Question") {
			q := call{operation: id, path: map[string]string{"digest": "0"}, invalid: true}
			c.send(t, s, q, http.StatusServiceUnavailable, "temporarily_unavailable")
		}
		if strings.Contains(id, "Question") {
			o := gatewayOptions(f.Fixture)
			o.Requests = connlimit.NewRequests(0)
			gateway := serve(t, web.GatewayHandler(o), nil)
			q := call{operation: id, path: question(route.Path), invalid: true}
			c.send(t, gateway, q, http.StatusServiceUnavailable, "temporarily_unavailable")
		}
	}
}

// fail sends requests to servers with a defect: a part of them is missing.
func (c *checker) fail(t *testing.T, f *fixture) {
	panics := web.Checks{{Name: "store", Err: func() error { panic("a defect") }}}
	s := f.serve(t, func(o *web.Options) {
		o.TokenIssuer, o.Grants, o.Inspector, o.Browser = nil, nil, nil, new(browser.Service)
		o.Checks = panics
	})
	refresh := `{"refresh_token": "` + f.login(t, "page").RefreshToken + `"}`
	for _, q := range []call{
		{operation: "requestToken", form: form("grant_type", "client_credentials")},
		{operation: "revokeToken", form: form("token", "x")},
		{operation: "introspectToken", form: form("token", "x")},
		{operation: "getReadiness"},
		{operation: "logIn", json: `{"username": "a", "password": "b"}`},
		{operation: "renewLogin", json: refresh},
		{operation: "logOut", json: refresh},
	} {
		switch {
		case q.json != "":
			q.header = header("Origin", pageOrigin, "Idempotency-Key", "k")
		case q.form != nil:
			q.header = f.basic("web")
		}
		c.send(t, s, q, http.StatusInternalServerError, "server_error")
	}
	closed := f.serve(t, func(o *web.Options) { o.FeedForClients, o.Registry = true, nil })
	c.send(t, closed, call{operation: "getRevocations", header: f.basic("web")}, 500, "server_error")
	spa := call{
		operation: "revokeToken", header: header("Origin", spaOrigin), form: form("client_id", "spa", "token", "x"),
	}
	c.send(t, s, spa, http.StatusInternalServerError, "server_error")

	o := gatewayOptions(f.Fixture)
	o.Checker = new(browser.Checker)
	gateway := serve(t, web.GatewayHandler(o), nil)
	for id, route := range c.routes {
		if strings.Contains(id, "Question") {
			c.send(t, gateway, ask(id, route.Path), http.StatusInternalServerError, "server_error")
		}
	}
}

// withoutStore sends requests to a server whose store is closed.
func (c *checker) withoutStore(t *testing.T) {
	f := &fixture{Fixture: issuertest.New(t, setup, func(o *components.Options) { o.Issuer = issuerID })}
	s := f.serve(t, nil)
	tokens, spa := f.login(t, "web"), f.login(t, "spa")
	page := call{
		operation: "logIn", header: header("Origin", shopOrigin),
		json: `{"username": "ada", "password": "correct horse battery staple"}`,
	}
	r, _ := c.send(t, s, page, http.StatusOK, "")
	cookie := cookies(r)
	page.header = header("Origin", deskOrigin)
	r, _ = c.send(t, s, page, http.StatusOK, "")
	session := cookies(r)
	must(t, f.Store.Close())

	const unavailable = "temporarily_unavailable"
	c.send(t, s, call{
		operation: "requestToken", header: f.basic("web"),
		form: form("grant_type", "refresh_token", "refresh_token", tokens.RefreshToken),
	}, 503, unavailable)
	c.send(t, s, call{
		operation: "requestToken", header: header("Origin", spaOrigin),
		form: form("grant_type", "refresh_token", "refresh_token", spa.RefreshToken, "client_id", "spa"),
	}, 503, unavailable)
	for _, operation := range []string{"revokeToken", "introspectToken"} {
		q := call{operation: operation, header: f.basic("web"), form: form("token", tokens.RefreshToken)}
		c.send(t, s, q, 503, unavailable)
	}

	page.header = header("Origin", shopOrigin)
	c.send(t, s, page, 503, unavailable)
	for _, operation := range []string{"renewLogin", "logOut"} {
		q := call{
			operation: operation, json: "{}",
			header: header("Origin", shopOrigin, "Cookie", cookie, "Idempotency-Key", "k"),
		}
		c.send(t, s, q, 503, unavailable)
	}
	gateway := serve(t, web.GatewayHandler(gatewayOptions(f.Fixture)), nil)
	for id, route := range c.routes {
		if strings.Contains(id, "Question") {
			c.send(t, gateway, ask(id, route.Path, "Cookie", session), 503, "")
		}
	}
}

// cookies returns the cookies of a response as a browser sends them.
func cookies(r *http.Response) string {
	var all []string
	for _, cookie := range r.Cookies() {
		all = append(all, cookie.Name+"="+cookie.Value)
	}
	return strings.Join(all, "; ")
}
