package browser_test

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetd/signet/internal/browser"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/issuertest"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/token"
)

// 1,000 invented cookies reach neither the grants in the store nor the held
// sessions.
func TestCheck_InventedCookies(t *testing.T) {
	f := newCheckFixture(t)
	current, _, err := f.Keys.CurrentMAC()
	must(t, err)
	for i := range 1000 {
		invented := token.Session{KeyID: current, Handle: token.NewHandle()}
		if i < 3 { // each one waits for a read of the key ring
			invented.KeyID = "0123456789abcdef"
		}
		text, err := invented.Encode([]byte("not the secret of the server, but long enough"))
		must(t, err)
		want(t, f.check(t, browserSession{cookie: text}), http.StatusUnauthorized)
	}
	if reads, held := f.store.reads.Load(), f.Checker.Held(); reads != 0 || held != 0 {
		t.Errorf("%d reads of grants, %d held sessions", reads, held)
	}
}

// The server holds a bounded number of sessions. The one that was used least
// recently goes first.
func TestCheck_BoundOfHeldSessions(t *testing.T) {
	f := newCheckFixture(t)
	browser.SetMaxSessions(f.Checker, 3)
	all := make([]browserSession, 4)
	for i := range all {
		all[i] = f.open(t)
	}
	reads := func(s browserSession) int64 {
		before := f.store.reads.Load()
		f.mustPass(t, s)
		return f.store.reads.Load() - before
	}
	for _, i := range []int{0, 1, 2, 0, 3} { // 3 displaces 1
		reads(all[i])
	}
	if n := f.Checker.Held(); n != 3 {
		t.Errorf("%d sessions are held", n)
	}
	for _, c := range []struct {
		session int
		want    int64
	}{{0, 0}, {2, 0}, {3, 0}, {1, 1}, {0, 1}, {3, 0}, {1, 0}} {
		if n := reads(all[c.session]); n != c.want {
			t.Errorf("session %d: %d reads, want %d", c.session, n, c.want)
		}
	}
	for _, s := range all {
		f.Checker.Ended(revoked(s.id))
	}
	if n := f.Checker.Held(); n != 0 {
		t.Errorf("%d sessions are held after their ends", n)
	}
}

// Concurrent checks of one session share a read and a signature, also if the
// request that has begun them is cancelled.
func TestCheck_ConcurrentChecksOfOneSession(t *testing.T) {
	f := newCheckFixture(t)
	s, begun, proceed := f.open(t), make(chan struct{}), make(chan struct{})
	f.store.reading = func(context.Context) { close(begun); <-proceed }
	ctx, cancel := context.WithCancel(t.Context())
	var first sync.WaitGroup
	first.Go(func() { want(t, f.Checker.Check(ctx, s.request()), http.StatusServiceUnavailable) })
	<-begun
	cancel()
	first.Wait()

	var all sync.WaitGroup
	tokens := make(chan string, 100)
	for range cap(tokens) {
		all.Go(func() {
			v := f.check(t, s)
			want(t, v, http.StatusOK)
			tokens <- v.Authorization
		})
	}
	close(proceed)
	all.Wait()
	one := <-tokens
	for range cap(tokens) - 1 {
		if next := <-tokens; next != one {
			t.Fatal("checks got different tokens")
		}
	}
	if reads, signed := f.store.reads.Load(), f.signed.Load(); reads != 1 || signed != 1 {
		t.Errorf("%d reads, %d signatures", reads, signed)
	}
}

// Concurrent checks, revocations and evictions are safe.
func TestCheck_ConcurrentEnds(t *testing.T) {
	f := newCheckFixture(t)
	browser.SetMaxSessions(f.Checker, 2)
	all := []browserSession{f.open(t), f.open(t, api, stock), f.open(t)}
	gateway := f.Caller(t, "gateway")
	gateway.Admin = true
	var running sync.WaitGroup
	for i, s := range all {
		for range 4 {
			running.Go(func() {
				for range 50 {
					f.check(t, s)
				}
			})
		}
		if i > 0 {
			running.Go(func() {
				must(t, f.Grants.Revoke(context.Background(), gateway, s.id.String()))
				want(t, f.check(t, s), http.StatusUnauthorized)
			})
		}
	}
	running.Wait()
	f.mustPass(t, all[0])
	want(t, f.check(t, all[1]), http.StatusUnauthorized)
}

// A token is reused for nine tenths of its lifetime.
func TestCheck_ReusesATokenForNineTenthsOfItsLifetime(t *testing.T) {
	inCheckBubble(t, func(t *testing.T, f *checkFixture) {
		s := f.open(t)
		first := f.mustPass(t, s)
		f.Sleep(t, 9*time.Minute-2*time.Second) // of 10 min
		if f.mustPass(t, s) != first {
			t.Error("another token before nine tenths")
		}
		f.Sleep(t, 3*time.Second)
		next := f.verify(t, f.mustPass(t, s))
		if left := next.ExpiresAt.Sub(f.Registry.Now()); left < 9*time.Minute {
			t.Errorf("the next token is valid for %s", left)
		}
	})
}

// No token outlives its key, or a change of the clients and audiences.
func TestCheck_DropsTokensOfOtherKeysAndVersions(t *testing.T) {
	f := newCheckFixture(t)
	s := f.open(t)
	first := f.verify(t, f.mustPass(t, s))
	f.Compromise(t, first.KeyID)
	must(t, f.Keys.Poll(t.Context()))
	second := f.verify(t, f.mustPass(t, s))
	if second.KeyID == first.KeyID {
		t.Error("a token of a compromised key")
	}

	must(t, f.Admin.UpdateClient(t.Context(), issuertest.Operator, "shop", func(c *client.Client) {
		c.Scope = oauth.NewScope("write")
	}))
	must(t, f.Registry.Poll(t.Context()))
	if third := f.verify(t, f.mustPass(t, s)); len(third.Scope) != 0 {
		t.Errorf("a token with the scope %s", third.Scope)
	}
}

// A check extends the idle lifetime when a tenth of it has passed. The store's
// failure to write that neither delays nor fails it.
func TestCheck_ExtendsTheIdleLifetime(t *testing.T) {
	inCheckBubble(t, func(t *testing.T, f *checkFixture) {
		used, idle := f.open(t), f.open(t)
		for range 20 { // of the idle lifetime of an hour
			f.Sleep(t, 5*time.Minute)
			f.mustPass(t, used)
		}
		synctest.Wait()
		// One every 10 min: a tenth is 6 min.
		if n := f.store.touches.Load(); n != 10 {
			t.Errorf("%d touches in 100 min", n)
		}
		want(t, f.check(t, idle), http.StatusUnauthorized)

		f.store.failTouch.Store(true)
		began := time.Now()
		f.Sleep(t, 10*time.Minute)
		for range 5 {
			f.mustPass(t, used)
		}
		if took := time.Since(began) - 10*time.Minute; took != 0 {
			t.Errorf("the checks took %s", took)
		}
		f.store.failTouch.Store(false)
		f.Sleep(t, 45*time.Minute)
		f.mustPass(t, used)
		f.Sleep(t, 59*time.Minute)
		f.mustPass(t, used)
		f.Sleep(t, time.Hour)
		want(t, f.check(t, used), http.StatusUnauthorized)
	})
}
