package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/signetd/signet/internal/audit"
)

var urlencoded = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}

// submit sends an HTML form of the application's own origin. pairs are names
// and values in turn.
func (f *fixture) submit(t *testing.T, path, origin, cookie string, pairs ...string) answer {
	t.Helper()
	fields := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		fields.Add(pairs[i], pairs[i+1])
	}
	return f.ask(t, call{path: path, origin: origin, cookie: cookie, header: urlencoded, body: fields.Encode()})
}

// wantRedirect checks the redirect that a form gets.
func (a answer) wantRedirect(t *testing.T, what, location string) {
	t.Helper()
	if got := a.Header.Get("Location"); a.StatusCode != http.StatusSeeOther || got != location {
		t.Errorf("%s: got %d to %q, want 303 to %q", what, a.StatusCode, got, location)
	}
}

// Without a script, a page logs in and out with forms.
func TestSessionForms_LogInAndOut(t *testing.T) {
	f := newPages(t)
	login := func(pairs ...string) answer {
		t.Helper()
		pairs = append([]string{"username", username, "password", password, "return_to", "/orders?a=1"}, pairs...)
		return f.submit(t, sessionLoginPath, deskOrigin, "", pairs...)
	}
	first := login("device_label", "Ada's laptop")
	first.wantRedirect(t, "login", "/orders?a=1")
	if c := first.cookies(); len(c) != 2 || first.raw != "" || !strings.HasPrefix(c[0], deskCookie+"=sgb_") {
		t.Errorf("got the cookies %q and the body %q", c, first.raw)
	}
	if c := login("remember", "false").cookies()[0]; strings.Contains(c, "Max-Age") {
		t.Errorf("got the cookie %s, want one without Max-Age", c)
	}
	second := login("remember", "on")
	third := login()

	cookie := func(a answer) string { return deskCookie + "=" + a.value(deskCookie) }
	bye := f.submit(t, sessionLogoutPath, deskOrigin, cookie(first), "return_to", "/bye")
	bye.wantRedirect(t, "logout", "/bye")
	bye.wantCookies(t, "logout", deskCookie+"=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax")
	f.renew(t, deskOrigin, cookie(first), "").want(t, "after the logout", http.StatusUnauthorized, "login_required")
	f.renew(t, deskOrigin, cookie(second), "").want(t, "another login", http.StatusOK, "")
	f.submit(t, sessionLogoutPath, deskOrigin, cookie(second), "everywhere", "on").
		wantRedirect(t, "logout everywhere", "/")
	f.renew(t, deskOrigin, cookie(third), "").
		want(t, "after a logout everywhere", http.StatusUnauthorized, "login_required")
	f.submit(t, sessionLogoutPath, deskOrigin, "").wantRedirect(t, "logout without a login", "/")
}

func TestSessionForms_ErrorsLeadToTheLoginPage(t *testing.T) {
	f := newPages(t)
	login := func(origin string, pairs ...string) answer {
		t.Helper()
		return f.submit(t, sessionLoginPath, origin, "", pairs...)
	}
	login(deskOrigin, "username", username, "password", "wrong", "return_to", "/orders?a=1").
		wantRedirect(t, "wrong password", "/sign-in?error=invalid_grant&return_to=%2Forders%3Fa%3D1")
	login(shopOrigin, "username", username, "password", "wrong").
		wantRedirect(t, "wrong password", "/login?error=invalid_grant")
	login(deskOrigin, "username", username).wantRedirect(t, "no password", "/sign-in?error=invalid_request")
	login(deskOrigin, "username", username, "username", "eve", "password", password).
		wantRedirect(t, "two users", "/sign-in?error=invalid_request")
	login(deskOrigin, "username", username, "password", strings.Repeat("x", 5000)).
		wantRedirect(t, "a long body", "/sign-in?error=invalid_request")
	login(deskOrigin, "username", username, "password", password, "remember", "perhaps").
		wantRedirect(t, "an invalid flag", "/sign-in?error=invalid_request")

	// Statement 14 of docs/browser.md: other forms are refused.
	login(pageOrigin, "username", username, "password", password).
		want(t, "a form whose page must use the response", http.StatusForbidden, "access_denied")
	f.submit(t, sessionRefreshPath, shopOrigin, "").
		want(t, "a form at the refresh endpoint", http.StatusForbidden, "access_denied")

	c := call{path: sessionLoginPath, origin: deskOrigin, host: "desk.example", header: urlencoded.Clone()}
	c.body = url.Values{"username": {username}, "password": {password}}.Encode()
	c.header["Sec-Fetch-Site"] = nil
	f.ask(t, c).wantRedirect(t, "a browser without Sec-Fetch-Site", "/")
	c.host = "login.example"
	f.ask(t, c).want(t, "the same with another host", http.StatusForbidden, "access_denied")

	must(t, f.Store.Close())
	login(deskOrigin, "username", username, "password", password).
		wantRedirect(t, "no store", "/sign-in?error=temporarily_unavailable")
}

// Rule 64: return_to is a path on the origin of the form.
//
// Statement 19 of docs/browser.md: no form leads to another site, whatever
// return_to, Host and X-Forwarded-Host are.
func TestSessionForms_ReturnToStaysOnTheOrigin(t *testing.T) {
	f := newPages(t)
	for _, path := range []string{
		"//evil.example", `/\evil.example`, `\/evil.example`, "https://evil.example/", "/\r\nLocation: https://evil.example",
		"\t//evil.example", "javascript:alert(1)", "/" + strings.Repeat("x", 2048), "evil.example",
	} {
		f.submit(t, sessionLogoutPath, shopOrigin, "", "return_to", path).wantRedirect(t, path, "/")
	}
	f.submit(t, sessionLoginPath, shopOrigin, "",
		"username", username, "password", "wrong", "return_to", "//evil.example").
		wantRedirect(t, "error", "/login?error=invalid_grant")

	c := call{path: sessionLogoutPath, origin: shopOrigin, host: "evil.example", body: "return_to=/bye"}
	c.header = urlencoded.Clone()
	c.header.Set("X-Forwarded-Host", "evil.example")
	f.ask(t, c).wantRedirect(t, "another host", "/bye")
	for _, path := range []string{
		"//session/logout", "/session//logout", "/session/./logout", "/x/../session/logout", "/session/logout/",
		"//evil.example/..", "/.//evil.example", "/%2e/session/logout",
	} {
		r, _ := do(t, http.MethodPost, f.url+path, nil)
		if r.StatusCode != http.StatusNotFound || r.Header.Get("Location") != "" {
			t.Errorf("%s: got %d to %q, want 404", path, r.StatusCode, r.Header.Get("Location"))
		}
	}
	if n := f.Events.Count(audit.GrantRevoked); n != 0 {
		t.Errorf("%d grants were revoked", n)
	}
}
