package keys

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// At most as many RSA signatures are in progress as there are CPUs.
func TestSigningQueue_BoundsTheSignaturesInProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newSigningQueue(2, 0)
		var mu sync.Mutex
		running, most := 0, 0
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				_, _ = q.run(func() ([]byte, error) {
					mu.Lock()
					running++
					most = max(most, running)
					mu.Unlock()
					time.Sleep(time.Millisecond)
					mu.Lock()
					running--
					mu.Unlock()
					return nil, nil
				})
			})
		}
		all.Wait()
		if most != 2 {
			t.Errorf("%d signatures in progress, want 2", most)
		}
	})
}

// reserveAll takes the places of a queue for one CPU and returns what releases
// them.
func reserveAll(t *testing.T, q *signingQueue) (held []func()) {
	t.Helper()
	for range placesPerCPU {
		release, err := q.reserve(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, release)
	}
	return held
}

// Places are given in the order of arrival. A caller that stops waiting does
// not take one.
func TestSigningQueue_Order(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newSigningQueue(1, 0)
		held := reserveAll(t, q)

		canceled, cancel := context.WithCancel(t.Context())
		var order []int
		var all sync.WaitGroup
		for n := range 4 {
			all.Go(func() {
				ctx := t.Context()
				if n == 1 {
					ctx = canceled
				}
				release, err := q.reserve(ctx)
				if n == 1 {
					if !errors.Is(err, context.Canceled) {
						t.Errorf("a canceled caller: %v", err)
					}
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
				order = append(order, n)
				release()
			})
			synctest.Wait()
		}
		cancel()
		synctest.Wait()
		held[0]()
		all.Wait()
		if len(order) != 3 || order[0] != 0 || order[1] != 2 || order[2] != 3 {
			t.Errorf("places were given in the order %v, want 0, 2, 3", order)
		}
		if n := q.waiting.Load(); n != 0 {
			t.Errorf("%d callers wait, want none", n)
		}
	})
}

// The wait ends before the deadline, so that the caller can still be answered.
func TestSigningQueue_StopsBeforeTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newSigningQueue(1, 0)
		reserveAll(t, q)
		for timeout, want := range map[time.Duration]time.Duration{
			time.Second: 750 * time.Millisecond, 10 * time.Second: 9500 * time.Millisecond,
		} {
			ctx, cancel := context.WithTimeout(t.Context(), timeout)
			start := time.Now()
			_, err := q.reserve(ctx)
			if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != want || ctx.Err() != nil {
				t.Errorf("deadline in %s: %v after %s, want %s", timeout, err, time.Since(start), want)
			}
			cancel()
		}
	})
}

// A caller beyond those that may wait gets an error at once, and the others get
// their places.
func TestSigningQueue_BoundsTheCallersThatWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newSigningQueue(1, 2)
		held := reserveAll(t, q)
		var waiting sync.WaitGroup
		for range 2 {
			waiting.Go(func() {
				release, err := q.reserve(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				release()
			})
		}
		synctest.Wait()
		if _, err := q.reserve(t.Context()); !errors.Is(err, errQueueFull) {
			t.Errorf("the third that would wait: %v", err)
		}
		for _, release := range held {
			release()
		}
		waiting.Wait()
		if n := q.waiting.Load(); n != 0 {
			t.Errorf("%d callers are counted after all have their places", n)
		}
	})
}
