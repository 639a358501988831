package issuer

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/signetd/signet/internal/oauth"
)

const (
	// keepEnded is how long a grant is kept after its life ended. Whoever comes with a token of it until then is told no
	// quietly; after that there is no row any more, which is an event (refresh.missing). It is also by how much the clock may
	// be wrong before the sweeper deletes what is still live.
	keepEnded = 7 * 24 * time.Hour
	// sweepLimit is how many rows one slice has at most, and sweepPause how long the store is left alone between two.
	sweepLimit = 1000
	sweepPause = 100 * time.Millisecond
	// sweepPatience bounds one slice.
	sweepPatience = 30 * time.Second
	// keepAssertions is how long a client assertion is kept after it expired.
	keepAssertions = time.Hour
	// firstWalk is how long after the start the first walk begins at the latest.
	firstWalk = time.Minute
)

// SweeperOptions is what a Sweeper is made of. Every field is needed.
type SweeperOptions struct {
	Store Store
	// Now is a clock that does not jump when the machine's does, such as keys.Manager.Now.
	Now func() time.Time
	// Every is how often a walk over all grants begins.
	Every time.Duration
	Log   *slog.Logger
}

// A Sweeper walks over all grants again and again, beside the requests: it removes those that are over for long, and counts
// the live ones. Then it removes what else has had its time. Several servers may do so at once.
type Sweeper struct {
	o     SweeperOptions
	mu    sync.Mutex
	stats SweepStats
}

// SweepStats are what a Sweeper has done and seen.
type SweepStats struct {
	// Passes are the whole walks, Failures those that the store broke off.
	Passes, Failures uint64
	// Grants, Assertions and Guesses (counters of them) are how many were removed.
	Grants, Assertions, Guesses uint64
	// Live and Ended are how many grants of either kind the last whole walk saw and left.
	Live, Ended uint64
}

// NewSweeper returns a Sweeper that rests.
func NewSweeper(o SweeperOptions) *Sweeper { return &Sweeper{o: o} }

// Stats returns what was done and seen until now. It is safe for concurrent use.
func (s *Sweeper) Stats() SweepStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats
}

func (s *Sweeper) note(change func(*SweepStats)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.stats)
}

// Run walks until ctx ends. The moments are random within bounds, so that servers that start together do not walk in step. The
// first walk only counts: a machine that has just started may have a clock that is wrong by years, and be put right soon.
func (s *Sweeper) Run(ctx context.Context) {
	wait, keep := rand.N(min(s.o.Every, firstWalk)), true
	for rest(ctx, wait) {
		switch err := s.walk(ctx, keep); {
		case err == nil:
			keep = false
		case ctx.Err() == nil:
			s.note(func(stats *SweepStats) { stats.Failures++ })
			s.o.Log.Warn("the sweeper could not finish its walk; it begins anew at its next time", "error", err)
		}
		wait = s.o.Every*9/10 + rand.N(s.o.Every/5)
	}
}

// rest waits, and says whether there is reason to go on.
func rest(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// walk looks at all grants once and removes what is over for long, and then the assertions that nobody can use any more
// and the counters that have drained; unless it shall keep all.
func (s *Sweeper) walk(ctx context.Context, keep bool) error {
	live, ended, after := 0, 0, oauth.GrantID{}
	err := s.slices(ctx, func(ctx context.Context, now time.Time) (int, error) {
		over := now.Add(-keepEnded)
		if keep {
			over = time.Time{}
		}
		slice, err := s.o.Store.SweepGrants(ctx, after, sweepLimit, now, over)
		live, ended, after = live+slice.Live, ended+slice.Examined-slice.Live-slice.Deleted, slice.Last
		s.note(func(stats *SweepStats) { stats.Grants += uint64(slice.Deleted) })
		return slice.Examined, err
	})
	if err != nil {
		return err
	}
	s.note(func(stats *SweepStats) {
		stats.Passes, stats.Live, stats.Ended = stats.Passes+1, uint64(live), uint64(ended)
	})
	if keep {
		return nil
	}
	err = s.slices(ctx, func(ctx context.Context, now time.Time) (int, error) {
		n, err := s.o.Store.SweepAssertions(ctx, now.Add(-keepAssertions), sweepLimit)
		s.note(func(stats *SweepStats) { stats.Assertions += uint64(n) })
		return n, err
	})
	if err != nil {
		return err
	}
	return s.slices(ctx, func(ctx context.Context, now time.Time) (int, error) {
		n, err := s.o.Store.SweepAttempts(ctx, now, sweepLimit)
		s.note(func(stats *SweepStats) { stats.Guesses += uint64(n) })
		return n, err
	})
}

// slices does one slice after the other, until one had fewer rows than it could have. Between two it leaves the store alone.
func (s *Sweeper) slices(ctx context.Context, slice func(ctx context.Context, now time.Time) (rows int, err error)) error {
	for {
		limited, cancel := context.WithTimeout(ctx, sweepPatience)
		rows, err := slice(limited, s.o.Now())
		cancel()
		switch {
		case err != nil:
			return err
		case rows < sweepLimit:
			return nil
		case !rest(ctx, sweepPause):
			return ctx.Err()
		}
	}
}
