package web

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
)

// Statement 23 of docs/browser.md: an https origin never gets a cookie without
// the prefix, and the server never reads one from it. A registered loopback
// origin with http has cookies without the prefix and without Secure.
func TestSessionCookies_HaveNoPrefixOnlyOnALoopbackOrigin(t *testing.T) {
	f := newPages(t)
	shop, desk := f.logIn(t, shopDevelopment, ""), f.logIn(t, deskDevelopment, "")
	shop.wantCookies(t, "refresh cookie",
		"signet-shop="+shop.value("signet-shop")+"; Path=/; Max-Age="+shop.seconds(0)+"; HttpOnly; SameSite=Strict",
		"signet-device="+shop.value("signet-device")+"; Path=/; Max-Age=34560000; HttpOnly; SameSite=Strict")
	desk.wantCookies(t, "session cookie",
		"signet-desk="+desk.value("signet-desk")+"; Path=/; Max-Age="+desk.seconds(30*24*time.Hour-time.Hour)+
			"; HttpOnly; SameSite=Lax",
		"signet-device="+desk.value("signet-device")+"; Path=/; Max-Age=34560000; HttpOnly; SameSite=Strict")
	f.renew(t, shopOrigin, "signet-shop="+shop.value("signet-shop"), "").
		want(t, "no prefix from https", http.StatusUnauthorized, "login_required")
	f.renew(t, shopDevelopment, shopCookie+"="+shop.value("signet-shop"), "").
		want(t, "the prefix from http", http.StatusUnauthorized, "login_required")
	a := f.renew(t, shopDevelopment, "signet-shop="+shop.value("signet-shop"), "")
	a.want(t, "no prefix from http", http.StatusOK, "")

	for _, origin := range []string{pageOrigin, shopOrigin, deskOrigin} {
		login := f.logIn(t, origin, "signet-shop=x; signet-device=y")
		bye := f.ask(t, call{path: sessionLogoutPath, origin: origin, cookie: shopCookie + "=x"})
		for _, c := range slices.Concat(login.cookies(), bye.cookies()) {
			if !strings.HasPrefix(c, "__Host-Http-signet-") || !strings.Contains(c, "; Secure") ||
				!strings.Contains(c, "; HttpOnly") || !strings.Contains(c, "; Path=/;") ||
				strings.Contains(c, "Domain") {
				t.Errorf("%s got the cookie %s", origin, c)
			}
		}
	}
}

// Rule 62: the server reads only the cookie that it has set.
//
// Statement 15 of docs/browser.md: cookies that are planted, that occur twice
// or that have another name never become a session.
func TestSessionCookies_OnlyTheOneOfTheServerIsRead(t *testing.T) {
	f := newPages(t)
	for origin, name := range map[string]string{shopOrigin: shopCookie, deskOrigin: deskCookie} {
		value := f.logIn(t, origin, "").value(name)
		good := name + "=" + value
		for _, cookie := range []string{
			"",
			good + "; " + good,
			good + "; " + name + "=x",
			name + "=x; " + good,
			"\u2000" + good,
			"$Version=1," + good,
			"a=1, " + good,
			name + `="` + value + `"`,
			strings.ToLower(name) + "=" + value,
			"=" + good,
			"signet-" + strings.TrimPrefix(good, "__Host-Http-signet-"),
			name + "2=" + value,
			name + "=" + value[:63],
			name + "=" + value + "x",
			name + "=" + strings.Repeat("x", 10_000),
			name + "=" + value[:4] + strings.Repeat("A", 60),
		} {
			f.renew(t, origin, cookie, "").
				want(t, cookie[:min(80, len(cookie))], http.StatusUnauthorized, "login_required")
		}
		f.renew(t, origin, good, "").want(t, "the cookie of the server", http.StatusOK, "")
	}
	if n := f.Events.Count(audit.RefreshReused); n != 0 {
		t.Errorf("%d reuses", n)
	}
}

func TestSessionCookies_EndWithTheBrowserUnlessItRemembers(t *testing.T) {
	f := newPages(t)
	for origin, name := range map[string]string{shopOrigin: shopCookie, deskOrigin: deskCookie} {
		login := f.ask(t, call{
			path: sessionLoginPath, origin: origin, body: credentials(username, password, `,"remember":false`),
		})
		login.want(t, "login", http.StatusOK, "")
		value := login.value(name)
		site := "Strict"
		if origin == deskOrigin {
			site = "Lax"
		}
		if got, want := login.cookies()[0], name+"="+value+"; Path=/; HttpOnly; Secure; SameSite="+site; got != want {
			t.Errorf("got the cookie %s, want %s", got, want)
		}
		renewed := f.renew(t, origin, name+"="+value, "browser-1")
		renewed.want(t, "refresh", http.StatusOK, "")
		if origin == shopOrigin {
			renewed.wantCookies(t, "refresh",
				name+"="+renewed.value(name)+"; Path=/; HttpOnly; Secure; SameSite=Strict")
		}
	}
}

