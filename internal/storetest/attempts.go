package storetest

import (
	"context"
	"fmt"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/signetd/signet/internal/throttle"
)

var attemptCases = []singleCase{
	{"AttemptsFollowThePolicy", attemptsFollowPolicy},
	{"SecondCounterNeedsTheFirst", secondCounter},
	{"ThirdCounterNeedsTheOthers", thirdCounter},
	{"RefundWithoutACounterDoesNothing", refundWithoutCounter},
	{"DeleteAttemptsDeletesOneOwner", deleteAttempts},
	{"SweepDeletesDrainedCounters", sweepAttempts},
}

// A tester is a test or a property of rapid.
type tester interface {
	Context() context.Context
	Error(args ...any)
}

// reserve makes one attempt and returns how many counters accepted it.
func reserve(t tester, s Store, now time.Time, counters ...throttle.Counter) int {
	accepted, err := s.ReserveAttempt(t.Context(), counters, now)
	if err != nil {
		t.Error(err)
	}
	return accepted
}

// attemptsFollowPolicy makes random attempts and compares the store with
// throttle.Counter.Reserve.
func attemptsFollowPolicy(t *testing.T, s Store) {
	runs := 0
	rapid.Check(t, func(rt *rapid.T) {
		runs++
		c := throttle.Counter{Free: 2, Waits: []time.Duration{time.Second, 10 * time.Second, time.Minute}}
		c.Key.Owner[0], c.Key.Owner[1] = byte(runs), byte(runs>>8)
		steps := []time.Duration{
			0, 0, 0, time.Microsecond, time.Second - time.Microsecond, time.Second,
			10 * time.Second, time.Minute, 10 * time.Minute,
			-time.Second, -throttle.MaxSkew, -throttle.MaxSkew - time.Microsecond, -24 * time.Hour,
		}
		var want throttle.Count
		now := start
		for range rapid.IntRange(1, 12).Draw(rt, "attempts") {
			now = now.Add(rapid.SampledFrom(steps).Draw(rt, "step"))
			next, ok := c.Reserve(want, now)
			if got := reserve(rt, s, now, c) == 1; got != ok {
				rt.Fatalf("at %v: accepted %v, want %v; the count is %+v", now.Sub(start), got, ok, want)
			}
			want = next
			if ok && rapid.IntRange(0, 2).Draw(rt, "refund") == 0 {
				must(t, s.RefundAttempt(rt.Context(), []throttle.Counter{c}, now))
				want.DrainedAt = want.DrainedAt.Add(-c.Leak())
				if want.LastAt.Equal(now) {
					want.LastAt = want.BeforeAt
				}
			}
		}
	})
}

func secondCounter(t *testing.T, s Store) {
	address := throttle.Address(netip.MustParseAddr("192.0.2.1"), "app", 100)[0]
	account := throttle.Account("usr_ann")
	full := func(c throttle.Counter) int { return c.Free + 1 }
	for range full(account) {
		equal(t, reserve(t, s, start, address, account), 2)
	}
	for range full(address) - full(account) {
		equal(t, reserve(t, s, start, address, account), 1) // The account refuses, and the address still counts.
	}
	equal(t, reserve(t, s, start, address, account), 0)
	other := throttle.Account("usr_bob")
	for range 2 * full(other) {
		equal(t, reserve(t, s, start, address, other), 0) // The address refuses, so the account does not count.
	}
	for range full(other) {
		equal(t, reserve(t, s, start, other), 1)
	}
	equal(t, reserve(t, s, start, other), 0)
	must(t, s.RefundAttempt(t.Context(), []throttle.Counter{address, account}, start))
	equal(t, reserve(t, s, start, address, account), 2)
	equal(t, reserve(t, s, start, address, account), 0)
}

func thirdCounter(t *testing.T, s Store) {
	address := func(clientID string) []throttle.Counter {
		return throttle.Address(netip.MustParseAddr("192.0.2.1"), clientID, throttle.MinPerHour)
	}
	attempt := func(clientID string, c throttle.Counter) int {
		return reserve(t, s, start, append(address(clientID), c)...)
	}
	own, all := address("app")[0].Free+1, address("app")[1].Free+1
	ann, bob := throttle.Account("usr_ann"), throttle.Account("usr_bob")
	for range own {
		equal(t, attempt("app", ann), 3)
	}
	equal(t, attempt("app", ann), 0)

	for i := range all/own - 1 {
		for range own {
			c := throttle.Account(fmt.Sprint("usr_", i))
			equal(t, attempt(fmt.Sprint("client", i), c), 3)
		}
	}
	for range all % own {
		equal(t, attempt("other", bob), 3)
	}
	equal(t, attempt("last", bob), 1) // the counter of all clients refuses
	for range bob.Free + 1 - all%own {
		equal(t, reserve(t, s, start, bob), 1) // the account did not count that attempt
	}
	equal(t, reserve(t, s, start, bob), 0)

	must(t, s.RefundAttempt(t.Context(), append(address("app"), ann), start))
	equal(t, attempt("app", ann), 3)
	equal(t, attempt("app", ann), 0)
	equal(t, attempt("third", ann), 1)
}

