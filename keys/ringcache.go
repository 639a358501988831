package keys

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/signetd/signet/internal/fresh"
)

// errRolledBack means that the store has an earlier state of the ring.
var errRolledBack = errors.New("the key ring in the store is older than the one this server has: " +
	"the store was restored or lost its last changes; " +
	"check which keys are compromised, then run `signet keys --accept-restore`")

// A ringCache holds this process's copy of the ring and refreshes it from the
// store.
type ringCache struct {
	options Options
	clock   clock

	// reading is held during a read of the store. It guards rolledBack and the
	// methods compare and ringChanged of clock.
	reading fresh.Lock
	// again reads the ring for requests that name a key which it does not have.
	again *fresh.Reader
	// rolledBack is the version of a store that was rolled back. It is nil
	// while the store is not rolled back, or after an operator accepted it.
	rolledBack *Version

	snapshot  atomic.Pointer[snapshot]
	last      atomic.Pointer[readResult]
	started   time.Time
	confirmed atomic.Int64 // when the store last confirmed the ring: a time.Duration since started
}

// A readResult is the result of one read of the store.
type readResult struct {
	at  time.Time // when the read began
	err error
}

func newRingCache(o Options) *ringCache {
	c := &ringCache{
		options: o, started: time.Now(), reading: fresh.NewLock(),
		clock: clock{policy: o.Policy, wall: o.Now, independent: o.StoreClock, log: o.Log},
	}
	c.again = fresh.NewReader(c.reading, c.refreshLocked)
	return c
}

// refresh reads the version of the ring from the store, and the ring if the
// version changed.
func (c *ringCache) refresh(ctx context.Context) error {
	if err := c.reading.Acquire(ctx); err != nil {
		return err
	}
	defer c.reading.Release()
	return c.refreshLocked(ctx)
}

func (c *ringCache) refreshLocked(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, max(c.options.Policy.PollInterval, time.Second))
	defer cancel()
	previous, result := c.last.Load(), readResult{at: time.Now()}
	if result.err = c.read(limited); result.err == nil {
		c.confirmed.Store(int64(result.at.Sub(c.started)))
	}
	c.last.Store(&result)

	healthy := previous == nil || previous.err == nil
	switch {
	case result.err == nil && !healthy:
		c.options.Log.Info("the key ring is confirmed again")
	case result.err != nil && ctx.Err() == nil && (healthy || result.err.Error() != previous.err.Error()):
		c.options.Log.Error("the key ring cannot be confirmed", "error", result.err)
	}
	return result.err
}

func (c *ringCache) read(ctx context.Context) error {
	v, err := c.options.Store.RingVersion(ctx)
	if err != nil {
		return fmt.Errorf("read the version of the key ring: %w", err)
	}
	c.clock.compare(v.Now)
	s := c.snapshot.Load()
	if s != nil && c.isRolledBack(s.ring, v) {
		return errRolledBack
	}
	if s != nil && s.fault == nil && v.Version == s.ring.Version && v.Restored == s.ring.Restored {
		return nil
	}

	r, err := c.options.Store.Ring(ctx)
	if err != nil {
		return fmt.Errorf("read the key ring: %w", err)
	}
	if s != nil && r.Restored == s.ring.Restored && (r.Version < s.ring.Version || s.ring.lostEndStates(r)) {
		c.rolledBack = &Version{Version: r.Version, Restored: r.Restored}
		return errRolledBack
	}
	return c.install(r)
}

// isRolledBack reports whether the store is behind the ring of this process.
// This does not change when the store's version grows again. Only an operator
// ends it by accepting the ring that the store has.
func (c *ringCache) isRolledBack(own Ring, v Version) bool {
	switch {
	case c.rolledBack != nil:
		if v.Restored > c.rolledBack.Restored {
			c.options.Log.Warn("an operator accepted the restored key ring", "version", v.Version)
			c.rolledBack = nil
		}
	case v.Restored < own.Restored, v.Restored == own.Restored && v.Version < own.Version:
		c.rolledBack = &v
	}
	return c.rolledBack != nil
}

// adopt installs a ring that this process has just written to the store.
func (c *ringCache) adopt(ctx context.Context, r Ring) error {
	if c.reading.Acquire(ctx) != nil {
		return nil // The change is in the store. The next poll reads it.
	}
	defer c.reading.Release()
	if c.snapshot.Load().ring.Version >= r.Version {
		return nil // A poll has read this version or a newer one.
	}
	return c.install(r)
}

// install makes r the ring of this process.
func (c *ringCache) install(r Ring) error {
	previous, keks := c.snapshot.Load(), c.options.KEKs
	if previous != nil {
		keks = previous.keks
	}
	if c.options.ReadKEKs != nil && r.hasKEKNotIn(keks) {
		switch again, err := c.options.ReadKEKs(); {
		case err == nil:
			keks = again
		case previous == nil || previous.fault == nil:
			c.options.Log.Error("the KEK file cannot be read again", "error", err)
		}
	}

	s, err := newSnapshot(r, keks, c.options.Policy, previous)
	if err != nil {
		return err
	}
	if s.fault != nil && (previous == nil || previous.fault == nil || previous.fault.Error() != s.fault.Error()) {
		c.options.Log.Error("part of the key ring cannot be used", "error", s.fault)
	}
	c.snapshot.Store(s)
	c.clock.ringChanged()
	return nil
}

// age returns how long ago the store last confirmed the ring.
func (c *ringCache) age() time.Duration {
	return time.Since(c.started) - time.Duration(c.confirmed.Load())
}

// stale reports whether the ring is too old to sign with.
func (c *ringCache) stale() bool { return c.age() > c.options.Policy.MaxRingAge() }
