package chromium

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/storage"
	"github.com/chromedp/chromedp"
)

// cookieName is the name of the cookie at a loopback origin.
const cookieName = "signet-" + clientID

// Statement 6 of docs/browser.md: a thief has the cookie, and uses it before or
// after its owner. The grant is revoked, and the audit log has the event.
func TestCookieThief(t *testing.T) {
	setParallel(t)
	for name, first := range map[string]bool{"before the owner": true, "after the owner": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, i := newApp(t, "refresh", 10*time.Minute)
			p := open(t, Start(t, t.TempDir()), a)
			p.login(t)
			p.Run(t, chromedp.Reload()) // the first rotation
			p.awaitScript(t)
			thief := &thief{app: a, cookie: p.cookie(t), key: "the key of the thief"}

			if first {
				if status := thief.refresh(t); status != http.StatusOK {
					t.Fatalf("the thief gets status %d, want 200: the test shows nothing", status)
				}
			}
			// The owner renews. Within ten seconds after the last rotation, the
			// same browser would only get the current token again.
			await(t, "the owner rotates, or finds the theft", func() bool {
				p.Run(t, chromedp.Reload())
				p.awaitScript(t)
				return p.session(t).Kind == "null" || p.cookie(t) != thief.cookie
			})
			if !first {
				if status := thief.refresh(t); status != http.StatusUnauthorized {
					t.Errorf("the thief gets status %d, want 401", status)
				}
				p.Run(t, chromedp.Reload())
				p.awaitScript(t)
			}

			if s := p.session(t); s.Kind != "null" {
				t.Errorf("the session of the owner is %s, want null", s.Kind)
			}
			checkTheft(t, i)
			if status := thief.refresh(t); status != http.StatusUnauthorized {
				t.Errorf("the thief gets status %d afterwards, want 401", status)
			}
		})
	}
}

// Statement 7 of docs/browser.md: a thief has a copy of the browser's profile,
// so the cookie and the key, and is two rotations ahead. The grant is revoked.
func TestProfileThief_TwoRotationsAhead(t *testing.T) {
	if !isLong() {
		t.Skip("it waits for 10 s: SIGNET_TEST_LONG=1 runs it")
	}
	t.Parallel()
	a, i := newApp(t, "refresh", 10*time.Minute)
	p := open(t, Start(t, t.TempDir()), a)
	p.login(t)
	thief := &thief{app: a, cookie: p.cookie(t)}
	p.Eval(t, `localStorage.getItem("signet.key")`, &thief.key)

	stolen := thief.cookie
	for range 2 {
		last := thief.cookie
		await(t, "the thief gets another token", func() bool {
			if status := thief.refresh(t); status != http.StatusOK {
				t.Fatalf("the thief gets status %d, want 200: the test shows nothing", status)
			}
			return thief.cookie != last
		})
	}
	if now := p.cookie(t); now != stolen {
		t.Fatal("the owner has renewed too early")
	}
	p.Run(t, chromedp.Reload())
	p.awaitScript(t)
	if s := p.session(t); s.Kind != "null" {
		t.Errorf("the session of the owner is %s, want null", s.Kind)
	}
	checkTheft(t, i)
	if status := thief.refresh(t); status != http.StatusUnauthorized {
		t.Errorf("the thief gets status %d afterwards, want 401", status)
	}
}

// checkTheft checks that the grant was revoked, and the audit event.
func checkTheft(t *testing.T, i *issuer) {
	t.Helper()
	if states := i.grants(t); len(states) != 1 || states[0] != "revoked" {
		t.Errorf("the grants are %v, want one that is revoked", states)
	}
	if n := i.events("refresh.reused"); n != 1 {
		t.Errorf("the audit log has %d events refresh.reused, want 1", n)
	}
}

// A thief sends requests with a cookie of the browser.
type thief struct {
	app         *app
	cookie, key string
}

// refresh renews the login, holds the new cookie, and returns the status.
func (f *thief) refresh(t *testing.T) int {
	t.Helper()
	body := strings.NewReader("{}")
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.app.origin+refreshPath, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Origin", f.app.origin)
	r.Header.Set("Idempotency-Key", f.key)
	r.AddCookie(&http.Cookie{Name: cookieName, Value: f.cookie})
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	for _, c := range response.Cookies() {
		if c.Name == cookieName && c.Value != "" {
			f.cookie = c.Value
		}
	}
	return response.StatusCode
}

// cookie returns the value of the login's cookie, which no script can read.
func (p shopPage) cookie(t *testing.T) string { return p.cookieNamed(t, cookieName) }

// cookieNamed returns the value of a cookie, or an empty string.
func (p shopPage) cookieNamed(t *testing.T, name string) (value string) {
	t.Helper()
	for _, c := range p.cookies(t) {
		if c.Name == name {
			value = c.Value
		}
	}
	return value
}

// cookies returns all cookies of the browser.
func (p shopPage) cookies(t *testing.T) (all []*network.Cookie) {
	t.Helper()
	p.Run(t, chromedp.ActionFunc(func(ctx context.Context) (err error) {
		all, err = storage.GetCookies().Do(ctx)
		return err
	}))
	return all
}
