package throttle

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var start = time.Date(2026, 2, 28, 23, 59, 58, 987_654_000, time.UTC)

func TestWaitsGrow(t *testing.T) {
	for _, c := range []struct {
		name    string
		counter Counter
		free    int
		waits   []time.Duration
	}{
		{"account", Account("u"), 12, []time.Duration{
			1977539, 7910156, 31640625, 126562500, 506250000, 2025000000, 8100000000, 32400000000,
		}},
		{"a shared device", Device("u", "t")[1], 20, []time.Duration{
			2197265, 8789062, 35156250, 140625000, 562500000, 2250000000, 9000000000, 36000000000,
		}},
		{"address, 100 an hour", Address(netip.MustParseAddr("192.0.2.1"), 100), 22, []time.Duration{3000000, 12000000, 48000000}},
		{"address, 20 an hour", Address(netip.MustParseAddr("192.0.2.1"), MinPerHour), 1, []time.Duration{3750000, 15000000, 60000000, 240000000}},
		{"address, 10,000 an hour", Address(netip.MustParseAddr("192.0.2.1"), MaxPerHour), 2499, []time.Duration{480000}},
	} {
		for i := range c.waits {
			c.waits[i] *= time.Microsecond
		}
		if c.counter.Free != c.free || !slices.Equal(c.counter.Waits, c.waits) {
			t.Errorf("%s: %d free, then %v; want %d, then %v", c.name, c.counter.Free, c.counter.Waits, c.free, c.waits)
		}
	}
}

// Each line guesses once, so long after the line before it.
func TestTake(t *testing.T) {
	c := Counter{Free: 2, Waits: []time.Duration{time.Second, 10 * time.Second, time.Minute}}
	var n Count
	now := start
	for i, line := range []struct {
		after time.Duration
		want  bool
	}{
		{0, true},
		{0, true},
		{0, true}, // nothing waits after the first two, the third is waited for
		{0, false},
		{999_999 * time.Microsecond, false},
		{time.Microsecond, true},
		{10*time.Second - time.Microsecond, false},
		{time.Microsecond, true},
		{48 * time.Second, false},
		{time.Second, true}, // full, but for the 11 seconds' worth that had leaked
		{time.Minute - time.Microsecond, false},
		{time.Microsecond, true},
		{2 * time.Minute, true},
		{0, false},
		{10 * time.Second, true},
		{-30 * time.Second, false}, // another server's clock
		{-2 * time.Hour, true},     // set back: it holds up nobody, and nothing has leaked
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
		if n, ok = c.Take(n, now); ok != line.want {
			t.Errorf("guess %d, at %v: taken %v, want %v", i, now.Sub(start), ok, line.want)
		}
	}
}

var secret = []byte("a secret")

func anyCounter(t *rapid.T) Counter {
	return rapid.SampledFrom([]Counter{
		Account("u"), Nobody(secret, "n"), Device("u", "t")[0], Device("u", "t")[1],
		Address(netip.MustParseAddr("192.0.2.1"), rapid.IntRange(MinPerHour, 300).Draw(t, "per hour")),
	}).Draw(t, "counter")
}

// Whenever somebody guesses, no window has more guesses than the counter promises, whatever is given back in between; and
// after the longest wait it takes one.
func TestRule51_NoWindowHasMoreGuessesThanPromised(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := anyCounter(t)
		pauses := append([]time.Duration{0, 0, time.Microsecond, time.Second, c.Leak() - time.Microsecond, 10 * c.Leak()}, c.Waits...)
		var n Count
		var taken []time.Time
		now := start
		for range rapid.IntRange(0, 400).Draw(t, "guesses") {
			now = now.Add(rapid.SampledFrom(pauses).Draw(t, "pause"))
			before := n
			var ok bool
			if n, ok = c.Take(n, now); ok {
				taken = append(taken, now)
			} else if now.Sub(n.LastAt) >= c.Leak() {
				t.Fatalf("refused %v after the last guess", now.Sub(n.LastAt))
			}
			if ok && rapid.IntRange(0, 3).Draw(t, "right") == 0 {
				n, taken = before, taken[:len(taken)-1] // as the stores give it back
			}
		}
		for i, first := range taken {
			for j, last := range taken[i:] {
				if most := c.Burst() + int(last.Sub(first)/c.Leak()); j+1 > most {
					t.Fatalf("%d guesses within %v, want at most %d", j+1, last.Sub(first), most)
				}
			}
		}
	})
}

