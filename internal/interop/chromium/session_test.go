package chromium

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// search returns all texts that a script finds: storages, cookies, the cache of
// responses, window's variables, and the answers of the issuer and the API.
const search = `(async () => {
	const found = [document.cookie, JSON.stringify(localStorage), JSON.stringify(sessionStorage)];
	for (const path of ["/session/refresh", "/session/login"]) {
		const body = path.endsWith("login") ? { username: "ada", password: "a long and secret phrase" } : {};
		const headers = { "Content-Type": "application/json", "Idempotency-Key": "of a script" };
		const response = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
		found.push(path, await response.text(), JSON.stringify([...response.headers]));
	}
	found.push(await (await signet.fetch("/api/a")).text());
	for (const path of ["/auth-request/-", "/forward-auth/-", "/ext-authz/-/api/x", "/session/check"]) {
		const response = await fetch(path);
		found.push(path, await response.text(), JSON.stringify([...response.headers]));
	}
	found.push(String(await signet.token()), JSON.stringify(signet), JSON.stringify(signet.session));
	for (const database of await indexedDB.databases()) found.push("a database: " + database.name);
	for (const name of await caches.keys()) found.push("a cache: " + name);
	const seen = new Set();
	const visit = (value, depth) => {
		if (typeof value == "string") found.push(value);
		if (value === null || typeof value != "object" || seen.has(value) || depth > 4) return;
		seen.add(value);
		for (const name of Object.getOwnPropertyNames(value)) try { visit(value[name], depth + 1) } catch {}
	};
	for (const name of Object.getOwnPropertyNames(window)) try { visit(window[name], 0) } catch {}
	return found;
})()`

// Statement 22 of docs/browser.md: if the login is a session cookie, no script
// finds a token.
func TestSession_NoTokenForScripts(t *testing.T) {
	t.Parallel()
	a, _ := newApp(t, "session", 10*time.Minute)
	p := open(t, Start(t, t.TempDir()), a)
	p.login(t)
	if token := p.token(t); token != "undefined" {
		t.Errorf("signet.token() returns %.12s…, want undefined", token)
	}
	cookie := p.cookie(t)
	if !strings.HasPrefix(cookie, "sgb_") {
		t.Fatalf("the cookie is %.4s…, want a session token: the test shows nothing", cookie)
	}

	// The service behind the gateway gets a token, and not the cookie.
	var echo struct {
		Authorization, Cookie string
	}
	p.Eval(t, `document.cookie = "theme=dark"; signet.fetch("/api/b").then((r) => r.json())`, &echo)
	if echo.Authorization != "true" || echo.Cookie != "theme=dark" {
		t.Errorf("the service gets %+v, want a token and the other cookie", echo)
	}

	var found []string
	p.Eval(t, search, &found)
	all := strings.Join(found, "\n")
	if !strings.Contains(all, p.session(t).ID) || !strings.Contains(all, "signet.key") {
		t.Errorf("the search does not find what a script can read: %s", all)
	}
	for _, text := range found {
		for _, secret := range []string{cookie, "sgb_", "sgr_", "eyJ"} {
			if strings.Contains(text, secret) {
				t.Errorf("a script finds %s: %.200s", secret, text)
			}
		}
	}
}

// Statement 12 of docs/browser.md: gateways know within 1 s of a logout
// everywhere on another device.
func TestSession_LogoutEverywhereAtGateway(t *testing.T) {
	setParallel(t)
	a, i := newApp(t, "session", 10*time.Minute)
	p, device := open(t, Start(t, t.TempDir()), a), open(t, Start(t, t.TempDir()), a)
	p.login(t)
	device.login(t)
	const status = `fetch("/api/a").then((r) => r.status)`
	var got int
	p.Eval(t, status, &got)
	if got != http.StatusOK {
		t.Fatalf("the API answers %d before the logout, want 200", got)
	}
	device.Eval(t, `signet.logout({ everywhere: true })`, nil)
	begin := time.Now()
	await(t, "the gateway refuses", func() bool {
		p.Eval(t, status, &got)
		return got == http.StatusUnauthorized
	})
	took := time.Since(begin)
	t.Logf("the gateway refuses after %v", took)
	if took > time.Second {
		t.Errorf("the gateway refuses after %v, want 1 s at most", took)
	}
	// signet.js finds out by the same answer.
	p.Eval(t, `signet.fetch("/api/a").then((r) => r.status)`, &got)
	if s := p.session(t); got != http.StatusUnauthorized || s.Kind != "null" {
		t.Errorf("signet.fetch gets %d, and the session is %s, want 401 and null", got, s.Kind)
	}
	if states := i.grants(t); len(states) != 2 || states[0] != "revoked" || states[1] != "revoked" {
		t.Errorf("the grants are %v, want two that are revoked", states)
	}
}

