package chromium

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

const (
	refreshPath = "/session/refresh"
	logoutPath  = "/session/logout"
)

// Statement 1 of docs/browser.md: three tabs with eight callers each make one
// refresh for each renewal, and all get the same token.
func TestTabs_OneRefreshForEachRenewal(t *testing.T) {
	t.Parallel()
	a, i := newApp(t, "refresh", 4*time.Second)
	b := Start(t, t.TempDir())
	tabs := []shopPage{open(t, b, a)}
	tabs[0].login(t)
	tabs = append(tabs, open(t, b, a), open(t, b, a))

	// All tabs have the token of the last page that was opened.
	first := tabs[2].token(t)
	await(t, "all tabs have one token", func() bool {
		return tabs[0].token(t) == first && tabs[1].token(t) == first
	})
	before := a.count(refreshPath)
	const renewals = 3
	for _, tab := range tabs {
		tab.Eval(t, fmt.Sprintf(`window.seen = Promise.all(Array.from({ length: 8 }, async () => {
			const tokens = new Set();
			while (tokens.size <= %d) {
				tokens.add(await signet.token());
				await new Promise((next) => setTimeout(next, 20));
			}
			return [...tokens].join();
		})).finally(signet.close); true`, renewals), nil)
	}
	var tokens []string
	for _, tab := range tabs {
		var callers []string
		tab.Eval(t, `window.seen`, &callers)
		tokens = append(tokens, callers...)
	}
	if different := slices.Compact(slices.Sorted(slices.Values(tokens))); len(tokens) != 24 || len(different) != 1 {
		t.Errorf("%d callers got %d different sequences of tokens, want one", len(tokens), len(different))
	}
	if n := a.count(refreshPath) - before; n != renewals {
		t.Errorf("%d refreshes for %d renewals", n, renewals)
	}
	if n := i.events("refresh.reused"); n != 0 {
		t.Errorf("%d refresh tokens were reused", n)
	}
}

// Statement 11 of docs/browser.md: a tab that is frozen while it holds the lock
// delays the other tabs by at most 3 s.
func TestTabs_FrozenHolderOfLock(t *testing.T) {
	setParallel(t)
	a, _ := newApp(t, "refresh", 10*time.Minute)
	b := Start(t, t.TempDir())
	frozen, other := open(t, b, a), open(t, b, a)
	frozen.login(t)
	await(t, "the other tab has the token", func() bool { return other.token(t) == frozen.token(t) })

	// The response of the API is 401, so signet.js renews the token.
	a.setFaults(refreshPath, held)
	before := a.count(refreshPath)
	frozen.Eval(t, `signet.fetch("/api/frozen?status=401").catch(String); true`, nil)
	await(t, "the refresh of the first tab hangs", func() bool { return a.count(refreshPath) == before+1 })
	frozen.Run(t, page.SetWebLifecycleState(page.SetWebLifecycleStateStateFrozen))

	var result struct {
		Status int     `json:"status"`
		Took   float64 `json:"took"`
	}
	other.Eval(t, `(async () => {
		const { status } = await signet.fetch("/api/other?status=401");
		const requests = performance.getEntriesByType("resource");
		const refused = requests.find((entry) => entry.name.includes("/api/other"));
		const refresh = requests.findLast((entry) => entry.name.endsWith("/session/refresh"));
		return { status, took: refresh.startTime - refused.responseEnd };
	})()`, &result)
	t.Logf("the other tab waited for %.0f ms", result.Took)
	if result.Status != http.StatusOK || result.Took > 3000 {
		t.Errorf("status %d after %.0f ms, want 200 within 3 s", result.Status, result.Took)
	}
	if result.Took < 1000 {
		t.Errorf("the other tab waited for %.0f ms only: the first tab did not have the lock", result.Took)
	}
}

