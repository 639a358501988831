package grant

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"
)

const (
	// endingInterval is how often the worker looks for pending endings.
	endingInterval = time.Second
	// endingBatch is how many grants a transaction of the worker examines. It
	// locks those that it revokes until it commits.
	endingBatch = 500
	// endingPause is the pause between two transactions of the worker, for the
	// other transactions.
	endingPause = 250 * time.Millisecond
	// endingDelay is the shortest time that an ending stays. It is longer than
	// any request: until then a request that began before the ending may still
	// create a grant that the ending selects.
	endingDelay = 90 * time.Second
)

// An EndingWorker writes pending endings into the grants, in the background.
// Several servers may do so at the same time.
type EndingWorker struct {
	Store EndingStore
	Log   *slog.Logger
}

// Run continues with the pending endings until ctx ends. A worker that stops
// between two transactions loses nothing: the store has the state of each scan.
func (w EndingWorker) Run(ctx context.Context) {
	failing := false
	for wait := rand.N(endingInterval); pause(ctx, wait); {
		limited, cancel := context.WithTimeout(ctx, batchTimeout)
		applied, err := w.Store.ApplyEndings(limited, endingBatch, endingDelay)
		cancel()
		switch {
		case err != nil && ctx.Err() == nil && !failing:
			w.Log.Warn("cannot apply pending endings; trying again", "error", err)
			failing = true
		case err == nil && failing:
			w.Log.Info("pending endings are applied again")
			failing = false
		}
		if wait = endingInterval; applied.Continued > 0 {
			wait = endingPause
		}
	}
}
