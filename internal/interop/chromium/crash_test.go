package chromium

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// Statement 5 of docs/browser.md: the browser is killed 2, 8, 20 or 38 s after
// a renewal. The user is logged in after the restart. After 2 s Chromium has
// written neither the new cookie nor localStorage.
func TestCrash_AfterRenewal(t *testing.T) {
	if !isLong() {
		t.Skip("it starts twelve browsers and waits for up to 38 s: SIGNET_TEST_LONG=1 runs it")
	}
	t.Parallel()
	for _, delay := range []time.Duration{2 * time.Second, 8 * time.Second, 20 * time.Second, 38 * time.Second} {
		t.Run(fmt.Sprint(delay), func(t *testing.T) {
			t.Parallel()
			a, i := newApp(t, "refresh", 10*time.Minute)
			profile := t.TempDir()
			b := Start(t, profile)
			open(t, b, a).login(t)
			b.quit(t) // writes everything

			b = Start(t, profile)
			p := open(t, b, a) // renews
			if s := p.session(t); s.Kind != "object" {
				t.Fatalf("the session is %s after the browser was closed, want an object", s.Kind)
			}
			<-time.After(delay)
			b.Kill()

			b = Start(t, profile)
			p = open(t, b, a)
			if s := p.session(t); s.Kind != "object" {
				t.Errorf("the session is %s after the crash, want an object", s.Kind)
			}
			if n := i.events("refresh.reused"); n != 0 {
				t.Errorf("%d refresh tokens were reused", n)
			}
			t.Logf("%.0f refreshes rotated, %.0f were repeated", i.metric(t, `signet_refreshes_total{outcome="rotated"}`),
				i.metric(t, `signet_refreshes_total{outcome="retried"}`))
		})
	}
}

// quit closes the browser as a user does.
func (b *Browser) quit(t *testing.T) {
	t.Helper()
	_ = chromedp.Run(b.tabs, browser.Close()) // the connection may end before the answer
	select {
	case <-b.exited:
	case <-time.After(patience):
		t.Fatal("the browser does not close")
	}
}

// Statement 8 of docs/browser.md: the browser is stopped until its token has
// expired. It gets a new token when it continues.
func TestSleep_PastEndOfToken(t *testing.T) {
	setParallel(t)
	const lifetime = 6 * time.Second
	a, i := newApp(t, "refresh", lifetime)
	b := Start(t, t.TempDir())
	p := open(t, b, a)
	p.login(t)
	last := p.token(t)
	if err := b.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	<-time.After(lifetime + time.Second)
	if err := b.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if token := p.token(t); token == last || len(token) < 100 {
		t.Errorf("after the sleep the page has the token %.12s…, want another one than %.12s…", token, last)
	}
	if n := i.events("refresh.reused"); n != 0 {
		t.Errorf("%d refresh tokens were reused", n)
	}
}

// Statement 9 of docs/browser.md: a browser that is offline keeps its login,
// and renews it by itself later. A logout is sent later.
func TestOffline_LoginAndLogout(t *testing.T) {
	setParallel(t)
	const lifetime = 6 * time.Second
	a, i := newApp(t, "refresh", lifetime)
	b := Start(t, t.TempDir())
	p := open(t, b, a)
	before := a.count(refreshPath)
	p.login(t)
	await(t, "the timer renews the token", func() bool { return a.count(refreshPath) > before })

	p.setOffline(t, true)
	if token := p.token(t); len(token) < 100 {
		t.Errorf("offline, the page has %q, want a token that is valid for another 3 s", token)
	}
	await(t, "the token has expired", func() bool { return p.token(t) == "offline" })
	if s := p.session(t); s.Kind != "object" {
		t.Errorf("the session is %s offline, want an object", s.Kind)
	}
	before = a.count(refreshPath)
	p.setOffline(t, false)
	await(t, "the page renews by itself", func() bool { return a.count(refreshPath) > before })
	await(t, "the page has a token", func() bool { return len(p.token(t)) > 100 })

	p.setOffline(t, true)
	p.Eval(t, `signet.logout()`, nil)
	if s := p.session(t); s.Kind != "null" {
		t.Errorf("the session is %s after a logout offline, want null", s.Kind)
	}
	if a.count(logoutPath) != 0 || i.grants(t)[0] != "active" {
		t.Error("the issuer knows of the logout, so the page was not offline")
	}
	before = a.count(refreshPath)
	next := open(t, b, a) // this tab is online
	await(t, "the logout is sent", func() bool { return i.grants(t)[0] == "revoked" })
	if s := next.session(t); s.Kind != "null" {
		t.Errorf("the session of the next page is %s, want null", s.Kind)
	}
	if n := a.count(refreshPath) - before; n != 0 {
		t.Errorf("the next page sent %d refreshes for a login that has ended", n)
	}

	// A hidden page sends the logout too.
	next.login(t)
	next.setOffline(t, true)
	next.Eval(t, `signet.logout()`, nil)
	next.setHidden(t, true)
	next.setOffline(t, false)
	await(t, "the second logout is sent", func() bool { return i.grants(t)[0] == "revoked" })
}

// A hidden page does not renew its token, so that it keeps no login alive. When
// it is visible again, it does.
func TestHiddenPage_DoesNotRenew(t *testing.T) {
	setParallel(t)
	a, _ := newApp(t, "refresh", 2*time.Second)
	p := open(t, Start(t, t.TempDir()), a)
	p.setHidden(t, true)
	before := a.count(refreshPath)
	p.login(t)
	<-time.After(3 * time.Second) // the token has expired
	if n := a.count(refreshPath) - before; n != 0 {
		t.Errorf("a hidden page has renewed its token %d times, want 0", n)
	}
	p.setHidden(t, false)
	await(t, "the page renews its token", func() bool { return a.count(refreshPath) > before })
}

// setHidden makes the page believe that it is hidden, or visible.
func (p shopPage) setHidden(t *testing.T, hidden bool) {
	t.Helper()
	state := map[bool]string{true: "hidden", false: "visible"}[hidden]
	p.Eval(t, `Object.defineProperty(document, "visibilityState", { value: `+quote(state)+`, configurable: true });
		document.dispatchEvent(new Event("visibilitychange"))`, nil)
}

// setOffline disconnects the page from the network, or connects it again.
func (p shopPage) setOffline(t *testing.T, offline bool) {
	t.Helper()
	all := &network.Conditions{DownloadThroughput: -1, UploadThroughput: -1} // without a limit
	p.Run(t, network.Enable(), network.OverrideNetworkState(offline, 0, -1, -1),
		chromedp.ActionFunc(func(ctx context.Context) error {
			_, err := network.EmulateNetworkConditionsByRule(offline, []*network.Conditions{all}).Do(ctx)
			return err
		}))
}
