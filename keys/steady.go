package keys

import (
	"log/slog"
	"sync/atomic"
	"time"
)

// A steady clock follows the wall clock, but does not jump with it. Between two readings it goes by the monotonic clock, so
// that it sees how far the wall clock has moved by itself, and takes a jump only once there is a reason to believe it. A
// process that has just started knows nothing of before: it believes the store's clock if that is another machine's, else
// the wall.
type steady struct {
	policy Policy
	wall   func() time.Time
	// independent says that the store's clock is not this machine's, so that the two can be held against each other.
	independent bool
	log         *slog.Logger

	base atomic.Pointer[reading]
	// jump is how far the wall has moved away from this clock, and since when (monotonic); zero while they agree.
	jump  time.Duration
	since time.Time
}

// A reading is a time that was accepted, and the monotonic moment of it.
type reading struct{ time, at time.Time }

// now is safe for concurrent use. It has microseconds, in UTC.
func (s *steady) now() time.Time {
	r := s.base.Load()
	return r.time.Add(time.Since(r.at)).Truncate(time.Microsecond)
}

func (s *steady) take(t time.Time) {
	// Truncate strips the monotonic reading, with which a jump of the wall could not be seen.
	s.base.Store(&reading{t.UTC().Truncate(time.Microsecond), time.Now()})
	s.jump, s.since = 0, time.Time{}
}

// meet holds this clock against the wall and the store's clock. One goroutine calls it, at every poll.
func (s *steady) meet(store time.Time) {
	wall := s.wall().UTC().Truncate(time.Microsecond)
	if s.base.Load() == nil {
		s.take(wall)
		if s.independent && !s.near(wall, store) {
			s.log.Warn("the clock is not the store's; keys go by the store's", "off by", wall.Sub(store))
			s.take(store)
		}
	}
	now := s.now()
	switch {
	case s.near(wall, now):
		s.take(wall)
	case s.independent && s.near(wall, store):
		s.log.Warn("the clock jumped, and the store's clock agrees with it", "by", wall.Sub(now))
		s.take(wall)
	case s.since.IsZero() || !s.near(now.Add(s.jump), wall):
		s.jump, s.since = wall.Sub(now), time.Now()
		s.log.Warn("the clock jumped; keys go on by the time of before until the jump is confirmed", "by", s.jump, "after", s.patience())
	case time.Since(s.since) >= s.patience() && (!s.independent || !s.near(now, store)):
		s.log.Warn("the clock has stayed where it jumped to; keys follow it now", "by", s.jump)
		s.take(wall)
	}
}

// ringChanged makes a jump that is not believed yet wait anew, so that no key of the ring is younger than patience when
// the time jumps.
func (s *steady) ringChanged() {
	if !s.since.IsZero() {
		s.since = time.Now()
	}
}

// patience is how long a jump must last, beside a ring that does not change, before it is believed without a second
// witness: then nothing that was published or deactivated before it is new any more.
func (s *steady) patience() time.Duration { return max(s.policy.PublishAhead, s.policy.Retention()) }

func (s *steady) near(a, b time.Time) bool {
	return a.Sub(b).Abs() <= max(s.policy.ClockSkew, time.Second)
}
