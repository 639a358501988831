package main

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// A browser stores cookies. Unlike a real browser, it also sends Secure cookies
// to a gateway without TLS.
type browser struct {
	f       *fixture
	mu      sync.Mutex
	cookies map[string]string
}

func (f *fixture) newBrowser() *browser { return &browser{f: f, cookies: map[string]string{}} }

// send sends a request to the gateway. It returns the status and the body of
// the response, and checks the attributes of all cookies in it.
func (b *browser) send(method, path, body string, header ...string) (int, string) {
	b.f.t.Helper()
	r, err := http.NewRequestWithContext(b.f.t.Context(), method, b.f.gatewayURL+path, strings.NewReader(body))
	b.f.must(err)
	b.mu.Lock()
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	b.mu.Unlock()
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}

	response, err := http.DefaultClient.Do(r)
	if err != nil {
		b.f.t.Error(err)
		return 0, ""
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	b.f.must(err)
	b.storeCookies(response.Cookies())
	return response.StatusCode, string(text)
}

func (b *browser) storeCookies(cookies []*http.Cookie) {
	b.f.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range cookies {
		if !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" ||
			!strings.HasPrefix(c.Name, "__Host-") {
			b.f.t.Errorf("the attributes of the cookie %v are not safe", c)
		}
		if b.cookies[c.Name] = c.Value; c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		}
	}
}

// expect sends a request, checks the status and returns the body.
func (b *browser) expect(status int, method, path, body string, header ...string) (text string) {
	b.f.t.Helper()
	got, text := b.send(method, path, body, header...)
	if got != status {
		b.f.t.Errorf("%s %s: %d %s, want %d", method, path, got, text, status)
	}
	return text
}

// login logs in the demo user.
func (b *browser) login() {
	b.f.t.Helper()
	text, err := json.Marshal(map[string]string{"username": b.f.user, "password": b.f.password})
	b.f.must(err)
	b.expect(http.StatusNoContent, "POST", "/login", string(text))
}

// waitForStatus repeats a request to the API until its status is as wanted. The
// issuer needs up to half a second to apply a change by an operator.
func (b *browser) waitForStatus(want int) {
	b.f.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	last := 0
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); <-tick.C {
		if last, _ = b.send("GET", "/api/x", ""); last == want {
			return
		}
	}
	b.f.t.Errorf("the status is %d, want %d", last, want)
}
