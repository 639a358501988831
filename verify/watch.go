package verify

import (
	"context"
	"sync"
	"time"

	"github.com/signetd/signet/internal/revocation"
)

// watches are the contexts of While. They need no goroutine: the feed calls
// merged and confirmed, and timers do the rest.
type watches struct {
	table *revocation.Table
	// maxAge is how old what is known about a token may be, or zero if its
	// age does not matter.
	maxAge time.Duration
	// asked is true if the issuer was asked about the token when its
	// context began: then it may end later than maxAge after the last
	// confirmation.
	asked bool

	mu     sync.Mutex // for everything below
	all    map[*watch]struct{}
	closed bool
	asOf   time.Time // of the feed
	// timer ends the contexts whose deadline has passed. It fires at next,
	// or never if next is zero.
	timer *time.Timer
	next  time.Time
}

// A watch is one context.
type watch struct {
	claims revocation.Claims
	// hashes are those of all entries that can refuse the token.
	hashes []revocation.Hash
	began  time.Time
	expiry *time.Timer
	cancel context.CancelCauseFunc
}

// start returns a context that ends with the token.
func (ws *watches) start(
	ctx context.Context, claims revocation.Claims, expiresAt time.Time,
) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	now := time.Now()
	w := &watch{claims: claims, hashes: claims.Hashes(), began: now, cancel: cancel}
	if left := expiresAt.Sub(now); left > 0 {
		w.expiry = time.AfterFunc(left, func() { cancel(ErrExpired) })
	} else {
		cancel(ErrExpired)
		return ctx, func() {}
	}
	if reason := ws.add(w, now); reason != nil {
		ws.remove(w)
		cancel(reason)
		return ctx, func() {}
	}

	// The parent, the end of the token and stop all end the context.
	detach := context.AfterFunc(ctx, func() { ws.remove(w) })
	return ctx, func() {
		if detach() {
			ws.remove(w)
		}
		cancel(context.Canceled)
	}
}

// add adds a watch, or returns the reason why its context must end at once. An
// entry that is merged afterwards ends it, so no entry is missed.
func (ws *watches) add(w *watch, now time.Time) error {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if ws.closed {
		return ErrUnavailable
	}
	if ws.all == nil {
		ws.all = map[*watch]struct{}{}
	}
	ws.all[w] = struct{}{}
	if ws.table.Refuses(w.claims) != 0 {
		return ErrRevoked
	}
	if ws.maxAge == 0 {
		return nil
	}
	deadline := ws.deadline(w)
	if !now.Before(deadline) {
		return ErrStale
	}
	if ws.next.IsZero() || deadline.Before(ws.next) {
		ws.schedule(deadline)
	}
	return nil
}

func (ws *watches) remove(w *watch) {
	w.expiry.Stop()
	ws.mu.Lock()
	defer ws.mu.Unlock()
	delete(ws.all, w)
}

// merged ends the contexts whose tokens the new entries refuse. The table has
// the entries.
func (ws *watches) merged(entries []revocation.Entry) {
	if len(entries) == 0 || ws.none() {
		return // a context that begins now finds the entries in the table
	}
	news := make(map[revocation.Hash]struct{}, len(entries))
	for _, e := range entries {
		news[e.Hash] = struct{}{}
	}

	ws.mu.Lock()
	defer ws.mu.Unlock()
	for w := range ws.all {
		if w.concerned(news) && ws.table.Refuses(w.claims) != 0 {
			w.cancel(ErrRevoked)
		}
	}
}

func (ws *watches) none() bool {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	return len(ws.all) == 0
}

// concerned reports whether one of the entries can refuse the token.
func (w *watch) concerned(news map[revocation.Hash]struct{}) bool {
	for _, h := range w.hashes {
		if _, ok := news[h]; ok {
			return true
		}
	}
	return false
}

// confirmed notes that the table was complete at that time.
func (ws *watches) confirmed(asOf time.Time) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if asOf.After(ws.asOf) {
		ws.asOf = asOf
	}
}

// deadline returns when what is known about the token is too old.
func (ws *watches) deadline(w *watch) time.Time {
	known := ws.asOf
	if ws.asked && w.began.After(known) {
		known = w.began
	}
	return known.Add(ws.maxAge)
}

// schedule sets the timer. The caller holds the mutex.
func (ws *watches) schedule(next time.Time) {
	ws.next = next
	if ws.timer == nil {
		ws.timer = time.AfterFunc(time.Until(next), ws.expire)
		return
	}
	ws.timer.Reset(time.Until(next))
}

// expire ends the contexts whose deadline has passed. The feed has usually
// confirmed the table meanwhile, so that there are none.
func (ws *watches) expire() {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	now, next := time.Now(), time.Time{}
	for w := range ws.all {
		deadline := ws.deadline(w)
		if !now.Before(deadline) {
			w.cancel(ErrStale)
			delete(ws.all, w)
		} else if next.IsZero() || deadline.Before(next) {
			next = deadline
		}
	}
	ws.next = next
	if !next.IsZero() && !ws.closed {
		ws.schedule(next)
	}
}

// close ends all contexts.
func (ws *watches) close() {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	ws.closed = true
	if ws.timer != nil {
		ws.timer.Stop()
	}
	for w := range ws.all {
		w.cancel(ErrUnavailable)
	}
	clear(ws.all)
}
