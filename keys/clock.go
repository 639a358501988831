package keys

import (
	"log/slog"
	"sync/atomic"
	"time"
)

// A clock follows the wall clock but ignores its jumps until they are
// confirmed. Between two readings it advances with the monotonic clock, which
// shows how far the wall clock has jumped.
//
// A new process has no earlier reading to compare with. It starts with the
// store's clock if that is the clock of another machine, else with the wall
// clock.
type clock struct {
	policy Policy
	wall   func() time.Time
	// independent means that the store's clock is the clock of another machine,
	// so it can confirm a jump of the wall clock.
	independent bool
	log         *slog.Logger

	base atomic.Pointer[reading]
	// jump is the difference between the wall clock and this clock, and since
	// is when the jump was seen. since is zero while the clocks agree.
	jump  time.Duration
	since time.Time
}

// A reading is an accepted time and the monotonic time when it was accepted.
type reading struct{ time, at time.Time }

// now returns the time in UTC with microseconds. It is safe for concurrent use.
func (c *clock) now() time.Time {
	r := c.base.Load()
	return r.time.Add(time.Since(r.at)).Truncate(time.Microsecond)
}

// set accepts a time.
func (c *clock) set(t time.Time) {
	// Truncate strips the monotonic reading, which would hide a jump of the
	// wall clock.
	c.base.Store(&reading{t.UTC().Truncate(time.Microsecond), time.Now()})
	c.jump, c.since = 0, time.Time{}
}

// compare compares this clock with the wall clock and the store's clock, and
// follows the wall clock if it has not jumped or if the jump is confirmed. Each
// poll calls it. It is not safe for concurrent use.
func (c *clock) compare(store time.Time) {
	wall := c.wall().UTC().Truncate(time.Microsecond)
	if c.base.Load() == nil {
		c.set(wall)
		if c.independent && !c.agree(wall, store) {
			c.log.Warn("the clock differs from the store's clock; keys use the store's clock",
				"difference", wall.Sub(store))
			c.set(store)
		}
	}

	now := c.now()
	switch {
	case c.agree(wall, now):
		c.set(wall)
	case c.independent && c.agree(wall, store):
		c.log.Warn("the clock jumped, and the store's clock agrees with it", "jump", wall.Sub(now))
		c.set(wall)
	case c.since.IsZero() || !c.agree(now.Add(c.jump), wall):
		c.jump, c.since = wall.Sub(now), time.Now()
		c.log.Warn("the clock jumped; keys ignore the jump until it is confirmed",
			"jump", c.jump, "after", c.confirmAfter())
	case time.Since(c.since) >= c.confirmAfter() && (!c.independent || !c.agree(now, store)):
		c.log.Warn("the jump of the clock has lasted; keys follow the clock now", "jump", c.jump)
		c.set(wall)
	}
}

// ringChanged restarts the waiting time of a jump that is not confirmed yet. So
// every key of the ring is older than confirmAfter when this clock jumps.
func (c *clock) ringChanged() {
	if !c.since.IsZero() {
		c.since = time.Now()
	}
}

// confirmAfter is how long a jump must last, with an unchanged ring, until it
// is accepted without the store's clock. By then every key has been published
// or deactivated for long enough.
func (c *clock) confirmAfter() time.Duration { return max(c.policy.PublishAhead, c.policy.Retention()) }

// agree reports whether two times differ by no more than the clock skew.
func (c *clock) agree(a, b time.Time) bool {
	return a.Sub(b).Abs() <= max(c.policy.ClockSkew, time.Second)
}
