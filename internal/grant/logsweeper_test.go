package grant_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/revocation"
	"github.com/signetd/signet/internal/sqlite"
)

// keepInTests is how long the entries of these tests are kept.
const keepInTests = time.Hour

// openLog opens an empty store.
func openLog(t *testing.T) *sqlite.Store {
	t.Helper()
	path := filepath.Join(t.TempDir(), "signet.db")
	s, err := sqlite.Open(t.Context(), path, sqlite.Options{RevocationKeep: keepInTests})
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	must(t, s.Migrate(t.Context()))
	return s
}

// A textLog is the log of a sweeper, which a test may read meanwhile.
type textLog struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *textLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *textLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// sweepLog runs a sweeper until the test ends. It returns the sweeper's log.
func sweepLog(t *testing.T, s grant.LogSweepStore) *textLog {
	t.Helper()
	log := &textLog{}
	ctx, cancel := context.WithCancel(t.Context())
	var done sync.WaitGroup
	done.Go(func() { grant.LogSweeper{Store: s, Log: slog.New(slog.NewTextHandler(log, nil))}.Run(ctx) })
	t.Cleanup(func() { cancel(); done.Wait() })
	return log
}

// entriesOf returns the numbers of the entries in the log.
func entriesOf(t *testing.T, s grant.LogStore) (numbers []int64) {
	t.Helper()
	page, err := s.Revocations(t.Context(), 0, 10_000)
	must(t, err)
	for _, e := range page.Entries {
		numbers = append(numbers, e.Seq)
	}
	return numbers
}

// addMany writes n entries about a subject.
func addMany(t *testing.T, s grant.LogStore, n int) {
	t.Helper()
	entries := make([]grant.Revocation, n)
	for i := range entries {
		entries[i] = grant.Revocation{Kind: revocation.Subject, Hash: revocation.Subject.Hash("somebody")}
	}
	_, err := s.AddRevocations(t.Context(), entries)
	must(t, err)
}

// No entry is deleted before it has expired, and all others are within two
// minutes.
func TestLogSweeper_DeletesExpiredEntries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openLog(t)
		sweepLog(t, s)
		const many = 2500 // more than a batch
		addMany(t, s, many)
		time.Sleep(time.Minute)
		addMany(t, s, 1)
		time.Sleep(keepInTests - time.Minute - time.Second)
		synctest.Wait()
		if n := len(entriesOf(t, s)); n != many+1 {
			t.Errorf("%d entries before they expire, want %d", n, many+1)
		}

		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if left := entriesOf(t, s); len(left) != 1 || left[0] != many+1 {
			t.Errorf("%d entries two minutes later, want the newest one", len(left))
		}
		time.Sleep(keepInTests)
		synctest.Wait()
		addMany(t, s, 1)
		if left := entriesOf(t, s); len(left) != 2 || left[1] != many+2 {
			t.Errorf("the entries %v after all have expired, want that the numbers go on", left)
		}
	})
}

// The clock of a machine that has just started may be wrong.
func TestLogSweeper_FirstSweepDeletesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openLog(t)
		addMany(t, s, 3)
		s.UseClock(func() time.Time { return time.Now().Add(24 * time.Hour) })
		sweepLog(t, s)
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if left := entriesOf(t, s); len(left) != 3 {
			t.Errorf("%d entries after the first sweep, want 3", len(left))
		}
	})
}

// A verifier is in the list for ten minutes after its last poll.
func TestLogSweeper_DeletesVerifiers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openLog(t)
		sweepLog(t, s)
		must(t, s.ReportVerifiers(t.Context(), []grant.Verifier{{Name: "orders", Server: "a", SeenAt: time.Now()}}))
		for _, c := range []struct {
			pause time.Duration
			want  int
		}{{9*time.Minute + 55*time.Second, 1}, {90 * time.Second, 0}} {
			time.Sleep(c.pause)
			synctest.Wait()
			verifiers, err := s.Verifiers(t.Context(), "", "", 10)
			must(t, err)
			if len(verifiers) != c.want {
				t.Errorf("%d verifiers, want %d", len(verifiers), c.want)
			}
		}
	})
}

// failingStore fails until it is repaired.
type failingStore struct {
	grant.LogSweepStore
	broken *atomic.Bool
}

var errBroken = errors.New("the store is broken")

func (s failingStore) SweepRevocations(ctx context.Context, limit int) (int, error) {
	if s.broken.Load() {
		return 0, errBroken
	}
	return s.LogSweepStore.SweepRevocations(ctx, limit)
}

func TestLogSweeper_ContinuesAfterAFailureOfTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var broken atomic.Bool
		broken.Store(true)
		log := sweepLog(t, failingStore{openLog(t), &broken})
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if n := strings.Count(log.String(), "cannot sweep the revocation log"); n != 1 {
			t.Errorf("%d warnings, want one:\n%s", n, log)
		}
		broken.Store(false)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if !strings.Contains(log.String(), "the revocation log is swept again") {
			t.Errorf("no message after the repair:\n%s", log)
		}
	})
}
