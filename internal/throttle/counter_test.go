package throttle

import (
	"net/netip"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var start = time.Date(2026, 2, 28, 23, 59, 58, 987_654_000, time.UTC)

// Each line makes one attempt, the given time after the attempt before it.
func TestReserve_FollowsWaits(t *testing.T) {
	c := Counter{Free: 2, Waits: []time.Duration{time.Second, 10 * time.Second, time.Minute}}
	var n Count
	now := start
	for i, line := range []struct {
		after time.Duration
		want  bool
	}{
		{0, true},
		{0, true},
		{0, true}, // the first wait follows the third attempt
		{0, false},
		{999_999 * time.Microsecond, false},
		{time.Microsecond, true},
		{10*time.Second - time.Microsecond, false},
		{time.Microsecond, true},
		{48 * time.Second, false},
		{time.Second, true}, // full, except for the leak of 11 seconds
		{time.Minute - time.Microsecond, false},
		{time.Microsecond, true},
		{2 * time.Minute, true},
		{0, false},
		{10 * time.Second, true},
		{-30 * time.Second, false}, // the clock of another server
		{-2 * time.Hour, true},     // set back: no wait, no leak
		{0, false},
		{59 * time.Second, false},
		{time.Second, true},
		{24 * time.Hour, true},
		{0, true},
		{0, true},
		{0, false},
	} {
		now = now.Add(line.after)
		var ok bool
		if n, ok = c.Reserve(n, now); ok != line.want {
			t.Errorf("attempt %d at %v: accepted = %v, want %v", i, now.Sub(start), ok, line.want)
		}
	}
}

var secret = []byte("a secret")

func anyCounter(t *rapid.T) Counter {
	return rapid.SampledFrom([]Counter{
		Account("u"), UnknownUser(secret, "n"), Device("u", "t")[0], Device("u", "t")[1],
		rapid.SampledFrom(
			Address(netip.MustParseAddr("192.0.2.1"), "c", rapid.IntRange(MinPerHour, 300).Draw(t, "per hour")),
		).Draw(t, "of the address"),
	}).Draw(t, "counter")
}

// Rule 51: in every window of time, a counter accepts at most as many attempts
// as its doc comment states, at whatever times they come and whichever of them
// are refunded. After the longest wait it accepts one.
func TestRule51_NoWindowExceedsTheLimit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := anyCounter(t)
		pauses := append([]time.Duration{
			0, 0, time.Microsecond, time.Second, c.Leak() - time.Microsecond, 10 * c.Leak(),
		}, c.Waits...)
		var n Count
		var accepted []time.Time
		now := start
		for range rapid.IntRange(0, 400).Draw(t, "attempts") {
			now = now.Add(rapid.SampledFrom(pauses).Draw(t, "pause"))
			before := n
			var ok bool
			if n, ok = c.Reserve(n, now); ok {
				accepted = append(accepted, now)
			} else if now.Sub(n.LastAt) >= c.Leak() {
				t.Fatalf("rejected %v after the last attempt", now.Sub(n.LastAt))
			}
			if ok && rapid.IntRange(0, 3).Draw(t, "password matches") == 0 {
				// The stores refund the attempt in the same way.
				n, accepted = before, accepted[:len(accepted)-1]
			}
		}
		for i, first := range accepted {
			for j, last := range accepted[i:] {
				if most := c.Burst() + int(last.Sub(first)/c.Leak()); j+1 > most {
					t.Fatalf("%d attempts within %v, want at most %d", j+1, last.Sub(first), most)
				}
			}
		}
	})
}