// Rule 61: a login replaces the one that the browser had. A cookie that
// somebody has planted, and the grant that it belongs to, cannot be used
// afterwards.
func TestSessionLogin_RevokesTheGrantOfTheOldCookie(t *testing.T) {
	f := newPages(t)
	for origin, name := range map[string]string{shopOrigin: shopCookie, deskOrigin: deskCookie} {
		planted := f.ask(t, call{path: sessionLoginPath, origin: origin, body: credentials("eve", password)})
		planted.want(t, "login of eve", http.StatusOK, "")
		old := name + "=" + planted.value(name)

		refused := f.ask(t, call{
			path: sessionLoginPath, origin: origin, cookie: old, body: credentials(username, "wrong"),
		})
		refused.want(t, "wrong password", http.StatusUnauthorized, "invalid_grant")
		refused.wantCookies(t, "wrong password")
		renewed := f.renew(t, origin, old, "")
		renewed.want(t, "the old cookie", http.StatusOK, "")
		if renewed.value(name) != "" {
			old = name + "=" + renewed.value(name)
		}

		mine := f.logIn(t, origin, old)
		if mine.value(name) == planted.value(name) || mine.text("subject") == planted.text("subject") {
			t.Error("the login has the planted cookie")
		}
		f.renew(t, origin, old, "").want(t, "the planted cookie", http.StatusUnauthorized, "login_required")
		f.renew(t, origin, name+"="+mine.value(name), "").want(t, "the new cookie", http.StatusOK, "")
	}
}

// Statement 6 of docs/browser.md: a thief who has the cookie alone has another
// idempotency key. Whether the thief or the browser comes first, the second
// refresh with the same token revokes the grant.
func TestSessionRefresh_ReuseRevokesGrant(t *testing.T) {
	for name, keys := range map[string][2]string{
		"thief first": {"thief", "browser"}, "browser first": {"browser", "thief"},
	} {
		f := newPages(t)
		login := f.logIn(t, shopOrigin, "")
		stolen := shopCookie + "=" + login.value(shopCookie)
		first := f.renew(t, shopOrigin, stolen, keys[0])
		first.want(t, name, http.StatusOK, "")

		second := f.renew(t, shopOrigin, stolen, keys[1])
		second.want(t, name, http.StatusUnauthorized, "login_required")
		second.wantCookies(t, name, shopCookie+"=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Strict")
		f.renew(t, shopOrigin, shopCookie+"="+first.value(shopCookie), keys[0]).
			want(t, name+": the successor", http.StatusUnauthorized, "login_required")
		e := f.event(audit.RefreshReused)
		if e.Grant != login.text("session_id") || e.Subject != login.text("subject") || e.Actor.Name != "shop" {
			t.Errorf("%s: the audit event is %+v", name, e)
		}
	}
}

// Without the key of the browser, a retry would look like the use of a stolen
// token. So such a request is refused, and changes nothing.
func TestSessionRefresh_NeedsAnIdempotencyKey(t *testing.T) {
	f := newPages(t)
	cookie := shopCookie + "=" + f.logIn(t, shopOrigin, "").value(shopCookie)
	a := f.ask(t, call{
		path: sessionRefreshPath, origin: shopOrigin, cookie: cookie, header: http.Header{"Idempotency-Key": nil},
	})
	a.want(t, "without a key", http.StatusBadRequest, "invalid_request")
	a.wantCookies(t, "without a key")
	f.renew(t, shopOrigin, cookie, "browser").want(t, "with a key", http.StatusOK, "")

	desk := f.ask(t, call{
		path: sessionRefreshPath, origin: deskOrigin, header: http.Header{"Idempotency-Key": nil},
		cookie: deskCookie + "=" + f.logIn(t, deskOrigin, "").value(deskCookie),
	})
	desk.want(t, "a session token, without a key", http.StatusOK, "")
}

// Statement 7 of docs/browser.md: a thief who has a copy of the whole profile,
// and so the idempotency key, is found when one of the two is two rotations
// ahead of the other.
func TestSessionRefresh_TwoRotationsAheadRevokesGrant(t *testing.T) {
	f := newPages(t)
	stolen := shopCookie + "=" + f.logIn(t, shopOrigin, "").value(shopCookie)
	first := f.renew(t, shopOrigin, stolen, "browser")
	again := f.renew(t, shopOrigin, stolen, "browser")
	again.want(t, "the browser with its key, after a lost response", http.StatusOK, "")
	if again.value(shopCookie) != first.value(shopCookie) {
		t.Error("a retry got another cookie")
	}

	f.Pass(t, grant.SameKeyGrace)
	f.renew(t, shopOrigin, shopCookie+"="+first.value(shopCookie), "browser").want(t, "the thief", http.StatusOK, "")
	f.renew(t, shopOrigin, stolen, "browser").want(t, "the browser", http.StatusUnauthorized, "login_required")
	if n := f.Events.Count(audit.RefreshReused); n != 1 {
		t.Errorf("%d reuses, want 1", n)
	}
}

