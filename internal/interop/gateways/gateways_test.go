package gateways

import (
	"net/http"
	"os"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
)

// tested returns the gateways to test.
func tested() []gateway {
	if os.Getenv("SIGNET_TEST_LONG") == "" {
		return debian
	}
	return slices.Concat(debian, envoys)
}

// The same requests pass every gateway, or are refused by it. Then the server
// hangs, continues, and ends.
//
// Statement 16 of docs/browser.md: the application gets one Authorization
// header, and never the cookies of the server. Statements 18 and 19: among the
// requests are WebSockets of other origins, and paths and hosts that could
// redirect to another site.
func TestGateways(t *testing.T) {
	if testing.Short() {
		t.Skip("it waits for the time limits of three gateways; the packages browser and web test the answers")
	}
	f := newFixture(t)
	browsers := make(map[string]browser)
	for _, g := range tested() {
		browsers[g.name] = g.start(t, f)
	}
	each := func(name string, test func(*testing.T, gateway, browser)) {
		t.Run(name, func(t *testing.T) {
			for _, g := range tested() {
				t.Run(g.name, func(t *testing.T) {
					t.Parallel()
					test(t, g, browsers[g.name])
				})
			}
		})
	}

	each("requests", func(t *testing.T, _ gateway, b browser) {
		for _, e := range exchanges {
			t.Run(e.name, func(t *testing.T) { f.try(t, b, e) })
		}
	})
	each("login and logout", f.tryLogin)
	t.Run("the listener for gateways", f.tryListener)
	t.Run("the questions of Traefik", f.tryQuestions)
	t.Run("nginx with a cache", f.tryCache)
	t.Run("HAProxy with a script that fails", f.tryBrokenScript)

	f.signal(t, syscall.SIGSTOP)
	each("the server hangs", func(t *testing.T, g gateway, b browser) { f.tryWithoutServer(t, b, g.hung) })
	f.signal(t, syscall.SIGCONT)
	f.awaitReady(t)
	each("the server continues", f.tryLogin)
	f.kill()
	each("the server is down", func(t *testing.T, g gateway, b browser) { f.tryWithoutServer(t, b, g.down) })
}

// tryLogin logs a user in and out through a gateway. The login must be valid in
// between.
func (f *fixture) tryLogin(t *testing.T, _ gateway, b browser) {
	own := page(b.send2)
	bob, err := own.login("bob")
	if err != nil {
		t.Fatal(err)
	}
	orders := func() *response {
		r, err := b.send(0, "GET /orders HTTP/1.1", "Host: "+host, "Cookie: "+bob.cookie)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if r := orders(); r.StatusCode != http.StatusOK || string(r.body) != bob.Subject {
		t.Errorf("after the login: %s %s; want 200 for %s", r.Status, r.body, bob.Subject)
	}
	if r, err := own.post("/session/logout", "{}", bob.cookie); err != nil || r.StatusCode != http.StatusNoContent {
		t.Errorf("logout: %v %v", r, err)
	}
	if r := orders(); r.StatusCode != http.StatusUnauthorized {
		t.Errorf("after the logout: %s; want 401", r.Status)
	}
}

// Statement 17 of docs/browser.md: a gateway lets no request pass while the
// server hangs or is down. It answers soon.
func (f *fixture) tryWithoutServer(t *testing.T, b browser, status int) {
	var group sync.WaitGroup
	defer group.Wait()
	for _, e := range exchanges {
		if !e.passes {
			continue
		}
		group.Go(func() {
			id, begin := strconv.FormatInt(lastCase.Add(1), 10), time.Now()
			r, err := f.send(b, id, e)
			if err != nil {
				t.Errorf("%s: %v", e.name, err)
				return
			}
			if r.StatusCode != status && r.StatusCode != e.orStatus {
				t.Errorf("%s: the status is %s; want %d", e.name, r.Status, status)
			}
			if got := f.application.requests(id); len(got) > 0 {
				t.Errorf("%s: the application got %s %s", e.name, got[0].method, got[0].uri)
			}
			t.Logf("%s: %d after %v", e.name, r.StatusCode, time.Since(begin).Round(time.Millisecond))
		})
	}
}

// signal sends a signal to the server.
func (s *server) signal(t *testing.T, signal syscall.Signal) {
	t.Helper()
	if err := s.process.Signal(signal); err != nil {
		t.Fatal(err)
	}
}