func refundWithoutCounter(t *testing.T, s Store) {
	c := throttle.Account("usr_ann")
	must(t, s.RefundAttempt(t.Context(), []throttle.Counter{c}, start))
	for range c.Free + 1 {
		equal(t, reserve(t, s, start, c), 1)
	}
	equal(t, reserve(t, s, start, c), 0)
}

func deleteAttempts(t *testing.T, s Store) {
	must(t, s.DeleteAttempts(t.Context(), throttle.Owner("usr_ann")))
	full := func(c throttle.Counter) bool { return reserve(t, s, start, c) == 0 }
	counters := append(throttle.Device("usr_ann", "token"), throttle.Account("usr_ann"), throttle.Account("usr_bob"))
	for _, c := range counters {
		for range c.Free + 1 {
			equal(t, reserve(t, s, start, c), 1)
		}
		equal(t, full(c), true)
	}
	must(t, s.DeleteAttempts(t.Context(), throttle.Owner("usr_ann")))
	for i, c := range counters {
		equal(t, full(c), i == len(counters)-1)
	}
}

func sweepAttempts(t *testing.T, s Store) {
	sweep := func(now time.Time, limit, want int) {
		t.Helper()
		n, err := s.SweepAttempts(t.Context(), now, limit)
		must(t, err)
		equal(t, n, want)
	}
	sweep(start, 10, 0)
	var counters []throttle.Counter
	for i := range 5 {
		counters = append(counters, throttle.Account(fmt.Sprint("usr_", i)))
		equal(t, reserve(t, s, start.Add(time.Duration(i)*time.Second), counters[i]), 1)
	}
	drained := start.Add(counters[0].Leak())
	sweep(drained.Add(-time.Microsecond), 10, 0)
	sweep(drained, 10, 1)
	sweep(drained.Add(3*time.Second), 2, 2)
	sweep(drained.Add(3*time.Second), 2, 1)
	sweep(drained.Add(3*time.Second), 2, 0)
	must(t, s.RefundAttempt(t.Context(), counters[4:], start.Add(4*time.Second)))
	sweep(start.Add(4*time.Second), 10, 1)
}

// Rule 52: of 200 concurrent attempts on two servers every one is counted.
func concurrentAttempts(t *testing.T, servers [2]Store) {
	const attempts = 200
	account := throttle.Account("usr_ann")
	address := throttle.Address(netip.MustParseAddr("192.0.2.1"), "app", 10*attempts)[0]
	wide := throttle.Counter{
		Key: throttle.UnknownUser(nil, "n").Key, Free: attempts - 1, Waits: []time.Duration{time.Hour},
	}
	now := start.Add(time.Hour)
	var both, counted atomic.Int64
	atOnce(servers, attempts, func(_ int, s Store) {
		if reserve(t, s, now, address, account) == 2 {
			both.Add(1)
		}
		counted.Add(int64(reserve(t, s, now, wide)))
	})
	equal(t, both.Load(), int64(account.Free+1))
	equal(t, counted.Load(), int64(attempts))
	for i, c := range []throttle.Counter{account, wide} {
		equal(t, reserve(t, servers[i], now, c), 0)
	}
	for range address.Free + 1 - attempts {
		equal(t, reserve(t, servers[0], now, address), 1)
	}
	equal(t, reserve(t, servers[0], now, address), 0)
}

// concurrentAttemptsAndRefunds makes attempts from a few addresses through two
// clients at a few accounts, and refunds all of them. No call returns the error
// of a deadlock, and all counters have drained in the end.
func concurrentAttemptsAndRefunds(t *testing.T, servers [2]Store) {
	atOnce(servers, 16, func(i int, s Store) {
		for round := range 25 {
			now := start.Add(time.Duration(round) * time.Microsecond)
			address := netip.AddrFrom4([4]byte{192, 0, 2, byte(i % 3)})
			counters := append(throttle.Address(address, fmt.Sprint("app", i%2), throttle.MaxPerHour),
				throttle.Account(fmt.Sprint("usr_", (i+round)%4)))
			if accepted, err := s.ReserveAttempt(t.Context(), counters, now); err != nil {
				t.Error(err)
			} else if err := s.RefundAttempt(t.Context(), counters[:accepted], now); err != nil {
				t.Error(err)
			}
		}
	})
	n, err := servers[0].SweepAttempts(t.Context(), start.Add(time.Second), 100)
	must(t, err)
	equal(t, n, 3*2+3+4)
}
