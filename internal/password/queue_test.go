package password

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// hashTime is how long a hash takes in the tests of the queue.
const hashTime = 100 * time.Millisecond

// queueBudget returns a budget with one CPU and that many places, on which a
// hash takes hashTime.
func queueBudget(t *testing.T, places int64) *budget {
	t.Helper()
	b, err := newBudget(places*bytesPerPlace, 1, testParams)
	must(t, err)
	b.duration = hashTime
	return b
}

// hash reserves a place for the caller, computes a hash that takes hashTime,
// and returns how long it has waited.
func (b *budget) hash(ctx context.Context, c Caller) (waited time.Duration, err error) {
	start := time.Now()
	ctx, release, err := b.reserve(ctx, c)
	if err != nil {
		return 0, err
	}
	defer release()
	err = b.run(ctx, testParams.need(), func() error {
		waited = time.Since(start)
		time.Sleep(hashTime)
		return nil
	})
	return waited, err
}

// flood makes n callers hash again and again until stop is called. Each has a
// deadline in a minute. stop checks that none has waited longer than maxWait.
func (b *budget) flood(t *testing.T, n int, caller func(i int) Caller) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			for ctx.Err() == nil {
				start := time.Now()
				_, err := b.hash(ctx, caller(i))
				if waited := time.Since(start); waited > maxWait+hashTime {
					t.Errorf("a caller got its answer %v after %v", err, waited)
				}
				if err != nil {
					time.Sleep(hashTime / 5)
				}
			}
		})
	}
	time.Sleep(2 * maxWait) // until the queue is as long as it gets
	return func() { cancel(); all.Wait() }
}

func address(i int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), 32)
}

// Rule 58: a caller with a long deadline does not keep others from hashing. No
// hash waits longer than maxWait, and clients take turns, whatever the number
// of requests and addresses of each.
func TestRule58_ClientsTakeTurns(t *testing.T) {
	for name, flooder := range map[string]func(i int) Caller{
		"one address":    func(int) Caller { return Caller{Client: "flooder"} },
		"many addresses": func(i int) Caller { return Caller{Client: "flooder", Address: address(i)} },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := queueBudget(t, 1000)
				stop := b.flood(t, 60, flooder)
				var all sync.WaitGroup
				for i := range 3 {
					all.Go(func() {
						for range 10 {
							waited, err := b.hash(t.Context(), Caller{Client: fmt.Sprint("honest", i)})
							// One hash runs. Each other client has a turn.
							if err != nil || waited > 4*hashTime {
								t.Errorf("another client waited %v, %v", waited, err)
							}
						}
					})
				}
				all.Wait()
				stop()
				wantFree(t, b)
			})
		})
	}
}

// Rule 58: the addresses of one client take turns.
func TestRule58_AddressesOfAClientTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := queueBudget(t, 1000)
		stop := b.flood(t, 60, func(int) Caller { return Caller{Client: "spa", Address: address(1)} })
		for range 10 {
			waited, err := b.hash(t.Context(), Caller{Client: "spa", Address: address(2)})
			if err != nil || waited > 2*hashTime {
				t.Errorf("another address waited %v, %v", waited, err)
			}
		}
		stop()
		wantFree(t, b)
	})
}

// A full queue refuses the latest place of the caller with the most places, not
// a new caller. A place whose hash has begun is not refused.
func TestBudget_FullQueueRefusesTheLongest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := queueBudget(t, 4)
		begin := func(c Caller) (context.Context, func()) {
			t.Helper()
			ctx, release, err := b.reserve(t.Context(), c)
			must(t, err)
			return ctx, release
		}
		wantOnly := func(contexts []context.Context, refused int) {
			t.Helper()
			for i, ctx := range contexts {
				if i == refused {
					wantBusy(t, context.Cause(ctx))
				} else if ctx.Err() != nil {
					t.Errorf("place %d was refused: %v", i, context.Cause(ctx))
				}
			}
		}
		one, two := Caller{"a", address(1)}, Caller{"a", address(2)}
		var places []context.Context
		var releases []func()
		for _, c := range []Caller{two, one, one, one} {
			ctx, release := begin(c)
			places, releases = append(places, ctx), append(releases, release)
		}
		_, _, err := b.reserve(t.Context(), one)
		wantBusy(t, err)
		wantOnly(places, -1)

		go b.run(places[3], testParams.need(), sleep(time.Hour))
		synctest.Wait()
		if ctx, release := begin(Caller{Client: "b"}); ctx.Err() == nil {
			releases = append(releases, release)
		}
		wantOnly(places, 2) // the latest one of the longest, whose hash has not begun
		wantBusy(t, b.run(places[2], testParams.need(), sleep(0)))
		_, release := begin(Caller{Client: "c"})
		wantOnly(places[:2], 1)
		wantOnly(places[3:], -1)
		_, _, err = b.reserve(t.Context(), Caller{Client: "b"})
		wantBusy(t, err)
		for _, release := range append(releases, release) {
			release()
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		wantFree(t, b)
	})
}

// A hash waits at most maxWait. The time before it waits does not count, in
// which the caller reads the user from the store.
func TestBudget_HashNotBegunInTimeIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := queueBudget(t, 100)
		go b.run(t.Context(), testParams.need(), sleep(time.Hour))
		synctest.Wait()
		slow, release, err := b.reserve(t.Context(), Caller{Client: "slow store"})
		must(t, err)
		time.Sleep(2 * maxWait)

		start := time.Now()
		err = b.run(slow, testParams.need(), sleep(0))
		if wantBusy(t, err).RetryAfter < time.Second || time.Since(start) != maxWait {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		if s := b.stats(); s.Refused != 1 || s.Waiting != 0 || s.Hashes != 1 {
			t.Errorf("Stats = %+v", s)
		}
		release()
		time.Sleep(time.Hour)
		synctest.Wait()
		wantFree(t, b)
	})
}

// The second hash of a place waits for its own turn.
func TestBudget_SecondHashOfAPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := queueBudget(t, 100)
		ctx, release, err := b.reserve(t.Context(), Caller{Client: "a"})
		must(t, err)
		must(t, b.run(ctx, testParams.need(), sleep(2*maxWait)))
		go b.run(t.Context(), testParams.need(), sleep(time.Hour))
		synctest.Wait()
		start := time.Now()
		wantBusy(t, b.run(ctx, testParams.need(), sleep(0)))
		if waited := time.Since(start); waited != maxWait || ctx.Err() != nil {
			t.Errorf("waited %v, context error %v", waited, ctx.Err())
		}
		time.Sleep(time.Hour)
		must(t, b.run(ctx, testParams.need(), sleep(0)))
		release()
		wantFree(t, b)
	})
}
