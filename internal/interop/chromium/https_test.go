package chromium

import (
	"net/http"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

const (
	shopOrigin = "https://shop.example.test"
	evilOrigin = "https://evil.example.test"

	hostCookie   = "__Host-Http-signet-" + clientID
	deviceCookie = "__Host-Http-signet-device"
)

// newHTTPSApp runs an issuer with an application at shopOrigin, and a browser
// that resolves the names of example.test to it.
func newHTTPSApp(t *testing.T, way string) (*app, *issuer, *Browser) {
	t.Helper()
	a := listenApp(t)
	a.origin = shopOrigin
	i := newIssuer(t, way, 10*time.Minute, shopOrigin)
	a.start(t, "http://"+i.http)
	return a, i, Start(t, t.TempDir(), "--ignore-certificate-errors",
		"--host-resolver-rules=MAP *.example.test:443 "+a.server.Listener.Addr().String())
}

// Chromium stores the cookies of an https origin with these attributes.
func TestHTTPS_Cookies(t *testing.T) {
	setParallel(t)
	for way, site := range map[string]network.CookieSameSite{
		"refresh": network.CookieSameSiteStrict, "session": network.CookieSameSiteLax,
	} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			a, _, b := newHTTPSApp(t, way)
			p := open(t, b, a)
			p.login(t)
			want := map[string]network.CookieSameSite{hostCookie: site, deviceCookie: network.CookieSameSiteStrict}
			for _, c := range p.cookies(t) {
				expected, ok := want[c.Name]
				if !ok {
					t.Errorf("there is a cookie %s, want none of that name", c.Name)
					continue
				}
				delete(want, c.Name)
				ofHost := c.Domain == "shop.example.test" && c.Path == "/"
				if !ofHost || !c.Secure || !c.HTTPOnly || c.Session || c.SameSite != expected {
					t.Errorf("the cookie is %+v, want Secure, HttpOnly, Path=/, SameSite=%s, of this host", c, expected)
				}
			}
			if len(want) != 0 {
				t.Errorf("there are no cookies %v", want)
			}
			p.Eval(t, `signet.logout()`, nil)
			for _, c := range p.cookies(t) {
				if c.Name == hostCookie {
					t.Error("the cookie of the login is still there after the logout")
				}
			}
		})
	}
}

// Statements 14, 15 and 23 of docs/browser.md, in Chromium: a sub-domain cannot
// plant a cookie that becomes a session, and its requests get 403 and no
// cookie.
func TestHTTPS_EvilSubdomain(t *testing.T) {
	setParallel(t)
	a, i, b := newHTTPSApp(t, "refresh")
	thief := open(t, b, a)
	thief.login(t) // the session that a thief would plant
	planted := thief.cookieNamed(t, hostCookie)
	thief.Run(t, network.ClearBrowserCookies())

	evil := b.Open(t, evilOrigin+"/")
	names := []string{hostCookie, "\u2000" + hostCookie, "$Version=1," + hostCookie, "signet-" + clientID}
	for _, name := range names {
		evil.Eval(t, `document.cookie = `+quote(name+"="+planted+"; Domain=example.test; Path=/; Secure"), nil)
	}
	p := open(t, b, a)
	p.Eval(t, `document.cookie = `+quote(hostCookie+"="+planted+"; Path=/; Secure"), nil)
	if stored := p.cookieNamed(t, hostCookie); stored != "" {
		t.Error("Chromium has stored a cookie with our name that a script has set")
	}
	if n := len(p.cookies(t)); n < 2 {
		t.Errorf("Chromium has stored %d of the planted cookies: the test shows nothing", n)
	}
	p.Run(t, chromedp.Reload())
	p.awaitScript(t)
	if s := p.session(t); s.Kind != "null" {
		t.Errorf("the session is %s with planted cookies, want null", s.Kind)
	}
	p.login(t)
	id := p.session(t).ID
	p.Run(t, chromedp.Reload())
	p.awaitScript(t)
	if s := p.session(t); s.ID != id || id == "" {
		t.Errorf("the session is %q with planted cookies, want that of the login, %q", s.ID, id)
	}

	for _, path := range []string{"/session/login", refreshPath, logoutPath} {
		evil.Eval(t, `fetch("`+shopOrigin+path+`", { method: "POST", mode: "no-cors", credentials: "include", body:
			JSON.stringify({ username: "ada", password: "a long and secret phrase" }) }).then(() => true)`, nil)
		var failed bool
		evil.Eval(t, `fetch("`+shopOrigin+path+`", { method: "POST", credentials: "include", body: "{}",
			headers: { "Content-Type": "application/json" } }).then(() => false, () => true)`, &failed)
		if !failed {
			t.Errorf("a sub-domain can read the answer of %s", path)
		}
	}
	answers := a.answersTo(evilOrigin)
	if len(answers) < 3 {
		t.Errorf("the issuer has answered %d requests of the sub-domain, want at least 3", len(answers))
	}
	for _, answer := range answers {
		if answer.status != http.StatusForbidden || len(answer.cookies) != 0 {
			t.Errorf("the answer is %+v, want 403 without cookies", answer)
		}
	}
	if states := i.grants(t); states[0] != "active" {
		t.Errorf("the grant of the user is %s after the requests of a sub-domain", states[0])
	}
}

// The issuer may be another sub-domain of the same site: the page loads
// signet.js from there, or it has a copy and names the issuer. The cookies are
// those of the issuer's host. A request whose body is a stream is not repeated;
// browsers send one over HTTP/2 only.
func TestHTTPS_IssuerAtOtherSubdomain(t *testing.T) {
	setParallel(t)
	const issuer = "https://login.example.test"
	a, _, b := newHTTPSApp(t, "refresh")
	p := shopPage{b.Open(t, shopOrigin+"/plain")}
	load := func(module, options string) {
		p.Run(t, chromedp.Navigate(shopOrigin+"/plain"))
		p.Eval(t, `import("`+module+`").then(({ open }) => { window.signet = open(`+options+`); })`, nil)
		p.awaitScript(t)
	}

	load(issuer+"/session/signet.js", "")
	p.login(t)
	id := p.session(t).ID
	if token := p.token(t); len(token) < 100 {
		t.Errorf("the token is %q", token)
	}
	var status int
	p.Eval(t, `signet.fetch("/api/stream?status=401", { method: "POST", duplex: "half",
		body: new Blob(["a stream"]).stream() }).then((r) => r.status)`, &status)
	if n := a.count("/api/stream?status=401"); n != 1 || status != http.StatusUnauthorized {
		t.Errorf("a request with a stream was sent %d times, and its status is %d, want once and 401", n, status)
	}
	load("/session/signet.js", `{ url: "`+issuer+`" }`)
	if s := p.session(t); s.ID != id || id == "" {
		t.Errorf("with a copy of the script, the session is %q, want %q", s.ID, id)
	}
	for _, c := range p.cookies(t) {
		if c.Domain != "login.example.test" || c.SameSite != network.CookieSameSiteStrict {
			t.Errorf("there is a cookie %+v, want only strict ones of the issuer's host", c)
		}
	}
	p.Eval(t, `signet.logout()`, nil)
	load("/session/signet.js", `{ url: "`+issuer+`" }`)
	if s := p.session(t); s.Kind != "null" {
		t.Errorf("the session is %s after the logout, want null", s.Kind)
	}
}
