package throttle

import "time"

// A Key identifies a counter. Owner and Part are hashes, so a store contains
// neither the attempted user names nor the addresses.
type Key struct {
	// Owner identifies the account or the address that is counted. Part
	// distinguishes the counters of one owner.
	Owner, Part [16]byte
}

// A Counter limits attempts as a leaky bucket does.
//
// After each of the first Free attempts, the counter accepts the next one at
// once. After each further attempt it rejects attempts for a while. Waits lists
// these times in order. The last wait applies to all later attempts.
//
// One attempt leaks out of the bucket in every Leak, which is the last wait. So
// the bucket never holds more than Burst attempts, which is Free + len(Waits).
// In any window of length w, the counter accepts at most Burst + w/Leak
// attempts that are not refunded.
type Counter struct {
	Key   Key
	Free  int
	Waits []time.Duration
}

// A Count is the state of a counter. A rejected attempt does not change it, so
// an early retry does not make the wait longer.
type Count struct {
	// LastAt is the time of the last accepted attempt. BeforeAt is the time of
	// the accepted attempt before it. The zero time means that there was none.
	LastAt, BeforeAt time.Time
	// DrainedAt is the time at which the bucket will be empty.
	DrainedAt time.Time
}

// MaxSkew is the largest difference between the clocks of two servers. It is
// also the largest step by which a clock can be set back without shortening a
// wait.
//
// If the last attempt is more than MaxSkew in the future, the counter does not
// enforce the wait. Otherwise it would reject all attempts until the clock has
// caught up. For the same reason, a server whose clock is more than MaxSkew
// behind enforces no waits. So MaxSkew is far larger than the real difference
// between the servers of one store.
const MaxSkew = time.Hour

// growth is the factor between one wait and the next.
const growth = 4

// leaky returns a counter that holds at most burst attempts, of which one leaks
// out in every leak.
func leaky(key Key, burst int, leak time.Duration) Counter {
	c := Counter{Key: key, Waits: []time.Duration{leak}}
	for w := leak / growth; w >= time.Second && len(c.Waits) < burst; w /= growth {
		c.Waits = append([]time.Duration{w.Truncate(time.Microsecond)}, c.Waits...)
	}
	c.Free = burst - len(c.Waits)

	return c
}

// Leak returns the time in which one attempt leaks out of the bucket.
func (c Counter) Leak() time.Duration { return c.Waits[len(c.Waits)-1] }

// Burst returns the number of attempts that the bucket holds at most.
func (c Counter) Burst() int { return c.Free + len(c.Waits) }

// Reserve reserves one attempt at the time now. It returns the new count and
// true. If the counter rejects the attempt, it returns the unchanged count and
// false.
func (c Counter) Reserve(n Count, now time.Time) (Count, bool) {
	level, setBack := n.level(now), now.Before(n.LastAt.Add(-MaxSkew))
	if !setBack && now.Before(n.LastAt) {
		now = n.LastAt
	}
	if !setBack && now.Sub(n.LastAt) < c.wait(level) {
		return n, false
	}

	level = min(level+c.Leak(), time.Duration(c.Burst())*c.Leak())
	return Count{LastAt: now, BeforeAt: n.LastAt, DrainedAt: now.Add(level)}, true
}

// wait returns how long after the last attempt the counter accepts the next
// one.
func (c Counter) wait(level time.Duration) time.Duration {
	attempts := int((level + c.Leak() - 1) / c.Leak())
	if attempts <= c.Free {
		return 0
	}
	return c.Waits[min(attempts-c.Free, len(c.Waits))-1]
}

// level returns the time until the bucket is empty. Nothing leaks while a clock
// that was set back catches up.
func (n Count) level(now time.Time) time.Duration {
	if now.Before(n.LastAt) {
		now = n.LastAt
	}
	return max(0, n.DrainedAt.Sub(now))
}
