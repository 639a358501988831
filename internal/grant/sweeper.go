package grant

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/signetd/signet/internal/oauth"
)

const (
	// keepEnded is how long a grant is kept after it has ended. Until then its
	// tokens are rejected without an event. Later the row is missing, which is
	// an event (refresh.missing). It is also how far the clock may be ahead
	// before the sweeper deletes a live grant.
	keepEnded = 7 * 24 * time.Hour
	// batchSize is the maximum number of rows in one batch.
	batchSize = 1000
	// batchPause is the pause between two batches.
	batchPause = 100 * time.Millisecond
	// batchTimeout is the time limit of one batch.
	batchTimeout = 30 * time.Second
	// keepAssertions is how long a used assertion is kept after it has expired.
	keepAssertions = time.Hour
	// maxFirstWait is the maximum time between the start and the first sweep.
	maxFirstWait = time.Minute
)

// SweeperOptions configures a Sweeper. Every field is required.
type SweeperOptions struct {
	Store SweepStore
	// Now is a clock that does not follow a jump of the wall clock, such as
	// keys.Manager.Now.
	Now func() time.Time
	// Interval is how often a sweep over all grants begins.
	Interval time.Duration
	Log      *slog.Logger
}

// A Sweeper examines all grants at an interval, in the background. It counts
// the grants, and deletes those that ended more than a week ago. Then it
// deletes the expired assertions and the drained counters of attempts. Several
// servers may sweep at the same time.
type Sweeper struct {
	o     SweeperOptions
	mu    sync.Mutex
	stats SweepStats
}

// SweepStats are the counts of a Sweeper.
type SweepStats struct {
	// Passes is the number of complete sweeps.
	Passes uint64
	// Failures is the number of sweeps that an error of the store ended.
	Failures uint64
	// Grants, Assertions and Attempts are the numbers of deleted rows. Attempts
	// counts the counters of login attempts.
	Grants, Assertions, Attempts uint64
	// Live and Ended are the numbers of active grants and of other grants that
	// the last complete sweep left in the store.
	Live, Ended uint64
}

// NewSweeper returns a Sweeper. Run starts it.
func NewSweeper(o SweeperOptions) *Sweeper { return &Sweeper{o: o} }

// Stats returns the counts so far. It is safe for concurrent use.
func (s *Sweeper) Stats() SweepStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats
}

func (s *Sweeper) update(change func(*SweepStats)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.stats)
}

// Run sweeps until ctx ends. The intervals are random within bounds, so that
// servers that start together do not sweep at the same time. The first sweep
// only counts: the clock of a machine that has just started may be years ahead
// until it is synchronized.
func (s *Sweeper) Run(ctx context.Context) {
	wait, countOnly := rand.N(min(s.o.Interval, maxFirstWait)), true
	for pause(ctx, wait) {
		switch err := s.sweep(ctx, countOnly); {
		case err == nil:
			countOnly = false
		case ctx.Err() == nil:
			s.update(func(stats *SweepStats) { stats.Failures++ })
			s.o.Log.Warn("a sweep failed; the next one begins at its usual time", "error", err)
		}
		wait = s.o.Interval*9/10 + rand.N(s.o.Interval/5)
	}
}

// pause waits for d. It returns false if ctx ends first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// sweep examines all grants once and deletes the old ones, and then the expired
// assertions and the drained counters. With countOnly it deletes nothing.
func (s *Sweeper) sweep(ctx context.Context, countOnly bool) error {
	if err := s.sweepGrants(ctx, countOnly); err != nil || countOnly {
		return err
	}

	err := s.batches(ctx, func(ctx context.Context, now time.Time) (int, error) {
		n, err := s.o.Store.SweepAssertions(ctx, now.Add(-keepAssertions), batchSize)
		s.update(func(stats *SweepStats) { stats.Assertions += uint64(n) })
		return n, err
	})
	if err != nil {
		return err
	}

	return s.batches(ctx, func(ctx context.Context, now time.Time) (int, error) {
		n, err := s.o.Store.SweepAttempts(ctx, now, batchSize)
		s.update(func(stats *SweepStats) { stats.Attempts += uint64(n) })
		return n, err
	})
}

func (s *Sweeper) sweepGrants(ctx context.Context, countOnly bool) error {
	live, ended, after := 0, 0, oauth.GrantID{}
	err := s.batches(ctx, func(ctx context.Context, now time.Time) (int, error) {
		endedBy := now.Add(-keepEnded)
		if countOnly {
			endedBy = time.Time{}
		}
		b, err := s.o.Store.SweepGrants(ctx, after, batchSize, now, endedBy)
		live, ended, after = live+b.Live, ended+b.Examined-b.Live-b.Deleted, b.Last
		s.update(func(stats *SweepStats) { stats.Grants += uint64(b.Deleted) })
		return b.Examined, err
	})
	if err != nil {
		return err
	}
	s.update(func(stats *SweepStats) {
		stats.Passes, stats.Live, stats.Ended = stats.Passes+1, uint64(live), uint64(ended)
	})
	return nil
}

// batches runs one batch after the other, until a batch has fewer rows than its
// limit. It pauses between batches.
func (s *Sweeper) batches(
	ctx context.Context, batch func(ctx context.Context, now time.Time) (rows int, err error),
) error {
	for {
		limited, cancel := context.WithTimeout(ctx, batchTimeout)
		rows, err := batch(limited, s.o.Now())
		cancel()
		switch {
		case err != nil:
			return err
		case rows < batchSize:
			return nil
		case !pause(ctx, batchPause):
			return ctx.Err()
		}
	}
}
