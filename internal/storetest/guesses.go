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

var guessCases = []single{
	{"GuessesAreTakenAsThePolicySays", guessesByPolicy},
	{"SecondCounterIsAskedIfTheFirstTakes", secondCounter},
	{"GuessOfNobodyIsGivenBack", giveBackNothing},
	{"DeleteAttemptsForgetsAnOwner", forgetGuesses},
	{"SweepDeletesDrainedCounters", sweepGuesses},
}

// A tester is what a test and a property have in common.
type tester interface {
	Context() context.Context
	Error(args ...any)
}

// take makes one guess and returns how many counters took it.
func take(t tester, s Store, now time.Time, counters ...throttle.Counter) int {
	taken, err := s.ReserveAttempt(t.Context(), counters, now)
	if err != nil {
		t.Error(err)
	}
	return taken
}

// guessesByPolicy runs random guesses and compares what the store does with what throttle.Counter.Take says.
func guessesByPolicy(t *testing.T, s Store) {
	tries := 0
	rapid.Check(t, func(rt *rapid.T) {
		tries++
		c := throttle.Counter{Free: 2, Waits: []time.Duration{time.Second, 10 * time.Second, time.Minute}}
		c.Key.Owner[0], c.Key.Owner[1] = byte(tries), byte(tries>>8)
		steps := []time.Duration{
			0, 0, 0, time.Microsecond, time.Second - time.Microsecond, time.Second, 10 * time.Second, time.Minute, 10 * time.Minute,
			-time.Second, -throttle.MaxSkew, -throttle.MaxSkew - time.Microsecond, -24 * time.Hour,
		}
		var want throttle.Count
		now := start
		for range rapid.IntRange(1, 12).Draw(rt, "guesses") {
			now = now.Add(rapid.SampledFrom(steps).Draw(rt, "step"))
			next, ok := c.Take(want, now)
			if got := take(rt, s, now, c) == 1; got != ok {
				rt.Fatalf("at %v: taken %v, want %v; counted %+v", now.Sub(start), got, ok, want)
			}
			want = next
			if ok && rapid.IntRange(0, 2).Draw(rt, "right") == 0 {
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
	address, account := throttle.Address(netip.MustParseAddr("192.0.2.1"), 100), throttle.Account("usr_ann")
	full := func(c throttle.Counter) int { return c.Free + 1 }
	for range full(account) {
		equal(t, take(t, s, start, address, account), 2)
	}
	for range full(address) - full(account) {
		equal(t, take(t, s, start, address, account), 1) // the account refuses, the address counts all the same
	}
	equal(t, take(t, s, start, address, account), 0)
	other := throttle.Account("usr_bob")
	for range 2 * full(other) {
		equal(t, take(t, s, start, address, other), 0) // the account is not asked
	}
	for range full(other) {
		equal(t, take(t, s, start, other), 1)
	}
	equal(t, take(t, s, start, other), 0)
	must(t, s.RefundAttempt(t.Context(), []throttle.Counter{address, account}, start))
	equal(t, take(t, s, start, address, account), 2)
	equal(t, take(t, s, start, address, account), 0)
}

func giveBackNothing(t *testing.T, s Store) {
	c := throttle.Account("usr_ann")
	must(t, s.RefundAttempt(t.Context(), []throttle.Counter{c}, start))
	for range c.Free + 1 {
		equal(t, take(t, s, start, c), 1)
	}
	equal(t, take(t, s, start, c), 0)
}

func forgetGuesses(t *testing.T, s Store) {
	must(t, s.DeleteAttempts(t.Context(), throttle.Owner("usr_ann")))
	full := func(c throttle.Counter) bool { return take(t, s, start, c) == 0 }
	counters := append(throttle.Device("usr_ann", "token"), throttle.Account("usr_ann"), throttle.Account("usr_bob"))
	for _, c := range counters {
		for range c.Free + 1 {
			equal(t, take(t, s, start, c), 1)
		}
		equal(t, full(c), true)
	}
	must(t, s.DeleteAttempts(t.Context(), throttle.Owner("usr_ann")))
	for i, c := range counters {
		equal(t, full(c), i == len(counters)-1)
	}
}

func sweepGuesses(t *testing.T, s Store) {
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
		equal(t, take(t, s, start.Add(time.Duration(i)*time.Second), counters[i]), 1)
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

func guessesInParallel(t *testing.T, servers [2]Store) {
	const guesses = 200
	account, address := throttle.Account("usr_ann"), throttle.Address(netip.MustParseAddr("192.0.2.1"), 10*guesses)
	wide := throttle.Counter{Key: throttle.Nobody(nil, "n").Key, Free: guesses - 1, Waits: []time.Duration{time.Hour}}
	now := start.Add(time.Hour)
	var both, counted atomic.Int64
	atOnce(servers, guesses, func(_ int, s Store) {
		if take(t, s, now, address, account) == 2 {
			both.Add(1)
		}
		counted.Add(int64(take(t, s, now, wide)))
	})
	equal(t, both.Load(), int64(account.Free+1))
	equal(t, counted.Load(), int64(guesses))
	for i, c := range []throttle.Counter{account, wide} {
		equal(t, take(t, servers[i], now, c), 0)
	}
	for range address.Free + 1 - guesses {
		equal(t, take(t, servers[0], now, address), 1)
	}
	equal(t, take(t, servers[0], now, address), 0)
}

// guessesAndReturns makes guesses from a few addresses at a few accounts, and takes all of them back. Nobody is told of a
// deadlock, and nothing is left.
func guessesAndReturns(t *testing.T, servers [2]Store) {
	atOnce(servers, 16, func(i int, s Store) {
		for round := range 25 {
			now := start.Add(time.Duration(round) * time.Microsecond)
			counters := []throttle.Counter{
				throttle.Address(netip.AddrFrom4([4]byte{192, 0, 2, byte(i % 3)}), throttle.MaxPerHour),
				throttle.Account(fmt.Sprint("usr_", (i+round)%4)),
			}
			if taken, err := s.ReserveAttempt(t.Context(), counters, now); err != nil {
				t.Error(err)
			} else if err := s.RefundAttempt(t.Context(), counters[:taken], now); err != nil {
				t.Error(err)
			}
		}
	})
	n, err := servers[0].SweepAttempts(t.Context(), start.Add(time.Second), 100)
	must(t, err)
	equal(t, n, 7)
}
