package feed

import (
	"time"

	"github.com/signetd/signet/internal/grant"
)

// expireEvery is how often expired entries are removed from the table.
const expireEvery = time.Minute

// A lifetime knows how long after its moment an entry may refuse a token. A
// server with another configuration may have written entries that are kept
// longer.
type lifetime struct {
	// own is Options.Keep.
	own time.Duration
	// longer has the lifetimes of entries that are longer than own, in
	// seconds, and when the last entry with that lifetime expires.
	longer map[int64]time.Time
	// started and startedAt are the store's clock and the monotonic clock
	// at the first read.
	started, startedAt time.Time
	expired            time.Time // when Table.Expire was called last
}

// add records the lifetime of an entry.
func (l *lifetime) add(e grant.LoggedRevocation) {
	seconds := toSeconds(e.ExpiresAt.Sub(time.UnixMicro(e.Entry.Before)))
	if seconds > toSeconds(l.own) && e.ExpiresAt.After(l.longer[seconds]) {
		if l.longer == nil {
			l.longer = map[int64]time.Time{}
		}
		l.longer[seconds] = e.ExpiresAt
	}
}

// keep returns the longest lifetime of an entry that has not expired, in
// seconds, rounded up.
func (l *lifetime) keep(now time.Time) int64 {
	longest := toSeconds(l.own)
	for seconds, until := range l.longer {
		if until.Before(now) {
			delete(l.longer, seconds)
		} else {
			longest = max(longest, seconds)
		}
	}
	return longest
}

// expire returns the moment before which entries are expired, in microseconds
// since 1970, and whether it is time to remove them. store is the store's clock
// at the monotonic time at.
//
// The moment does not follow a jump of the store's clock into the future, which
// would remove entries that verifiers with correct clocks need.
func (l *lifetime) expire(store, at time.Time) (before int64, due bool) {
	if l.started.IsZero() {
		l.started, l.startedAt, l.expired = store, at, at
	}
	if at.Sub(l.expired) < expireEvery {
		return 0, false
	}
	l.expired = at
	if steady := l.started.Add(at.Sub(l.startedAt)); steady.Before(store) {
		store = steady
	}
	return store.Add(-time.Duration(l.keep(store)) * time.Second).UnixMicro(), true
}

func toSeconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }
