package grant_test

import (
	"bytes"
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/issuertest"
	"github.com/signetd/signet/internal/sqlite"
)

// An observedStore records the calls of a worker.
type observedStore struct {
	mu    sync.Mutex
	store grant.EndingStore
	calls []endingCall
}

// An endingCall is a call of ApplyEndings.
type endingCall struct {
	at      time.Time
	applied grant.AppliedEndings
	err     error
}

// ApplyEndings calls the store.
func (s *observedStore) ApplyEndings(
	ctx context.Context, limit int, delay time.Duration,
) (grant.AppliedEndings, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	call := endingCall{at: time.Now()}
	call.applied, call.err = s.store.ApplyEndings(ctx, limit, delay)
	s.calls = append(s.calls, call)
	return call.applied, call.err
}

// use replaces the store.
func (s *observedStore) use(store grant.EndingStore) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.store = store
}

// reset returns the calls since the last reset.
func (s *observedStore) reset() []endingCall {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := s.calls
	s.calls = nil
	return calls
}

// runWorker runs a worker until the test ends. It returns its store and its
// log, which the test may read after synctest.Wait.
func runWorker(t *testing.T, store grant.EndingStore) (*observedStore, *bytes.Buffer) {
	t.Helper()
	s, log := &observedStore{store: store}, &bytes.Buffer{}
	w := grant.EndingWorker{Store: s, Log: slog.New(slog.NewTextHandler(log, nil))}
	ctx, cancel := context.WithCancel(t.Context())
	var done sync.WaitGroup
	done.Go(func() { w.Run(ctx) })
	t.Cleanup(func() { cancel(); done.Wait() })
	return s, log
}

// revokeSomebody revokes all grants of the subject of createGrants.
func revokeSomebody(t *testing.T, f *issuertest.Gateway) {
	t.Helper()
	_, err := f.Store.RevokeGrants(t.Context(), grant.Ending{
		Subject: "somebody", Reason: audit.RevokedByAdmin, Actor: "operator:ada",
	})
	must(t, err)
}

// The worker writes an ending into the grants in batches, with a pause after
// each, in which the store is free for others.
func TestEndingWorker_RevokesInBatchesWithPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		const many, batch = 1100, 500
		createGrants(t, f, 1, many, time.Hour)
		revokeSomebody(t, f)
		s, _ := runWorker(t, f.Store)
		time.Sleep(10 * time.Second)
		synctest.Wait()

		var revoked, batches int
		var last time.Time
		for _, c := range s.reset() {
			must(t, c.err)
			if c.applied.Continued == 0 {
				continue
			}
			if c.applied.Examined > batch {
				t.Errorf("a batch examined %d grants", c.applied.Examined)
			}
			if pause := c.at.Sub(last); batches > 0 && (pause < 10*time.Millisecond || pause > 500*time.Millisecond) {
				t.Errorf("a pause of %v between two batches", pause)
			}
			revoked, batches, last = revoked+c.applied.Revoked, batches+1, c.at
		}
		if revoked != many || batches != many/batch+1 {
			t.Errorf("%d grants were revoked in %d batches, want %d in %d", revoked, batches, many, many/batch+1)
		}
	})
}

// The worker looks for endings every second. It deletes an ending when no
// request can be in progress any more that began before it.
func TestEndingWorker_DeletesTheEndingAfterTheLongestRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		s, _ := runWorker(t, f.Store)
		time.Sleep(time.Minute)
		synctest.Wait()
		if calls := len(s.reset()); calls < 59 || calls > 61 {
			t.Errorf("%d calls in a minute without endings", calls)
		}

		createGrants(t, f, 1, 3, time.Hour)
		revokeSomebody(t, f)
		for _, step := range []struct {
			after         time.Duration
			revoked, done int
		}{{2 * time.Second, 3, 0}, {85 * time.Second, 0, 0}, {5 * time.Second, 0, 1}, {time.Hour, 0, 0}} {
			time.Sleep(step.after)
			synctest.Wait()
			var revoked, done int
			for _, c := range s.reset() {
				must(t, c.err)
				revoked, done = revoked+c.applied.Revoked, done+c.applied.Done
			}
			if revoked != step.revoked || done != step.done {
				t.Errorf("within another %v: %d grants revoked and %d endings deleted, want %d and %d",
					step.after, revoked, done, step.revoked, step.done)
			}
		}
	})
}

// The worker continues while the store fails. It logs the first failure and the
// recovery.
func TestEndingWorker_ContinuesAfterAFailureOfTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		closed, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "closed.db"), sqlite.Options{})
		must(t, err)
		must(t, closed.Close())
		s, log := runWorker(t, closed)
		for range 2 {
			s.use(closed)
			time.Sleep(10 * time.Second)
			synctest.Wait()
			if calls := len(s.reset()); calls < 9 || calls > 11 {
				t.Errorf("%d calls in 10 s while the store fails", calls)
			}
			s.use(f.Store)
			time.Sleep(2 * time.Second)
			synctest.Wait()
			s.reset()
		}
		for text, want := range map[string]int{
			"cannot apply pending endings; trying again": 2, "pending endings are applied again": 2,
		} {
			if n := strings.Count(log.String(), text); n != want {
				t.Errorf("%q is %d times in the log, want %d:\n%s", text, n, want, log)
			}
		}
	})
}
