package web

import (
	"net/http"
	"strings"
	"testing"

	"github.com/signetd/signet/internal/app/components"
	"github.com/signetd/signet/internal/issuertest"
	"github.com/signetd/signet/internal/throttle"
)

// Statement 12 of docs/browser.md, the part of the server: after a logout
// everywhere, no refresh of the user at this application succeeds.
func TestSessionLogout_EverywhereRevokesAllGrantsOfTheUser(t *testing.T) {
	f := newPages(t)
	mine, other := f.logIn(t, shopOrigin, ""), f.logIn(t, shopOrigin, "")
	elsewhere := f.logIn(t, deskOrigin, "")
	eve := f.ask(t, call{path: sessionLoginPath, origin: shopOrigin, body: credentials("eve", password)})
	cookie := func(a answer) string { return shopCookie + "=" + a.value(shopCookie) }

	bye := f.ask(t, call{
		path: sessionLogoutPath, origin: shopOrigin, cookie: cookie(mine), body: `{"everywhere":true}`,
	})
	bye.want(t, "logout everywhere", http.StatusNoContent, "")
	bye.wantCookies(t, "logout everywhere", shopCookie+"=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Strict")
	for _, a := range []answer{mine, other} {
		f.renew(t, shopOrigin, cookie(a), "").want(t, "refresh", http.StatusUnauthorized, "login_required")
	}
	f.renew(t, shopOrigin, cookie(eve), "").want(t, "another user", http.StatusOK, "")
	f.renew(t, deskOrigin, deskCookie+"="+elsewhere.value(deskCookie), "").
		want(t, "another application", http.StatusOK, "")

	// The token has no effect any more, on logins that came later for example.
	later := f.logIn(t, shopOrigin, "")
	f.ask(t, call{path: sessionLogoutPath, origin: shopOrigin, cookie: cookie(mine), body: `{"everywhere":true}`}).
		want(t, "logout everywhere again", http.StatusNoContent, "")
	f.renew(t, shopOrigin, cookie(later), "").want(t, "a later login", http.StatusOK, "")
}

func TestSessionLogout_OfAPageTakesItsRefreshToken(t *testing.T) {
	f := newPages(t)
	body := func(a answer) string { return `{"refresh_token":"` + a.text("refresh_token") + `"}` }
	ask := func(path, body string) answer { return f.ask(t, call{path: path, origin: pageOrigin, body: body}) }

	login := f.logIn(t, pageOrigin, "")
	next := ask(sessionRefreshPath, body(login))
	next.want(t, "refresh", http.StatusOK, "")
	next.wantCookies(t, "refresh")
	if next.names() != login.names() || next.text("refresh_token") == login.text("refresh_token") {
		t.Errorf("got %v after %v", next.body, login.body)
	}
	bye := ask(sessionLogoutPath, body(next))
	bye.want(t, "logout", http.StatusNoContent, "")
	bye.wantCookies(t, "logout")
	ask(sessionRefreshPath, body(next)).want(t, "after the logout", http.StatusUnauthorized, "login_required")
	ask(sessionRefreshPath, "{}").want(t, "no token", http.StatusUnauthorized, "login_required")
	ask(sessionRefreshPath, `{"refresh_token":null}`).want(t, "null", http.StatusUnauthorized, "login_required")
	ask(sessionLogoutPath, "{}").want(t, "logout without a token", http.StatusNoContent, "")
	ask(sessionLogoutPath, body(next)).want(t, "logout again", http.StatusNoContent, "")
	f.ask(t, call{path: sessionRefreshPath, origin: shopOrigin, body: body(f.logIn(t, pageOrigin, ""))}).
		want(t, "a token in the body instead of the cookie", http.StatusUnauthorized, "login_required")
}

func TestSession_OfADisabledClientIsRefusedAndTheCookieStays(t *testing.T) {
	f := newPages(t)
	cookie := shopCookie + "=" + f.logIn(t, shopOrigin, "").value(shopCookie)
	must(t, f.Admin.DisableClient(t.Context(), issuertest.Operator, "shop"))
	for _, c := range []call{
		{path: sessionRefreshPath},
		{path: sessionLogoutPath},
		{path: sessionLoginPath, body: credentials(username, password)},
	} {
		c.origin, c.cookie = shopOrigin, cookie
		must(t, f.Registry.Poll(t.Context()))
		a := f.ask(t, c)
		a.want(t, c.path, http.StatusForbidden, "access_denied")
		a.wantCookies(t, c.path)
	}
	must(t, f.Admin.EnableClient(t.Context(), issuertest.Operator, "shop"))
	f.renew(t, shopOrigin, cookie, "").want(t, "after the client was enabled", http.StatusOK, "")
}

