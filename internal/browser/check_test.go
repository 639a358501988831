package browser_test

import (
	"crypto"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetd/signet/internal/browser"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/issuertest"
	"github.com/signetd/signet/internal/token"
)

// open verifies an access token as a service does.
func (f *checkFixture) verify(t testing.TB, text string) token.Access {
	t.Helper()
	find := func(kid string) (string, crypto.PublicKey, error) { return f.Keys.PublicKey(t.Context(), kid) }
	a, err := token.VerifyAccess(text, "https://issuer.example", find, f.Registry.Now(), time.Minute, nil)
	must(t, err)
	return a
}

// Statement 17 of docs/browser.md: a request with a session gets its access
// token and keeps the cookies of the application.
func TestCheck_PassesASessionWithItsAccessToken(t *testing.T) {
	f := newCheckFixture(t)
	s := f.open(t, api, stock)
	a := f.verify(t, f.mustPass(t, s))
	if a.Subject != f.user.ID || a.ClientID != "shop" || len(a.Audience) != 1 || a.Audience[0] != api ||
		a.GrantID != s.id.String() || a.Scope.String() != "read" {
		t.Errorf("%+v", a)
	}
	// Another audience of the grant has another token.
	named := f.verify(t, f.mustPass(t, s, func(r *browser.CheckRequest, _ http.Header) { r.Audience = stock }))
	if len(named.Audience) != 1 || named.Audience[0] != stock {
		t.Errorf("%+v", named)
	}
	// The same token again, for all spellings of the origin.
	first := f.mustPass(t, s)
	for _, host := range []string{"shop.example:443", "SHOP.example"} {
		again := f.mustPass(t, s, func(r *browser.CheckRequest, _ http.Header) { r.Proto, r.Host = "HTTPS", host })
		if again != first {
			t.Errorf("%s: another token", host)
		}
	}
	if n := f.signed.Load(); n != 2 {
		t.Errorf("%d signatures, want 2", n)
	}
}

// A loopback origin has cookies without a prefix.
func TestCheck_LoopbackOrigin(t *testing.T) {
	f := newCheckFixture(t)
	s := f.open(t)
	plain := func(r *browser.CheckRequest, h http.Header) {
		r.Proto, r.Host = "http", "localhost:5173"
		h.Set("Cookie", "a=1; signet-shop="+s.cookie+"; b=2")
	}
	f.mustPass(t, s, plain)
	// Statement 23 of docs/browser.md: the https origin does not read it.
	want(t, f.check(t, s, set("Cookie", "signet-shop="+s.cookie)), http.StatusUnauthorized)
}

// Statement 15 of docs/browser.md: no other cookie and no other token is a
// session.
func TestCheck_RefusesOtherCookies(t *testing.T) {
	f := newCheckFixture(t)
	s := f.open(t)
	gateway := f.Caller(t, "gateway")
	in, err := f.Login(t.Context(), gateway, issuertest.LoginRequest{
		Username: "ada", Password: "correct horse battery staple",
	})
	must(t, err)
	const name = "__Host-Http-signet-shop="
	for what, cookie := range map[string]string{
		"none":            "a=1",
		"refresh token":   name + in.RefreshToken,
		"access token":    name + in.AccessToken,
		"device token":    name + in.DeviceToken,
		"twice":           name + s.cookie + "; " + name + s.cookie,
		"planted":         name + "sgb_x; " + name + s.cookie,
		"U+2000":          "\u2000" + name + s.cookie,
		"$Version":        "$Version=1, " + name + s.cookie,
		"case":            strings.ToLower(name) + s.cookie,
		"another name":    "__Host-Http-signet-news=" + s.cookie,
		"without prefix":  "signet-shop=" + s.cookie,
		"changed":         name + s.cookie[:len(s.cookie)-2] + "xx",
		"comma joined":    name + s.cookie + ", b=2",
		"with more bytes": name + s.cookie + "A",
	} {
		v := f.check(t, s, set("Cookie", cookie))
		if v.Status != http.StatusUnauthorized || v.Authorization != "" {
			t.Errorf("%s: %+v", what, v)
		}
		// A service without a login passes, and gets no token.
		v = f.check(t, s, set("Cookie", cookie), func(r *browser.CheckRequest, h http.Header) {
			r.Optional = true
			h.Set("Authorization", "Bearer forged")
		})
		if v.Status != http.StatusOK || v.Authorization != "" || strings.Contains(v.Cookie, "Http-signet") {
			t.Errorf("%s, optional: %+v", what, v)
		}
	}
}

