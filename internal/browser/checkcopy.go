package browser

import (
	"context"
	"errors"
	"time"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
)

const (
	// rowAge is how long the copy of a row is good.
	rowAge = time.Second
	// freshFeed is the age of the feed of revocations up to which it shows that
	// a copy is still good, and confirmedRowAge how long such a copy is good.
	freshFeed       = time.Second
	confirmedRowAge = time.Minute
	// staleAge is how long a copy counts after it was good for the last time,
	// while the store is away.
	staleAge = 5 * time.Second
	// staleWait is how long after the begin of a read a check with such a copy
	// waits for it.
	staleWait = 100 * time.Millisecond
	// readTimeout bounds a read. retryPause is the shortest time from a failure
	// of the store to the next attempt.
	readTimeout = time.Second
	retryPause  = time.Second
	// touchPart is the part of the idle lifetime after which the store learns
	// that the session is in use, and touchTimeout the time limit of that.
	touchPart    = 10
	touchTimeout = 2 * time.Second
)

var (
	errNoGrant   = errors.New("the grant does not exist")
	errNotActive = errors.New("the grant is not active")
	errSlowStore = errors.New("the store has not answered yet")
)

// check returns invalid_grant unless the grant is one of the client and active.
func (r *row) check(app client.Client, now, touched time.Time) error {
	switch {
	case r.missing:
		return oauth.Refused(oauth.InvalidGrant, errNoGrant)
	case r.grant.ClientID != app.ID:
		return oauth.Refused(oauth.InvalidGrant, errOtherClient)
	case r.used(touched).State(now) != grant.StateActive:
		return oauth.Refused(oauth.InvalidGrant, errNotActive)
	}
	return nil
}

// used returns the grant with its last use, which may be later than the copy.
func (r *row) used(touched time.Time) *grant.Grant {
	if !touched.After(r.grant.RotatedAt) {
		return &r.grant
	}
	g := r.grant
	g.RotatedAt = touched
	return &g
}

// current returns a copy of the grant that was read at oldest or later. It
// reads the grant if there is none. If the store does not answer, it returns
// the error, and also the copy if that still counts.
func (c *Checker) current(ctx context.Context, s *session, oldest time.Time) (*row, error) {
	for {
		s.mu.Lock()
		copied, err := s.row, s.readErr
		if copied != nil && !copied.readAt.Before(oldest) && !c.ended.concern(copied) {
			s.mu.Unlock()
			return copied, nil
		}
		if time.Since(s.unread) < retryPause {
			s.mu.Unlock()
			return c.stale(copied), err
		}
		if s.reading == nil {
			s.reading = newPendingCall()
			go c.read(context.WithoutCancel(ctx), s, s.reading)
		}
		reading := s.reading
		s.mu.Unlock()

		old := c.stale(copied)
		if err := reading.wait(ctx, old != nil); err != nil {
			return old, err
		}
	}
}

// wait waits until a read has ended. If there is a copy that counts while the
// store is away, it does not wait until the store has failed.
func (p *pendingCall) wait(ctx context.Context, copied bool) error {
	var late <-chan time.Time
	if copied {
		timer := time.NewTimer(time.Until(p.began.Add(staleWait)))
		defer timer.Stop()
		late = timer.C
	}
	select {
	case <-p.done:
		return nil
	case <-late:
		return oauth.Unavailable(errSlowStore)
	case <-ctx.Done():
		return oauth.Unavailable(ctx.Err())
	}
}

// read reads the grant for all checks that wait for it.
func (c *Checker) read(ctx context.Context, s *session, reading *pendingCall) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	next := &row{readAt: reading.began, minted: c.o.Registry.Now(), ends: c.ended.count()}
	g, err := c.o.Grants.Get(ctx, s.id)
	if errors.Is(err, oauth.NotFound) {
		next.missing, err = true, nil
	}
	// A session never has a token that is ahead of its row, so a restore of the
	// store does not extend it.
	next.grant = g.AsStored()

	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		s.row, s.unread, s.readErr = next, time.Time{}, nil
	} else {
		s.unread, s.readErr = time.Now(), err
	}
	s.reading = nil
	close(reading.done)
}

// isGood reports whether a copy may be used as the grant is now. The caller
// must look for revocations of the session afterwards: then the table of
// revocations has at least what the age of the feed promises.
func (c *Checker) isGood(copied *row) bool {
	age := time.Since(copied.readAt)
	return !c.ended.concern(copied) && (age <= rowAge || age <= confirmedRowAge && c.o.FeedAge() <= freshFeed)
}

// stale returns a copy that still counts while the store is away, or nil. The
// feed of revocations may have confirmed it since it was read.
func (c *Checker) stale(copied *row) *row {
	if copied == nil || c.ended.concern(copied) {
		return nil
	}
	age := time.Since(copied.readAt)
	if age <= staleAge || age <= confirmedRowAge+staleAge && c.o.FeedAge() <= staleAge {
		return copied
	}
	return nil
}

// touch reports to the store that the session is in use, if that is due. It
// does not wait for the store, and a failure has no effect but that a later
// check tries again.
func (c *Checker) touch(s *session, copied *row, touched, now time.Time) {
	g := copied.used(touched)
	if now.Sub(g.RotatedAt) < g.IdleLifetime/touchPart {
		return
	}
	now = now.Truncate(time.Microsecond) // as the store has it
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.touching || !s.touched.Equal(touched) || time.Since(s.untouched) < retryPause {
		return
	}
	s.touching = true
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), touchTimeout)
		defer cancel()
		err := c.o.Grants.Touch(ctx, s.id, now)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.touching = false
		if err == nil {
			s.touched = now
		} else {
			s.untouched = time.Now()
		}
	}()
}
