package grant

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"
)

const (
	// logInterval is how often the log is swept. LogStore.SweepRevocations
	// bounds it.
	logInterval = time.Minute
	// keepVerifiers is how long a verifier stays in the list after its last
	// poll.
	keepVerifiers = 10 * time.Minute
)

// LogSweepStore has the methods that a LogSweeper calls.
type LogSweepStore interface {
	// SweepRevocations is that of LogStore.
	SweepRevocations(ctx context.Context, limit int) (int, error)
	// SweepVerifiers is that of VerifierStore.
	SweepVerifiers(ctx context.Context, age time.Duration) (int, error)
}

// A LogSweeper deletes expired entries of the revocation log, and verifiers
// that have stopped polling, in the background. Every server runs one.
type LogSweeper struct {
	Store LogSweepStore
	Log   *slog.Logger
}

// Run sweeps until ctx ends. The first sweep deletes no entry: the clock of a
// machine that has just started may be years ahead until it is synchronized.
func (s LogSweeper) Run(ctx context.Context) {
	limit, failing := 0, false
	for wait := rand.N(logInterval / 10); pause(ctx, wait); wait = logInterval*9/10 + rand.N(logInterval/5) {
		err := s.sweep(ctx, limit)
		switch {
		case err != nil && ctx.Err() == nil && !failing:
			s.Log.Warn("cannot sweep the revocation log; trying again", "error", err)
			failing = true
		case err == nil && failing:
			s.Log.Info("the revocation log is swept again")
			failing = false
		}
		if err == nil {
			limit = batchSize
		}
	}
}

// sweep deletes entries in batches of at most limit, and pauses between them.
func (s LogSweeper) sweep(ctx context.Context, limit int) error {
	for {
		limited, cancel := context.WithTimeout(ctx, batchTimeout)
		deleted, err := s.Store.SweepRevocations(limited, limit)
		if err == nil && deleted < max(limit, 1) {
			_, err = s.Store.SweepVerifiers(limited, keepVerifiers)
			cancel()
			return err
		}
		cancel()
		switch {
		case err != nil:
			return err
		case !pause(ctx, batchPause):
			return ctx.Err()
		}
	}
}
