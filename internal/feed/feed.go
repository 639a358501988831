package feed

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/signetd/signet/internal/connlimit"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/revocation"
)

const (
	// changedPause is the shortest time between two reads because of
	// Changed.
	changedPause = 50 * time.Millisecond
	// keepSegments is how long segments are kept.
	keepSegments = 10 * time.Minute
)

// A Feed reads the revocation log and answers polls of it.
type Feed struct {
	o       Options
	signer  signer
	started time.Time

	// reading is held during a read of the log. It guards tail, lifetime
	// and keyRevoked, and must be held to replace the state.
	reading    sync.Mutex
	tail       tail
	lifetime   lifetime
	keyRevoked bool   // an entry revokes a key, and the key ring was not read since
	failure    string // the last error of Run, as it was logged

	// writing guards the table while its entries are changed or listed.
	writing sync.Mutex
	state   atomic.Pointer[state]
	full    fullSegments

	changed chan struct{} // has an element after Changed
	drained chan struct{} // is closed by Drain
	drain   sync.Once
	waiting *connlimit.Counter
}

// New returns a Feed that has not read the log yet. It has no answers until
// Refresh succeeds.
func New(o Options) *Feed {
	f := &Feed{
		o: o, started: time.Now(),
		signer: signer{o.Issuer, o.Keys, o.Table, o.SigningAlgorithm, o.Observer},
		tail:   tail{revocations: o.Revocations}, lifetime: lifetime{own: o.Keep},
		waiting: connlimit.NewCounter(connlimit.Limits{
			Max: o.MaxWaiting, PerAddress: max(1, o.MaxWaiting/addressShare), ExemptAddress: o.ExemptAddress,
		}),
		changed: make(chan struct{}, 1), drained: make(chan struct{}),
	}
	f.tail.restart()
	return f
}

// Run reads the log every PollInterval, and soon after a call of Changed, until
// ctx ends.
func (f *Feed) Run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		began := time.Now()
		f.log(ctx, f.Refresh(ctx))
		select {
		case <-ctx.Done():
			return
		case <-time.After(changedPause):
		}

		timer.Reset(time.Until(f.next(began)))
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-f.changed:
		}
	}
}

// log logs the first error and every different one.
func (f *Feed) log(ctx context.Context, err error) {
	switch {
	case err == nil && f.failure != "":
		f.o.Log.Info("the feed of revocations is confirmed again")
		f.failure = ""
	case err != nil && ctx.Err() == nil && err.Error() != f.failure:
		f.o.Log.Error("the feed of revocations cannot be confirmed", "error", err)
		f.failure = err.Error()
	}
}

// next returns when Run must call Refresh again.
func (f *Feed) next(began time.Time) time.Time {
	f.reading.Lock()
	defer f.reading.Unlock()
	next := began.Add(f.o.PollInterval)
	if s := f.state.Load(); s != nil && len(f.tail.pending) > 0 {
		if due := s.newsDue(); due.Before(next) {
			return due
		}
	}
	return next
}

// Changed makes Run read the log at once. A server calls it after it has
// revoked something.
func (f *Feed) Changed() {
	select {
	case f.changed <- struct{}{}:
	default: // a read is due already
	}
}

// Stats is the state of a Feed.
type Stats struct {
	// Entries is how many entries are in the table.
	Entries int
	// Waiting is how many polls wait, of at most MaxWaiting.
	Waiting, MaxWaiting int
	// Position is the number of the newest entry that polls get.
	Position int64
	// Age is how long ago the read began that confirmed the position.
	Age time.Duration
}

// Stats returns the state. Before the log was read, Age is the time since New.
func (f *Feed) Stats() Stats {
	stats := Stats{Waiting: f.waiting.Stats().Open, MaxWaiting: f.o.MaxWaiting, Age: f.Age()}
	if s := f.state.Load(); s != nil {
		stats.Entries, stats.Position = s.entries, s.position.Seq
	}
	return stats
}

// Age returns how long ago the read began that confirmed what is in the table.
// Before the log was read, it is the time since New.
func (f *Feed) Age() time.Duration {
	if s := f.state.Load(); s != nil {
		return time.Since(s.confirmed)
	}
	return time.Since(f.started)
}

