package issuer_test

import (
	"context"
	"encoding/binary"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/oauth"
)

// keepSweeping runs a sweeper until the test ends.
func (h *house) keepSweeping(t *testing.T, now func() time.Time) *issuer.Sweeper {
	s := issuer.NewSweeper(issuer.SweeperOptions{Store: h.store, Now: now, Every: time.Hour, Log: slog.New(slog.DiscardHandler)})
	ctx, cancel := context.WithCancel(t.Context())
	var done sync.WaitGroup
	done.Go(func() { s.Run(ctx) })
	t.Cleanup(func() { cancel(); done.Wait() })
	return s
}

// mint puts n grants into the store that live so long.
func (h *house) mint(t *testing.T, first, n uint32, lifetime time.Duration) {
	t.Helper()
	now := time.Now().UTC().Truncate(time.Microsecond)
	var minted sync.WaitGroup
	errs := make(chan error, n)
	for i := range n { // at once, so that they share commits
		minted.Go(func() {
			g := grant.Grant{
				UserID: "somebody", ClientID: "gateway", RotatedAt: now, IdleLifetime: lifetime, ExpiresAt: now.Add(2 * lifetime), CreatedAt: now,
			}
			binary.BigEndian.PutUint32(g.ID[:], first+i)
			errs <- h.store.MintGrant(t.Context(), g)
		})
	}
	minted.Wait()
	for range n {
		must(t, <-errs)
	}
}

func wantSwept(t *testing.T, s *issuer.Sweeper, live, ended, removed uint64) {
	t.Helper()
	synctest.Wait()
	got := s.Stats()
	if got.Live != live || got.Ended != ended || got.Grants != removed || got.Passes == 0 || got.Failures > 0 {
		t.Errorf("%+v; want %d live, %d ended, %d removed", got, live, ended, removed)
	}
}

// TestSweeperRemovesWhatIsLongOver: more than one slice of grants goes a week after they ended, and no sooner. The first walk
// after a start only counts.
func TestSweeperRemovesWhatIsLongOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		const many = 1100
		h.mint(t, 1, many, 30*time.Minute)
		h.mint(t, many+1, 1, 30*24*time.Hour)
		early := h.keepSweeping(t, time.Now)
		time.Sleep(2 * time.Minute)
		wantSwept(t, early, many+1, 0, 0)
		time.Sleep(7*24*time.Hour + 20*time.Minute)
		wantSwept(t, early, 1, many, 0)

		h.mint(t, many+2, 3, time.Minute)
		time.Sleep(2 * time.Hour)
		wantSwept(t, early, 1, 3, many)

		time.Sleep(8 * 24 * time.Hour)
		wantSwept(t, early, 1, 0, many+3)
	})
}

// TestSweeperRemovesDrainedCounters: a guess is forgotten when it has leaked away.
func TestSweeperRemovesDrainedCounters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		s := h.keepSweeping(t, time.Now)
		h.wantTries(t, 1, h.caller, wrong, "wrong_password")
		h.wantTries(t, 2, h.caller, issuer.LoginRequest{Username: "nobody"}, "unknown_user")
		for _, step := range []struct {
			after time.Duration
			swept uint64
		}{{2 * time.Hour, 0}, {9 * time.Hour, 1}, {9 * time.Hour, 2}} {
			time.Sleep(step.after)
			synctest.Wait()
			if got := s.Stats(); got.Guesses != step.swept || got.Failures > 0 {
				t.Errorf("%+v after another %v, want %d counters gone", got, step.after, step.swept)
			}
		}
	})
}

// TestRule74_NoMassExpiry: a server that starts on a machine whose clock is a year ahead deletes no grant before the clock has
// stayed so for an hour, and whoever is still right, deletes none at all.
func TestRule74_NoMassExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.mint(t, 1, 5, time.Hour)
		var ahead atomic.Int64
		ahead.Store(int64(365 * 24 * time.Hour))
		wrong := h.keepSweeping(t, func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) })
		right := h.keepSweeping(t, time.Now)
		time.Sleep(50 * time.Minute)
		wantSwept(t, wrong, 0, 5, 0)
		ahead.Store(0)
		time.Sleep(3 * 24 * time.Hour)
		wantSwept(t, wrong, 0, 5, 0)
		wantSwept(t, right, 0, 5, 0)
		if _, err := h.store.Grant(t.Context(), oauth.GrantID{0, 0, 0, 1}); err != nil {
			t.Error(err)
		}
	})
}

// TestSweeperBearsAStoreThatFails counts the failure and goes on.
func TestSweeperBearsAStoreThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		s := h.keepSweeping(t, time.Now)
		h.store.Close()
		time.Sleep(3 * time.Hour)
		synctest.Wait()
		if got := s.Stats(); got.Failures < 2 || got.Passes != 0 {
			t.Errorf("%+v", got)
		}
	})
}
