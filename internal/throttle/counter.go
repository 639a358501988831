package throttle

import "time"

// A Key names a counter. Both halves are hashes, so that a store holds neither guessed names nor addresses.
type Key struct {
	// Owner is whose counter it is: an account or an address. Part tells the counters of one owner apart.
	Owner, Part [16]byte
}

// A Counter takes guesses as a leaky bucket does. After each of the first Free ones the next is taken at once; after each
// further one there is a wait, as Waits says, the last of which holds for all that follow. In the time of the last wait, the
// Leak, one guess leaks away. So there are never more than the Burst in it, which is Free + len(Waits), and no window of time w
// has more than Burst + w/Leak that were taken and not given back.
type Counter struct {
	Key   Key
	Free  int
	Waits []time.Duration
}

// A Count is what a counter has counted. Guesses that were refused leave no trace, so that whoever tries too early does not
// have to wait the longer for it.
type Count struct {
	// LastAt is when the last guess was taken, BeforeAt when the one before it was; the zero times mean never.
	LastAt, BeforeAt time.Time
	// DrainedAt is when the last guess will have leaked away.
	DrainedAt time.Time
}

// MaxSkew is by how much the clocks of servers may differ, and by how much the clock may be set back before waits are
// shortened for it. A last guess that is further in the future holds up nobody: else nobody could guess until the clock has
// caught up. It is far more than the clocks of one store's servers differ by: one that was further behind would not make
// anybody wait.
const MaxSkew = time.Hour

// growth is by how much each wait is longer than the one before.
const growth = 4

// leaky returns a counter that holds burst guesses at most, of which one leaks away every leak.
func leaky(key Key, burst int, leak time.Duration) Counter {
	c := Counter{Key: key, Waits: []time.Duration{leak}}
	for w := leak / growth; w >= time.Second && len(c.Waits) < burst; w /= growth {
		c.Waits = append([]time.Duration{w.Truncate(time.Microsecond)}, c.Waits...)
	}
	c.Free = burst - len(c.Waits)
	return c
}

// Leak is how long it takes until one guess has leaked away.
func (c Counter) Leak() time.Duration { return c.Waits[len(c.Waits)-1] }

// Burst is how many guesses the counter holds.
func (c Counter) Burst() int { return c.Free + len(c.Waits) }

// Take says whether the counter takes one more guess at that time, and what it has counted then.
func (c Counter) Take(n Count, now time.Time) (Count, bool) {
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

// wait returns how long after the last guess the next one is taken.
func (c Counter) wait(level time.Duration) time.Duration {
	guesses := int((level + c.Leak() - 1) / c.Leak())
	if guesses <= c.Free {
		return 0
	}
	return c.Waits[min(guesses-c.Free, len(c.Waits))-1]
}

// level is how long it takes until all is drained. While a clock that was set back catches up, nothing drains.
func (n Count) level(now time.Time) time.Duration {
	if now.Before(n.LastAt) {
		now = n.LastAt
	}
	return max(0, n.DrainedAt.Sub(now))
}