// An attacker who never rests gets what the policy says: 100 guesses in any 30 days, and 100 an hour from an address.
func TestRule51_TheLimitsInFigures(t *testing.T) {
	const month = 30 * 24 * time.Hour
	devices := Device("u", "t")
	for _, c := range []struct {
		name    string
		counter Counter
		window  time.Duration
		most    int
	}{
		{"account", Account("u"), month, 100},
		{"nobody", Nobody(secret, "n"), month, 100},
		{"device", devices[0], month, 80},
		{"all devices", devices[1], month, 100},
		{"address", Address(netip.MustParseAddr("192.0.2.1"), 100), time.Hour, 100},
	} {
		var n Count
		got := 0
		for now := start; now.Sub(start) <= c.window; now = now.Add(7 * time.Second) {
			for ok := true; ok; {
				if n, ok = c.counter.Take(n, now); ok {
					got++
				}
			}
		}
		if got > c.most || got < c.most*9/10 {
			t.Errorf("%s: %d guesses in %v, want at most %d and not many less", c.name, got, c.window, c.most)
		}
	}
}

// One device alone does not make the other devices of the account wait.
func TestOneDeviceLeavesTheOthersFree(t *testing.T) {
	stolen := Device("u", "stolen")
	var own, shared Count
	for now := start; now.Sub(start) < 90*24*time.Hour; now = now.Add(10 * time.Second) {
		var ok bool
		if own, ok = stolen[0].Take(own, now); !ok {
			continue
		}
		if shared, ok = stolen[1].Take(shared, now); !ok {
			t.Fatalf("after %v the devices together are throttled", now.Sub(start))
		}
	}
}

func TestKeys(t *testing.T) {
	address := func(text string) Key { return Address(netip.MustParseAddr(text), 100).Key }
	same := map[string][2]Key{
		"IPv6 of one /64":     {address("2001:db8::1"), address("2001:db8::ffff:1:2:3")},
		"IPv4 in two forms":   {address("192.0.2.1"), address("::ffff:192.0.2.1")},
		"zones":               {address("fe80::1%eth0"), address("fe80::1%eth1")},
		"devices, any":        {Device("u", "t")[1].Key, Device("u", "v")[1].Key},
		"a name that is none": {Nobody(secret, "n").Key, Nobody(secret, "n").Key},
	}
	for name, k := range same {
		if k[0] != k[1] {
			t.Errorf("%s: two counters", name)
		}
	}
	keys := map[Key]string{}
	for name, k := range map[string]Key{
		"u": Account("u").Key, "v": Account("v").Key, "nobody u": Nobody(secret, "u").Key, "nobody v": Nobody(secret, "v").Key,
		"device t": Device("u", "t")[0].Key, "device v": Device("u", "v")[0].Key, "v's": Device("v", "t")[0].Key,
		"devices": Device("u", "t")[1].Key, "v's devices": Device("v", "t")[1].Key,
		"192.0.2.1": address("192.0.2.1"), "192.0.2.2": address("192.0.2.2"),
		"a /64": address("2001:db8::1"), "the next /64": address("2001:db8:0:1::1"),
	} {
		if other, taken := keys[k]; taken {
			t.Errorf("%s and %s share a counter", name, other)
		}
		keys[k] = name
	}
	if Nobody(secret, "n").Key == Nobody([]byte("another secret"), "n").Key {
		t.Error("who does not have the secret can tell the counter of a name")
	}
	if Account("u").Key.Owner != Owner("u") || Device("u", "t")[0].Key.Owner != Owner("u") || Device("u", "t")[1].Key.Owner != Owner("u") {
		t.Error("the counters of an account are not all its owner's")
	}
}

// Guessed names do not fill the store.
func TestNobodyHasFewCounters(t *testing.T) {
	counters := map[Key]bool{}
	for i := range 1 << 18 {
		counters[Nobody(secret, "guessed "+time.Duration(i).String()).Key] = true
	}
	if len(counters) > 1<<16 {
		t.Errorf("%d counters, want 65,536 at most", len(counters))
	}
}
