package chromium

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// Statement 2 of docs/browser.md: an answer is lost before or after its
// headers, and the request is sent again after 12 s. The user stays logged in,
// and it does not count as reuse.
func TestLostAnswer_RepeatedAfter12Seconds(t *testing.T) {
	if !isLong() {
		t.Skip("it waits for 12 s: SIGNET_TEST_LONG=1 runs it")
	}
	t.Parallel()
	for name, lost := range map[string]fault{
		"before the headers": lostBeforeHeaders, "after the headers": lostAfterHeaders,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, i := newApp(t, "refresh", 10*time.Second)
			p := open(t, Start(t, t.TempDir()), a)
			p.login(t)
			first, before := p.token(t), a.count(refreshPath)

			a.setFaults(refreshPath, lost)
			await(t, "the answer is lost", func() bool { return a.count(refreshPath) > before })
			a.setDown(true)
			<-time.After(12 * time.Second)
			if s := p.session(t); s.Kind != "object" {
				t.Errorf("the session is %s while the issuer is away", s.Kind)
			}
			a.setDown(false)

			await(t, "the page has another token", func() bool {
				token := p.token(t)
				return token != first && len(token) > 100
			})
			if n := i.events("refresh.reused"); n != 0 {
				t.Errorf("%d refresh tokens were reused", n)
			}
		})
	}
}

// Statement 3 of docs/browser.md: a refresh hangs while the page is reloaded
// twice, and reaches the issuer later. The user stays logged in.
func TestHungRequest_TwoReloads(t *testing.T) {
	setParallel(t)
	a, i := newApp(t, "refresh", 10*time.Minute)
	p := open(t, Start(t, t.TempDir()), a)
	p.login(t)
	a.setFaults(refreshPath, held)
	before := a.count(refreshPath)
	p.Run(t, chromedp.Navigate(a.origin+"/"))
	await(t, "the request hangs", func() bool { return a.count(refreshPath) == before+1 })
	for range 2 {
		p.Run(t, chromedp.Reload())
		p.awaitScript(t)
	}
	a.releaseHeld()
	await(t, "the issuer has answered the request that hung", func() bool { return a.answered() == 1 })

	p.Run(t, chromedp.Reload())
	p.awaitScript(t)
	if s := p.session(t); s.Kind != "object" {
		t.Errorf("the session is %s, want an object", s.Kind)
	}
	if n := i.events("refresh.reused"); n != 0 {
		t.Errorf("%d refresh tokens were reused", n)
	}
}

// A refresh hangs while the user logs in again. Its answer would delete the
// cookie of the new login, so the browser cancels it in all tabs.
func TestHungRequest_Login(t *testing.T) {
	setParallel(t)
	for _, tab := range []string{"the same tab", "another tab"} {
		a, _ := newApp(t, "refresh", 10*time.Minute)
		b := Start(t, t.TempDir())
		p := open(t, b, a)
		p.login(t)
		hanging := p
		if tab == "another tab" {
			hanging = open(t, b, a)
		}
		a.setFaults(refreshPath, late)
		before := a.count(refreshPath)
		hanging.Run(t, chromedp.Reload())
		await(t, "the request hangs", func() bool { return a.count(refreshPath) == before+1 })
		p.login(t)
		await(t, "the request is cancelled in "+tab, func() bool {
			a.mu.Lock()
			defer a.mu.Unlock()
			return a.cancelled == 1
		})

		p.Run(t, chromedp.Reload())
		p.awaitScript(t)
		if s := p.session(t); s.Kind != "object" {
			t.Errorf("%s: the session is %s, want an object", tab, s.Kind)
		}
	}
}

// Statement 4 of docs/browser.md: the page is reloaded 60 times, every 400 ms.
// The user stays logged in, and the refresh token is rotated at most 5 times.
func TestReloads_RotateEveryTenSeconds(t *testing.T) {
	if !isLong() {
		t.Skip("it takes 24 s: SIGNET_TEST_LONG=1 runs it")
	}
	t.Parallel()
	const reloads, most = 60, 5.0
	a, i := newApp(t, "refresh", 10*time.Minute)
	p := open(t, Start(t, t.TempDir()), a)
	p.login(t)
	tick := time.NewTicker(400 * time.Millisecond)
	defer tick.Stop()
	for range reloads {
		<-tick.C
		_ = p.TryEval(`location.reload()`, nil) // the page may be gone before it answers
	}
	p.awaitScript(t)
	if s := p.session(t); s.Kind != "object" {
		t.Errorf("the session is %s, want an object", s.Kind)
	}
	rotations := i.metric(t, `signet_refreshes_total{outcome="rotated"}`)
	t.Logf("%d reloads: %d refreshes, %.0f rotations", reloads, a.count(refreshPath), rotations)
	if rotations < 1 || rotations > most {
		t.Errorf("%.0f rotations, want 1 to %.0f", rotations, most)
	}
	if n := i.events("refresh.reused"); n != 0 {
		t.Errorf("%d refresh tokens were reused", n)
	}
}