// A cookie is deleted only if the server knows that its login has ended.
func TestSession_CookieStaysWhileTheServerCannotDecide(t *testing.T) {
	f := newPages(t)
	shop, desk := f.logIn(t, shopOrigin, ""), f.logIn(t, deskOrigin, "")
	must(t, f.Store.Close())
	for _, c := range []call{
		{path: sessionRefreshPath, origin: shopOrigin, cookie: shopCookie + "=" + shop.value(shopCookie)},
		{path: sessionRefreshPath, origin: deskOrigin, cookie: deskCookie + "=" + desk.value(deskCookie)},
		{path: sessionLogoutPath, origin: shopOrigin, cookie: shopCookie + "=" + shop.value(shopCookie)},
		{path: sessionLogoutPath, origin: deskOrigin, cookie: deskCookie + "=" + desk.value(deskCookie)},
		{
			path: sessionLogoutPath, origin: deskOrigin, cookie: deskCookie + "=" + desk.value(deskCookie),
			body: `{"everywhere":true}`,
		},
		{path: sessionLoginPath, origin: shopOrigin, body: credentials(username, password)},
	} {
		a := f.ask(t, c)
		a.want(t, c.path+" of "+c.origin, http.StatusServiceUnavailable, "temporarily_unavailable")
		a.wantCookies(t, c.path+" of "+c.origin)
		if a.Header.Get("Retry-After") != "1" || a.Header.Get("Access-Control-Allow-Origin") != c.origin {
			t.Errorf("%s: got the headers %v", c.path, a.Header)
		}
	}
}

// event returns the last audit event of that name.
func (f *fixture) event(name string) (last audit.Event) {
	for _, e := range f.Events.All() {
		if e.Name == name {
			last = e
		}
	}
	return last
}

// A token of one kind is refused where the other kind belongs, and nothing
// changes.
func TestSessionToken_IsOfUseAtItsOwnEndpointOnly(t *testing.T) {
	f := newPages(t)
	shop, desk, page := f.logIn(t, shopOrigin, ""), f.logIn(t, deskOrigin, ""), f.logIn(t, pageOrigin, "")
	session, refresh := desk.value(deskCookie), shop.value(shopCookie)

	for _, id := range []string{"page", "desk"} {
		a := f.post(t, "/oauth2/token", nil, "client_id", id, "grant_type", "refresh_token", "refresh_token", session)
		code := map[string]string{"page": "invalid_grant", "desk": "unauthorized_client"}[id]
		a.want(t, "session token at the token endpoint as "+id, http.StatusBadRequest, code)
	}
	f.post(t, "/oauth2/token", nil, "client_id", "shop", "grant_type", "refresh_token", "refresh_token", refresh).
		want(t, "refresh token of a cookie at the token endpoint", http.StatusBadRequest, "unauthorized_client")
	for _, token := range []string{session, refresh} {
		if f.active(t, api, token) {
			t.Errorf("%.4s is active", token)
		}
	}
	f.renew(t, shopOrigin, shopCookie+"="+session, "").
		want(t, "session token in a refresh cookie", http.StatusUnauthorized, "login_required")
	f.renew(t, deskOrigin, deskCookie+"="+refresh, "").
		want(t, "refresh token in a session cookie", http.StatusUnauthorized, "login_required")
	for _, token := range []string{session, refresh} {
		f.ask(t, call{path: sessionRefreshPath, origin: pageOrigin, body: `{"refresh_token":"` + token + `"}`}).
			want(t, "token of another application", http.StatusUnauthorized, "login_required")
	}

	f.ask(t, call{path: sessionLogoutPath, origin: shopOrigin, cookie: shopCookie + "=" + session}).
		want(t, "logout with a session token", http.StatusNoContent, "")
	f.ask(t, call{path: sessionLogoutPath, origin: deskOrigin, cookie: deskCookie + "=" + refresh}).
		want(t, "logout with a refresh token", http.StatusNoContent, "")
	till := "__Host-Http-signet-till=" + session
	f.renew(t, tillOrigin, till, "").
		want(t, "session token of another application", http.StatusUnauthorized, "login_required")
	for _, body := range []string{"{}", `{"everywhere":true}`} {
		f.ask(t, call{path: sessionLogoutPath, origin: tillOrigin, cookie: till, body: body}).
			want(t, "logout at another application", http.StatusNoContent, "")
	}

	for _, a := range []answer{shop, desk, page} {
		g, err := f.Store.Grant(t.Context(), grantID(t, a))
		must(t, err)
		if g.Generation != 0 || !g.RevokedAt.IsZero() {
			t.Errorf("the grant was changed: %+v", g)
		}
	}
	_, err := f.Issuer.PrepareLogin(f.Caller(t, "desk"), nil, "")
	if !errors.Is(err, oauth.UnauthorizedClient) {
		t.Errorf("login without a page: %v", err)
	}
}