// Statement 17 of docs/browser.md: the Authorization header of the browser
// never reaches the service, unless it has a token of the issuer and there is
// no session.
func TestCheck_AuthorizationHeader(t *testing.T) {
	f := newCheckFixture(t)
	s := f.open(t)
	text := f.mustPass(t, s)
	gateway := f.Caller(t, "gateway")
	in, err := f.Login(t.Context(), gateway, issuertest.LoginRequest{
		Username: "ada", Password: "correct horse battery staple",
	})
	must(t, err)

	for what, header := range map[string][]string{
		"forged":  {"Bearer eyJhbGciOiJub25lIn0.e30."},
		"doubled": {"Bearer a", "Bearer b"},
		"basic":   {"Basic YTpi"},
		"valid":   {"Bearer " + in.AccessToken},
	} {
		with := func(_ *browser.CheckRequest, h http.Header) { h["Authorization"] = header }
		if got := f.mustPass(t, s, with); got != text {
			t.Errorf("%s, with a session: %s", what, got)
		}
		v := f.check(t, browserSession{}, with)
		if what == "valid" {
			want(t, v, http.StatusOK)
			if v.Authorization != header[0] {
				t.Errorf("the token is not passed on: %+v", v)
			}
			continue
		}
		want(t, v, http.StatusUnauthorized)
	}

	// The token must be for the audience, and active.
	valid := set("Authorization", "bearer "+in.AccessToken)
	want(t, f.check(t, browserSession{}, valid, func(r *browser.CheckRequest, _ http.Header) { r.Audience = stock }),
		http.StatusUnauthorized)
	must(t, f.Grants.RevokeToken(t.Context(), gateway, in.RefreshToken))
	want(t, f.check(t, browserSession{}, valid), http.StatusUnauthorized)
}

// A session is valid only at its client, and only for audiences of its grant.
func TestCheck_ForbidsOtherAudiencesAndHosts(t *testing.T) {
	f := newCheckFixture(t)
	s := f.open(t)
	page := set("Sec-Fetch-Mode", "navigate")
	for _, audience := range []string{stock, other, "", "https://api.example/", "*"} {
		want(t, f.check(t, s, page, func(r *browser.CheckRequest, _ http.Header) { r.Audience = audience }),
			http.StatusForbidden)
	}
	// Statement 19 of docs/browser.md: a foreign host has no redirect.
	for _, from := range [][2]string{
		{"https", "evil.example"},
		{"http", "shop.example"},
		{"https", "shop.example:8443"},
		{"https", "news.example"},
		{"https", ""},
		{"", "shop.example"},
		{"javascript", "shop.example"},
		{"https", "shop.example@evil.example"},
		{"https", "shop.example, evil.example"},
		{"https", "evil.example/shop.example"},
		{"https", "shop.example."},
	} {
		for _, optional := range []bool{false, true} {
			v := f.check(t, s, page, func(r *browser.CheckRequest, _ http.Header) {
				r.Proto, r.Host, r.Optional = from[0], from[1], optional
			})
			if v.Status != http.StatusForbidden || v.Location != "" || v.Authorization != "" {
				t.Errorf("%q: %+v", from, v)
			}
		}
	}
}

// A session of another client is none.
func TestCheck_SessionOfAnotherClient(t *testing.T) {
	f := newCheckFixture(t)
	s := f.open(t)
	f.Register(t, client.Client{
		ID: "blog", Public: true, Audiences: []string{api},
		Browser: &client.Browser{Way: client.WaySession, Origins: []string{"https://blog.example"}},
	})
	f.mustPass(t, s)
	v := f.check(t, s, func(r *browser.CheckRequest, h http.Header) {
		r.Host = "blog.example"
		h.Set("Cookie", "__Host-Http-signet-blog="+s.cookie)
	})
	want(t, v, http.StatusUnauthorized)
}

// Statement 20 of docs/browser.md: what this server ends is refused at once.
func TestCheck_EndsOfThisServerTakeEffectAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newCheckFixture(t)
		gateway := f.Caller(t, "gateway")
		gateway.Admin = true
		s := f.open(t)
		f.mustPass(t, s)
		must(t, f.Grants.Revoke(t.Context(), gateway, s.id.String()))
		want(t, f.check(t, s), http.StatusUnauthorized)

		s = f.open(t)
		f.mustPass(t, s)
		_, err := f.Grants.RevokeAll(t.Context(), gateway, f.user.ID, "")
		must(t, err)
		want(t, f.check(t, s), http.StatusUnauthorized)
	})
}
