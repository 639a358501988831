package grant_test

import (
	"context"
	"encoding/binary"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/issuertest"
	"github.com/signetd/signet/internal/oauth"
)

// runSweeper runs a sweeper until the test ends, once an hour.
func runSweeper(t *testing.T, f *issuertest.Gateway, now func() time.Time) *grant.Sweeper {
	t.Helper()
	return runSweeperEvery(t, time.Hour, f, now)
}

// runSweeperEvery is runSweeper with another interval.
func runSweeperEvery(
	t *testing.T, interval time.Duration, f *issuertest.Gateway, now func() time.Time,
) *grant.Sweeper {
	t.Helper()
	s := grant.NewSweeper(grant.SweeperOptions{
		Store: f.Store, Now: now, Interval: interval, Log: slog.New(slog.DiscardHandler),
	})
	ctx, cancel := context.WithCancel(t.Context())
	var done sync.WaitGroup
	done.Go(func() { s.Run(ctx) })
	t.Cleanup(func() { cancel(); done.Wait() })
	return s
}

// createGrants creates n grants with that idle lifetime, and twice that
// absolute lifetime. Their ids begin with the numbers from first.
func createGrants(t *testing.T, f *issuertest.Gateway, first, n uint32, lifetime time.Duration) {
	t.Helper()
	now := time.Now().UTC().Truncate(time.Microsecond)
	var created sync.WaitGroup
	errs := make(chan error, n)
	for i := range n { // concurrently, so that they share transactions
		created.Go(func() {
			g := grant.Grant{
				UserID: "somebody", ClientID: "gateway", RotatedAt: now, IdleLifetime: lifetime,
				ExpiresAt: now.Add(2 * lifetime), CreatedAt: now,
			}
			binary.BigEndian.PutUint32(g.ID[:], first+i)
			_, err := f.Store.MintGrant(t.Context(), g)
			errs <- err
		})
	}
	created.Wait()
	for range n {
		must(t, <-errs)
	}
}

func wantSwept(t *testing.T, s *grant.Sweeper, live, ended, deleted uint64) {
	t.Helper()
	synctest.Wait()
	got := s.Stats()
	if got.Live != live || got.Ended != ended || got.Grants != deleted || got.Passes == 0 || got.Failures > 0 {
		t.Errorf("%+v; want %d live, %d ended, %d deleted", got, live, ended, deleted)
	}
}

// The sweeper deletes grants a week after they ended, in several batches. The
// first sweep after the start only counts. It sweeps once a day, because
// hundreds of sweeps of many grants take long.
func TestSweeper_DeletesGrantsAWeekAfterTheyEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		const many = 1100 // more than a batch
		createGrants(t, f, 1, many, 30*time.Minute)
		createGrants(t, f, many+1, 1, 30*24*time.Hour)
		s := runSweeperEvery(t, 24*time.Hour, f, time.Now)
		time.Sleep(2 * time.Minute)
		wantSwept(t, s, many+1, 0, 0)
		time.Sleep(7*24*time.Hour + 20*time.Minute)
		wantSwept(t, s, 1, many, 0)

		createGrants(t, f, many+2, 3, time.Minute)
		time.Sleep(27 * time.Hour)
		wantSwept(t, s, 1, 3, many)

		time.Sleep(8 * 24 * time.Hour)
		wantSwept(t, s, 1, 0, many+3)
	})
}

// The sweeper deletes a counter of login attempts when it has drained.
func TestSweeper_DeletesDrainedCounters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		s := runSweeper(t, f, time.Now)
		wantFailedLogins(t, f, 1, username, "wrong_password")
		wantFailedLogins(t, f, 2, "nobody", "unknown_user")
		for _, step := range []struct {
			after time.Duration
			swept uint64
		}{{2 * time.Hour, 0}, {9 * time.Hour, 1}, {9 * time.Hour, 2}} {
			time.Sleep(step.after)
			synctest.Wait()
			if got := s.Stats(); got.Attempts != step.swept || got.Failures > 0 {
				t.Errorf("%+v after another %v, want %d counters deleted", got, step.after, step.swept)
			}
		}
	})
}

// wantFailedLogins attempts n logins with a wrong password and checks the
// reason of each refusal.
func wantFailedLogins(t *testing.T, f *issuertest.Gateway, n int, username, reason string) {
	t.Helper()
	for range n {
		_, err := f.Login(t.Context(), f.Caller, issuertest.LoginRequest{Username: username, Password: "wrong"})
		wantCode(t, err, oauth.InvalidGrant)
		last := f.Events.Last()
		if last.Name != audit.LoginFailed || !last.Failed || last.Reason != reason {
			t.Fatalf("the last event is %+v, want the reason %s", last, reason)
		}
	}
}

// Rule 74: a server that starts on a machine whose clock is a year ahead
// deletes no grant within the first hour. If the clock is corrected by then, it
// deletes none at all. A server with a correct clock deletes none either.
func TestRule74_NoMassExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		createGrants(t, f, 1, 5, time.Hour)
		var clock issuertest.Clock
		clock.Set(365 * 24 * time.Hour)
		ahead, correct := runSweeper(t, f, clock.Now), runSweeper(t, f, time.Now)
		time.Sleep(50 * time.Minute)
		wantSwept(t, ahead, 0, 5, 0)
		clock.Set(0)
		time.Sleep(3 * 24 * time.Hour)
		wantSwept(t, ahead, 0, 5, 0)
		wantSwept(t, correct, 0, 5, 0)
		if _, err := f.Store.Grant(t.Context(), oauth.GrantID{0, 0, 0, 1}); err != nil {
			t.Error(err)
		}
	})
}

// The sweeper counts a failure of the store and begins the next sweep at its
// usual time.
func TestSweeper_ContinuesAfterAFailureOfTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		s := runSweeper(t, f, time.Now)
		must(t, f.Store.Close())
		time.Sleep(3 * time.Hour)
		synctest.Wait()
		if got := s.Stats(); got.Failures < 2 || got.Passes != 0 {
			t.Errorf("%+v", got)
		}
	})
}