// Statement 12 of docs/browser.md: after a logout everywhere, other tabs know
// at once, and other devices at their next refresh.
func TestLogout_Everywhere(t *testing.T) {
	setParallel(t)
	a, i := newApp(t, "refresh", 10*time.Minute)
	b := Start(t, t.TempDir())
	tab, other := open(t, b, a), open(t, b, a)
	device := open(t, Start(t, t.TempDir()), a)
	tab.login(t)
	device.login(t)
	await(t, "the other tab has the token", func() bool { return other.token(t) == tab.token(t) })
	before := a.count(refreshPath)
	other.Eval(t, `window.known = new Promise((resolve) => {
		signet.onChange((session) => resolve([session, Date.now()]));
	}); true`, nil)

	var begin float64
	tab.Eval(t, `(async () => {
		const begin = Date.now();
		await signet.logout({ everywhere: true });
		return begin;
	})()`, &begin)
	var known []any
	other.Eval(t, `window.known`, &known)
	took := known[1].(float64) - begin
	t.Logf("the other tab knew after %.0f ms", took)
	if known[0] != nil || took > 1000 {
		t.Errorf("the session of the other tab was %v after %.0f ms, want null within 1 s", known[0], took)
	}
	if token := other.token(t); token != "login_required" {
		t.Errorf("the other tab gets %q, want login_required", token)
	}
	if n := a.count(refreshPath) - before; n != 0 {
		t.Errorf("the other tab sent %d refreshes, want none", n)
	}

	if s := device.session(t); s.Kind != "object" {
		t.Errorf("the session of the device is %s before its refresh", s.Kind)
	}
	device.Run(t, chromedp.Reload())
	device.awaitScript(t)
	if s := device.session(t); s.Kind != "null" {
		t.Errorf("the session of the device is %s after its refresh, want null", s.Kind)
	}
	for _, state := range i.grants(t) {
		if state != "revoked" {
			t.Errorf("a grant is %s, want revoked", state)
		}
	}
}

// Statement 10 of docs/browser.md: a page that is restored from the
// back/forward cache after a logout shows no login.
func TestBackForwardCache_AfterLogout(t *testing.T) {
	setParallel(t)
	a, i := newApp(t, "refresh", 10*time.Minute)
	p := open(t, Start(t, t.TempDir()), a)
	p.login(t)
	// leave goes to another page, does something there, and goes back.
	leave := func(away func()) (persisted bool) {
		p.Eval(t, `addEventListener("pageshow", (event) => { window.persisted = event.persisted }); window.changes = [];
			window.before = signet.session.session_id`, nil)
		p.Eval(t, `location.href = "/plain"`, nil)
		p.awaitPath(t, "/plain")
		away()
		_ = p.TryEval(`history.back()`, nil)
		p.awaitPath(t, "/")
		p.awaitScript(t)
		p.Eval(t, `window.persisted === true`, &persisted)
		return persisted
	}

	last := p.token(t)
	if !leave(func() {}) {
		t.Fatal("Chromium has not restored the page, so the test shows nothing")
	}
	await(t, "the restored page renews its token", func() bool { return p.token(t) != last })
	if s := p.session(t); s.Kind != "object" {
		t.Errorf("the session of a restored page is %s, want an object", s.Kind)
	}

	persisted := leave(func() { i.revokeAll(t) })
	await(t, "the page knows", func() bool { return p.session(t).Kind == "null" })
	t.Logf("restored after the end of the grant: %v", persisted)

	p.login(t)
	persisted = leave(func() {
		// Another script that has logged out: the page at /plain has no
		// signet.js.
		p.Eval(t, `(async () => {
			localStorage.setItem("signet.epoch", "another");
			const headers = { "Content-Type": "application/json" };
			return (await fetch("/session/logout", { method: "POST", headers, body: "{}" })).status;
		})()`, nil)
	})
	t.Logf("restored after a logout: %v", persisted)
	var changes []*struct{}
	p.Eval(t, `window.changes`, &changes)
	if s := p.session(t); s.Kind != "null" {
		t.Errorf("the session is %s after a logout, want null", s.Kind)
	}
	if len(changes) == 0 || changes[0] != nil {
		t.Errorf("the page got %d changes, the first one a login, want that there is none at once", len(changes))
	}
}