// A wrong password and an unknown user have the same response. An address over
// its limit gets slow_down, as at the gRPC call Login.
func TestSessionLogin_HasTheLimitsOfEveryLogin(t *testing.T) {
	f := newPages(t, func(o *components.Options) { o.Limits.AddressPerHour = throttle.MinPerHour })
	attempt := func(name string) answer {
		t.Helper()
		return f.ask(t, call{path: sessionLoginPath, origin: shopOrigin, body: credentials(name, "wrong")})
	}
	known, unknown := attempt(username), attempt("nobody")
	known.want(t, "wrong password", http.StatusUnauthorized, "invalid_grant")
	unknown.want(t, "unknown user", http.StatusUnauthorized, "invalid_grant")
	if known.raw != unknown.raw || known.Header.Get("WWW-Authenticate") != "" || len(known.cookies()) != 0 {
		t.Errorf("got %v %s and %s", known.Header, known.raw, unknown.raw)
	}
	if got := f.Events.FailedLogins(); got["wrong_password"] != 1 || got["unknown_user"] != 1 {
		t.Errorf("the audit log has %v", got)
	}

	var a answer
	for n := 0; n < 2*throttle.MinPerHour && a.Response == nil || a.StatusCode == http.StatusUnauthorized; n++ {
		a = attempt("nobody")
	}
	a.want(t, "over the limit", http.StatusTooManyRequests, "slow_down")
	if wait := a.Header.Get("Retry-After"); wait == "" || wait == "0" {
		t.Errorf("Retry-After is %q", wait)
	}
	// The header of a trusted proxy names another address, which has its own
	// limit.
	f.ask(t, call{
		path: sessionLoginPath, origin: shopOrigin, body: credentials(username, password),
		header: http.Header{"X-Forwarded-For": {"192.0.2.7"}},
	}).want(t, "another address", http.StatusOK, "")
}

func TestSession_MethodsAndPreflight(t *testing.T) {
	f := newPagesAt(t, "https://id.example.org/tenants/a")
	for _, path := range []string{sessionLoginPath, sessionRefreshPath, sessionLogoutPath} {
		for _, at := range []string{path, "/tenants/a" + path} {
			for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete} {
				r, _ := do(t, method, f.url+at, nil)
				if r.StatusCode != http.StatusMethodNotAllowed || r.Header.Get("Allow") != "OPTIONS, POST" {
					t.Errorf("%s %s: got %d %v", method, at, r.StatusCode, r.Header)
				}
			}
			a := f.ask(t, call{
				method: http.MethodOptions, path: at, origin: shopOrigin,
				header: http.Header{"Content-Type": nil, "Access-Control-Request-Method": {"POST"}},
			})
			for name, want := range map[string]string{
				"Access-Control-Allow-Origin": shopOrigin, "Access-Control-Allow-Credentials": "true",
				"Access-Control-Allow-Methods": "POST", "Access-Control-Allow-Headers": "Content-Type, Idempotency-Key",
				"Access-Control-Max-Age": "7200", "Vary": "Origin", "Cache-Control": "no-store",
				"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
			} {
				if got := a.Header.Get(name); a.StatusCode != http.StatusNoContent || got != want {
					t.Errorf("%s: got %d, %s: %q, want %q", at, a.StatusCode, name, got, want)
				}
			}
			a = f.ask(t, call{method: http.MethodOptions, path: at, origin: "https://evil.example"})
			a.want(t, "a preflight of another origin", http.StatusForbidden, "access_denied")
			if a.Header.Get("Access-Control-Allow-Origin") != "" || a.Header.Get("Vary") != "Origin" {
				t.Errorf("%s: another origin got %v", at, a.Header)
			}
		}
	}
	a := f.ask(t, call{
		path: "/tenants/a" + sessionLoginPath, origin: shopOrigin, body: credentials(username, password),
	})
	a.want(t, "login below the path of the issuer", http.StatusOK, "")
	if a.Header.Get("Access-Control-Allow-Origin") != shopOrigin || a.Header.Get("Vary") != "Origin" {
		t.Errorf("got the headers %v", a.Header)
	}
	line := f.Logs.Line(t, "http request")
	if line["client_id"] != "shop" || line["route"] != "/tenants/a/session/login" {
		t.Errorf("got the log line %v", line)
	}
}

