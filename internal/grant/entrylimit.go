package grant

import (
	"errors"
	"sync"
	"time"

	"github.com/signetd/signet/internal/oauth"
)

// defaultEntriesPerHour is Options.EntriesPerHour if that is zero.
const defaultEntriesPerHour = 10_000

// An entryLimiter limits the entries that each client adds to the revocation
// log, as a leaky bucket does: perHour entries at once, and then as many in
// every hour, evenly. It is for one server.
type entryLimiter struct {
	perHour int

	mu sync.Mutex
	// drained has the time at which the bucket of a client will be empty, or
	// was.
	drained map[string]time.Time
	// prune is the number of clients at which the empty buckets are removed.
	prune int
}

// minPrune is the smallest number of buckets that are searched for empty ones.
const minPrune = 1024

var errTooManyEntries = errors.New("the client has added too many entries to the revocation log")

// reserve counts one entry of the client. If the bucket is full, it counts
// nothing and returns slow_down, with the time until there is space for one.
func (l *entryLimiter) reserve(clientID string) error {
	now, leak := time.Now(), time.Hour/time.Duration(l.perHour)
	l.mu.Lock()
	defer l.mu.Unlock()
	drained := l.drained[clientID]
	if drained.Before(now) {
		drained = now
	}
	drained = drained.Add(leak)
	if wait := drained.Sub(now) - time.Duration(l.perHour)*leak; wait > 0 {
		return &oauth.Error{
			Code: oauth.SlowDown, Sentence: "Too many revocations; try again later.", Cause: errTooManyEntries,
			RetryAfter: wait,
		}
	}
	l.put(clientID, drained, now)
	return nil
}

// put stores a bucket. It removes empty buckets if there are twice as many
// buckets as after the last time, so that deleted clients need no memory.
func (l *entryLimiter) put(clientID string, drained, now time.Time) {
	if l.drained == nil {
		l.drained, l.prune = make(map[string]time.Time), minPrune
	}
	l.drained[clientID] = drained
	if len(l.drained) < l.prune {
		return
	}
	for id, at := range l.drained {
		if at.Before(now) {
			delete(l.drained, id)
		}
	}
	l.prune = max(minPrune, 2*len(l.drained))
}