// Drain answers all polls that wait, and from now on every poll at once.
func (f *Feed) Drain() { f.drain.Do(func() { close(f.drained) }) }

// Refresh reads the log to its end, adds the entries to the table, and signs a
// segment of them. If it cannot sign, polls are answered from the state before.
func (f *Feed) Refresh(ctx context.Context) error {
	f.reading.Lock()
	defer f.reading.Unlock()
	readErr := f.tail.read(ctx, f.merge)
	if f.keyRevoked && f.o.Keys.Refresh(ctx) == nil {
		f.keyRevoked = false
	}
	if err := f.publish(ctx); err != nil {
		return err
	}
	return readErr
}

// merge adds entries to the table.
func (f *Feed) merge(page grant.LogPage) {
	entries := make([]revocation.Entry, 0, len(page.Entries))
	for _, e := range page.Entries {
		if page.ReadAt.Before(e.ExpiresAt) {
			entries = append(entries, e.Entry)
			f.lifetime.add(e)
		}
		f.keyRevoked = f.keyRevoked || e.Kind == revocation.Key
	}

	f.writing.Lock()
	defer f.writing.Unlock()
	f.o.Table.Merge(entries)
	if before, due := f.lifetime.expire(page.ReadAt, time.Now()); due {
		f.o.Table.Expire(before)
	}
}

// publish replaces the state by one of what was read last.
func (f *Feed) publish(ctx context.Context) error {
	if f.tail.partial || f.tail.began.IsZero() {
		return nil
	}
	old := f.state.Load()
	next := state{changed: make(chan struct{})}
	if old != nil {
		next = *old
	}
	next.keep, next.entries = f.lifetime.keep(f.tail.at), f.o.Table.Len()
	if old != nil && !revocation.SameKeys(old.latest.head.Keys, f.o.Keys.Set().ETag) {
		next.dropInvalid(ctx, f.signer)
	}

	due := f.tail.reset || len(f.tail.pending) == 0 || !time.Now().Before(next.newsDue())
	if due {
		if err := f.addNews(&next); err != nil {
			return err
		}
	}
	if err := f.confirm(&next); err != nil {
		return err
	}
	if due {
		f.tail.published()
	}
	f.replace(old, &next)
	return nil
}

// addNews adds a segment of the entries that are in none yet.
func (f *Feed) addNews(s *state) error {
	if f.tail.reset {
		s.history, s.latest = nil, nil
	}
	s.position, s.confirmed, s.at = f.tail.last, f.tail.began, f.tail.at
	segment := f.tail.cut(s.keep)
	if segment == nil {
		return nil
	}
	if err := f.signer.sign(segment, news); err != nil {
		return err
	}
	s.history, s.latest = append(slices.Clip(s.history), segment), segment
	return nil
}

// confirm makes sure that the head of the latest segment has an ETag of the
// current keys of the JWK Set, and was signed at most a second before the last
// read.
func (f *Feed) confirm(s *state) error {
	if l := s.latest; l != nil && revocation.SameKeys(l.head.Keys, f.o.Keys.Set().ETag) && !f.signer.revoked(l.keyID) {
		if l.head.At == s.at.UnixMilli() || time.Since(l.signedAt) < confirmEvery {
			return nil
		}
	}
	segment := newsSegment(revocation.Head{At: s.at.UnixMilli(), Keep: s.keep}, s.position, nil)
	if err := f.signer.sign(segment, heartbeat); err != nil {
		return err
	}
	s.latest = segment
	return nil
}

// replace makes next the state. If verifiers must learn of it at once, it ends
// the waits of all polls.
func (f *Feed) replace(old, next *state) {
	next.history = next.history.since(time.Now().Add(-keepSegments))
	if old == nil || old.position == next.position && revocation.SameKeys(old.latest.head.Keys, next.latest.head.Keys) {
		f.state.Store(next)
		return
	}
	next.changed = make(chan struct{})
	f.state.Store(next)
	close(old.changed)
}