func TestSession_BodyIsOneStrictObject(t *testing.T) {
	f := newPages(t)
	for body, code := range map[string]string{
		"[]": "invalid_request", "null": "invalid_request", `"x"`: "invalid_request", "{": "invalid_request",
		"{}{}":                                                                         "invalid_request",
		credentials(username, password) + "x":                                          "invalid_request",
		`{"username":"ada"}`:                                                           "invalid_request",
		`{"username":"","password":"x"}`:                                               "invalid_request",
		`{"username":1,"password":"x"}`:                                                "invalid_request",
		`{"username":["ada"],"password":"x"}`:                                          "invalid_request",
		`{"Username":"ada","password":"x"}`:                                            "invalid_request",
		credentials("a\xff", password):                                                 "invalid_request",
		credentials(`a\ud800`, password):                                               "invalid_request",
		credentials(username, "a", `,"x":"y",}`):                                       "invalid_request",
		credentials("eve", password, `,"username":"ada"`):                              "invalid_request",
		credentials("eve", password, `,"\u0075sername":"ada"`):                         "invalid_request",
		credentials("eve", password, `,"remember":"true"`):                             "invalid_request",
		credentials("eve", password, `,"remember":1`):                                  "invalid_request",
		credentials("eve", password, `,"audience":"`+api+`"`):                          "invalid_request",
		credentials("eve", password, `,"audience":[1]`):                                "invalid_request",
		credentials("eve", password, `,"audience":["https://other.example"]`):          "invalid_target",
		credentials("eve", password, `,"audience":["a b"]`):                            "invalid_target",
		credentials("eve", password, `,"scope":"admin"`):                               "invalid_scope",
		credentials("eve", password, `,"device_label":"a\u001bb"`):                     "invalid_request",
		credentials("eve", password, `,"device_label":"a\u202eb"`):                     "invalid_request",
		credentials("eve", password, `,"device_label":"`+strings.Repeat("x", 257)+`"`): "invalid_request",
		credentials("eve", strings.Repeat("x", 1025)):                                  "invalid_request",
		credentials("eve", password, `,"x":"`+strings.Repeat("x", 4096)+`"`):           "invalid_request",
	} {
		a := f.ask(t, call{path: sessionLoginPath, origin: shopOrigin, body: body})
		a.want(t, body[:min(len(body), 100)], http.StatusBadRequest, code)
		a.wantCookies(t, body[:min(len(body), 100)])
	}
	more := `,"scope":"read","audience":["` + files + `"],"device_label":"Ada's laptop","remember":true,"other":{"a":[1]}`
	a := f.ask(t, call{
		path: sessionLoginPath, origin: shopOrigin, body: "\n" + credentials("eve", password, more) + "\r\n",
	})
	a.want(t, "all members, and one that is unknown", http.StatusOK, "")
	if g, err := f.Store.Grant(t.Context(), grantID(t, a)); err != nil || g.DeviceLabel != "Ada's laptop" ||
		a.text("scope") != "read" || strings.Join(g.Audience, " ") != files {
		t.Errorf("got %v, %+v, %v", a.body, g, err)
	}

	f.ask(t, call{path: sessionLoginPath + "?x=1", origin: shopOrigin, body: credentials("eve", password)}).
		want(t, "a parameter in the URL", http.StatusBadRequest, "invalid_request")
	f.ask(t, call{
		path: sessionRefreshPath, origin: shopOrigin,
		header: http.Header{"Idempotency-Key": {strings.Repeat("k", 257)}},
	}).want(t, "a long idempotency key", http.StatusBadRequest, "invalid_request")
	f.ask(t, call{
		path: sessionLoginPath, origin: shopOrigin, body: credentials("eve", password),
		header: http.Header{"Content-Encoding": {"gzip"}},
	}).want(t, "a compressed body", http.StatusBadRequest, "invalid_request")
}