// In this way the page has no token to renew, so signet.js sets no timer. A
// reload finds the login, and a logout ends it.
func TestSession_LoginReloadLogout(t *testing.T) {
	setParallel(t)
	a, i := newApp(t, "session", 10*time.Second)
	p := open(t, Start(t, t.TempDir()), a)
	if s := p.session(t); s.Kind != "null" {
		t.Fatalf("the session is %s before the login, want null", s.Kind)
	}
	p.login(t)
	id := p.session(t).ID
	p.Run(t, chromedp.Reload())
	p.awaitScript(t)
	if s := p.session(t); s.ID != id || id == "" {
		t.Errorf("the session is %q after the reload, want %q", s.ID, id)
	}
	before := a.count(refreshPath)
	p.Eval(t, `new Promise((next) => setTimeout(next, 500))`, nil)
	if n := a.count(refreshPath) - before; n != 0 {
		t.Errorf("the page has sent %d refreshes without a token to renew", n)
	}
	p.Eval(t, `signet.logout()`, nil)
	if s := p.session(t); s.Kind != "null" {
		t.Errorf("the session is %s after the logout, want null", s.Kind)
	}
	if state := i.grants(t)[0]; state != "revoked" {
		t.Errorf("the grant is %s after the logout, want revoked", state)
	}
	if cookie := p.cookie(t); cookie != "" {
		t.Errorf("the cookie is still there after the logout: %.12s…", cookie)
	}
}

// In this way the page has both tokens, and each tab its own login.
func TestPage_LoginReloadLogout(t *testing.T) {
	setParallel(t)
	a, i := newApp(t, "page", 4*time.Second)
	b := Start(t, t.TempDir())
	p := open(t, b, a)
	p.login(t)
	id, first := p.session(t).ID, p.token(t)
	p.Run(t, chromedp.Reload())
	p.awaitScript(t)
	if s := p.session(t); s.ID != id || id == "" {
		t.Errorf("the session is %q after the reload, want %q", s.ID, id)
	}
	await(t, "a renewal", func() bool { return p.token(t) != first })

	other := open(t, b, a)
	if s := other.session(t); s.Kind != "null" {
		t.Errorf("the session of another tab is %s, want null", s.Kind)
	}
	other.login(t)
	other.Eval(t, `signet.logout()`, nil)
	await(t, "the first tab knows its session", func() bool { return p.session(t).ID == id })
	p.Eval(t, `signet.logout()`, nil)
	for _, state := range i.grants(t) {
		if state != "revoked" {
			t.Errorf("a grant is %s after the logouts, want revoked", state)
		}
	}
	var stored string
	p.Eval(t, `JSON.stringify([localStorage, sessionStorage])`, &stored)
	if strings.Contains(stored, "sgr_") {
		t.Errorf("a refresh token is still there after the logout: %s", stored)
	}
}

// A browser may refuse storage, locks and messages between tabs. Then a tab
// works for itself, and forgets its key when it is reloaded.
func TestRestrictedBrowser_LoginReloadLogout(t *testing.T) {
	setParallel(t)
	const refuse = `for (const [object, name] of [[window, "localStorage"], [window, "sessionStorage"],
		[window, "BroadcastChannel"], [navigator, "locks"]]) {
		Object.defineProperty(object, name, { get() { throw new DOMException("refused", "SecurityError"); } });
	}`
	a, i := newApp(t, "refresh", 2*time.Second)
	p := open(t, Start(t, t.TempDir()), a)
	p.Run(t, chromedp.ActionFunc(func(ctx context.Context) error {
		_, err := page.AddScriptToEvaluateOnNewDocument(refuse).Do(ctx)
		return err
	}), chromedp.Reload())
	p.awaitScript(t)
	p.login(t)
	id, first := p.session(t).ID, p.token(t)
	await(t, "a renewal", func() bool { return p.token(t) != first })
	p.Run(t, chromedp.Reload())
	p.awaitScript(t)
	if s := p.session(t); s.ID != id || id == "" {
		t.Errorf("the session is %q after the reload, want %q", s.ID, id)
	}
	var refused bool
	p.Eval(t, `(() => { try { return !localStorage } catch { return true } })()`, &refused)
	p.Eval(t, `signet.logout()`, nil)
	if s := p.session(t); s.Kind != "null" || !refused {
		t.Errorf("the session is %s after the logout, want null; localStorage is refused: %v", s.Kind, refused)
	}
	if states := i.grants(t); states[0] != "revoked" {
		t.Errorf("the grant is %s after the logout, want revoked", states[0])
	}
}
