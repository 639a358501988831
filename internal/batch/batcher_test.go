package batch_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetd/signet/internal/batch"
)

// squarer squares each request in a run of one second, and records the batches.
type squarer struct {
	mu      sync.Mutex
	batches [][]int
}

func (s *squarer) run(requests []int) []batch.Result[int] {
	s.mu.Lock()
	s.batches = append(s.batches, slices.Clone(requests))
	s.mu.Unlock()
	time.Sleep(time.Second)
	return squares(requests)
}

func squares(requests []int) []batch.Result[int] {
	results := make([]batch.Result[int], len(requests))
	for i, r := range requests {
		results[i].Value = r * r
	}
	return results
}

// wantBatches fails the test unless exactly these batches ran, in this order.
func (s *squarer) wantBatches(t *testing.T, want ...[]int) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.EqualFunc(s.batches, want, slices.Equal) {
		t.Errorf("batches %v, want %v", s.batches, want)
	}
}

// send sends each request from its own goroutine, in order. It returns a
// function that waits for all results.
func send(t *testing.T, b *batch.Batcher[int, int, int], requests ...int) (wait func()) {
	t.Helper()
	var all sync.WaitGroup
	for _, r := range requests {
		all.Go(func() {
			if got, err := b.Do(t.Context(), r); err != nil || got != r*r {
				t.Errorf("the result of %d is %d, %v", r, got, err)
			}
		})
		synctest.Wait()
	}
	return all.Wait
}

func TestDo_LoneRequestRunsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &squarer{}
		b := batch.New(batch.Options[int, int, int]{Run: s.run, MaxInProgress: 1, MaxSize: 10})
		start := time.Now()
		send(t, b, 3)()
		if took := time.Since(start); took != time.Second {
			t.Errorf("took %s, want one second, the duration of a run", took)
		}
	})
}

func TestDo_WaitersShareABatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &squarer{}
		var sizes []int
		b := batch.New(batch.Options[int, int, int]{Run: s.run, MaxInProgress: 2, MaxSize: 3, OnDispatch: func(n int) {
			s.mu.Lock()
			defer s.mu.Unlock()
			sizes = append(sizes, n)
		}})
		send(t, b, 1, 2, 3, 4, 5, 6, 7)()
		s.mu.Lock()
		slices.Sort(sizes)
		s.mu.Unlock()
		if !slices.Equal(sizes, []int{1, 1, 2, 3}) {
			t.Errorf("sizes %v, want two single requests, then batches of three and two", sizes)
		}
		send(t, b, 8)() // no batch is in progress any more
	})
}

// Up to three concurrent requests run at once. The fourth one makes requests
// share: from then on at most one batch runs, with all requests that wait.
func TestDo_SharesBatchesOnlyAboveTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &squarer{}
		b := batch.New(batch.Options[int, int, int]{Run: s.run, MaxInProgress: 1, MaxSize: 10, MaxUnbatched: 3})
		few := send(t, b, 1, 2, 3)
		time.Sleep(time.Second / 2)
		send(t, b, 4, 5, 6, 7)()
		few()
		s.wantBatches(t, []int{1}, []int{2}, []int{3}, []int{4, 5, 6, 7})

		many := send(t, b, 8, 9, 10, 11, 12, 13, 14)
		time.Sleep(3 * time.Second / 2) // the batch of four is in progress
		later := send(t, b, 15)
		many()
		later()
		s.wantBatches(t,
			[]int{1}, []int{2}, []int{3}, []int{4, 5, 6, 7},
			[]int{8}, []int{9}, []int{10}, []int{11, 12, 13, 14}, []int{15})
	})
}

// Simultaneous requests above the limit share one batch, although there could
// be a batch for each. With one processor the goroutines run one after the
// other. The scheduler may still run the batch first, so that half of the tries
// are enough.
func TestDo_SimultaneousRequestsShareABatch(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	const tries, requests = 20, 5
	shared := 0
	for range tries {
		synctest.Test(t, func(t *testing.T) {
			s := &squarer{}
			b := batch.New(batch.Options[int, int, int]{Run: s.run, MaxInProgress: 4, MaxSize: 10, MaxUnbatched: 1})
			var all sync.WaitGroup
			for r := range requests {
				all.Go(func() {
					if got, err := b.Do(t.Context(), r); err != nil || got != r*r {
						t.Errorf("the result of %d is %d, %v", r, got, err)
					}
				})
			}
			all.Wait()
			// The first request ran alone.
			if len(s.batches) == 2 && len(s.batches[1]) == requests-1 {
				shared++
			}
		})
	}
	if shared < tries/2 {
		t.Errorf("the requests shared one batch in %d of %d tries", shared, tries)
	}
}

// A caller whose deadline is far enough away runs its own batch. Requests that
// arrive meanwhile run afterwards. A caller with less time than the maximum
// duration of a run does not wait longer than its deadline.
func TestDo_CallerRunsItsOwnBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &squarer{}
		b := batch.New(batch.Options[int, int, int]{
			Run: s.run, MaxInProgress: 1, MaxSize: 10, MaxRunTime: 2 * time.Second,
		})
		first := send(t, b, 1)
		send(t, b, 2, 3)()
		first()
		s.wantBatches(t, []int{1}, []int{2, 3})

		start := time.Now()
		short, cancelShort := context.WithTimeout(t.Context(), time.Second/2)
		defer cancelShort()
		if _, err := b.Do(short, 4); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second/2 {
			t.Errorf("error %v after %s, want that of the deadline", err, time.Since(start))
		}

		time.Sleep(time.Second)
		long, cancelLong := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancelLong()
		if got, err := b.Do(long, 5); got != 25 || err != nil {
			t.Errorf("%d, %v", got, err)
		}
		s.wantBatches(t, []int{1}, []int{2, 3}, []int{4}, []int{5})
	})
}

func TestDo_KeyIsUniqueInABatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &squarer{}
		b := batch.New(batch.Options[int, int, int]{
			Run: s.run, MaxInProgress: 1, MaxSize: 10, Key: func(r int) int { return r % 10 },
		})
		send(t, b, 1, 2, 12, 3, 22, 4)()
		s.wantBatches(t, []int{1}, []int{2, 3, 4}, []int{12}, []int{22})
	})
}

func TestDo_RequestsDuringThePauseShareABatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &squarer{}
		b := batch.New(batch.Options[int, int, int]{
			Run: s.run, MaxInProgress: 1, MaxSize: 10, Pause: func() { time.Sleep(time.Second) },
		})
		send(t, b, 1)()
		send(t, b, 2, 3)()
		time.Sleep(time.Second)
		send(t, b, 4)()
		s.wantBatches(t, []int{1}, []int{2, 3}, []int{4})
		time.Sleep(time.Second)
	})
}

func TestDo_CanceledWaiterIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &squarer{}
		b := batch.New(batch.Options[int, int, int]{Run: s.run, MaxInProgress: 1, MaxSize: 10})
		defer send(t, b, 1)()
		short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := b.Do(short, 2); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v, want the deadline", err)
		}
		send(t, b, 3)()
		s.wantBatches(t, []int{1}, []int{3})
	})
}

func TestDo_DeadlineDoesNotStopABatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &squarer{}
		b := batch.New(batch.Options[int, int, int]{Run: s.run, MaxInProgress: 1, MaxSize: 10})
		defer send(t, b, 1)()
		defer send(t, b, 2)()
		short, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		start := time.Now()
		if _, err := b.Do(short, 3); err == nil || time.Since(start) != 1500*time.Millisecond {
			t.Errorf("error %v after %s", err, time.Since(start))
		}
		time.Sleep(time.Second)
		s.wantBatches(t, []int{1}, []int{2, 3})
	})
}

// With WaitForResult, a deadline only ends the wait of requests that have not
// been dispatched.
func TestDo_WaitsForDispatchedRequestAfterDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &squarer{}
		b := batch.New(batch.Options[int, int, int]{Run: s.run, MaxInProgress: 1, MaxSize: 10, WaitForResult: true})
		start := time.Now()
		do := func(request int, timeout time.Duration) (int, error) {
			ctx, cancel := context.WithTimeout(t.Context(), timeout)
			defer cancel()
			return b.Do(ctx, request)
		}
		var others sync.WaitGroup
		others.Go(func() {
			synctest.Wait() // 2 has been dispatched
			_, err := do(3, time.Millisecond)
			if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) >= time.Second {
				t.Errorf("error %v after %s, want the deadline at once", err, time.Since(start))
			}
		})
		others.Go(func() {
			time.Sleep(time.Microsecond)
			got, err := do(4, 1500*time.Millisecond)
			if err != nil || got != 16 || time.Since(start) != 2*time.Second {
				t.Errorf("the result of 4 is %d, %v after %s", got, err, time.Since(start))
			}
		})
		got, err := do(2, time.Nanosecond)
		if err != nil || got != 4 || time.Since(start) != time.Second {
			t.Errorf("the result of 2 is %d, %v after %s", got, err, time.Since(start))
		}
		others.Wait()
		if _, err := do(5, 0); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v, want the deadline that had passed", err)
		}
		s.wantBatches(t, []int{2}, []int{4})
	})
}

func TestDo_PanicIsAnError(t *testing.T) {
	for name, run := range map[string]func([]int) []batch.Result[int]{
		"text":            func([]int) []batch.Result[int] { panic("a secret") },
		"runtime error":   func(rs []int) []batch.Result[int] { return make([]batch.Result[int], rs[0])[:9] },
		"too few results": func([]int) []batch.Result[int] { return nil },
		"same error": func(rs []int) []batch.Result[int] {
			return batch.SameError[int](len(rs), batch.ErrPanicked)
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := batch.New(batch.Options[int, int, int]{Run: run, MaxInProgress: 1, MaxSize: 10})
			for range 2 { // the first batch is no longer in progress
				_, err := b.Do(t.Context(), 1)
				if !errors.Is(err, batch.ErrPanicked) || strings.Contains(err.Error(), "secret") {
					t.Errorf("error %v", err)
				}
			}
		})
	}
}

func TestDo_ConcurrentCallersGetTheirOwnResults(t *testing.T) {
	var batches atomic.Int64
	b := batch.New(batch.Options[int, int, int]{
		MaxInProgress: 3, MaxSize: 16, Key: func(r int) int { return r % 7 },
		Run: func(requests []int) []batch.Result[int] {
			batches.Add(1)
			return squares(requests)
		},
	})
	var all sync.WaitGroup
	for worker := range 64 {
		all.Go(func() {
			for i := range 200 {
				r := worker*200 + i
				if got, err := b.Do(t.Context(), r); err != nil || got != r*r {
					t.Errorf("the result of %d is %d, %v", r, got, err)
					return
				}
			}
		})
	}
	all.Wait()
	if n := batches.Load(); n == 0 || n > 64*200 {
		t.Errorf("%d batches", n)
	}
}

func BenchmarkDo(b *testing.B) {
	batcher := batch.New(batch.Options[int, int, int]{
		MaxInProgress: 4, MaxSize: 256, Key: func(r int) int { return r },
		Run: func(requests []int) []batch.Result[int] { return make([]batch.Result[int], len(requests)) },
	})
	b.ReportAllocs()
	b.SetParallelism(32)
	var next atomic.Int64
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := batcher.Do(b.Context(), int(next.Add(1))); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

// RunOne answers the requests that are in a batch of their own, with the
// context of their caller. Run answers those that share a batch.
func TestDo_RunOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type key struct{}
		ran := &squarer{}
		b := batch.New(batch.Options[struct{}, int, int]{
			Run: ran.run, MaxInProgress: 1, MaxSize: 8, MaxUnbatched: 1,
			RunOne: func(ctx context.Context, request int) (int, error) {
				if request < 0 {
					panic("a fault")
				}
				<-ctx.Done()
				return ctx.Value(key{}).(int) * request, nil
			},
		})
		ctx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, 10))
		var all sync.WaitGroup
		all.Go(func() {
			if got, err := b.Do(ctx, 2); got != 20 || err != nil {
				t.Errorf("alone: %d, %v", got, err)
			}
		})
		synctest.Wait()
		for i := range 3 {
			all.Go(func() {
				if got, err := b.Do(t.Context(), i); got != i*i || err != nil {
					t.Errorf("shared: %d, %v", got, err)
				}
			})
		}
		synctest.Wait()
		cancel()
		all.Wait()
		if len(ran.batches) != 1 || len(ran.batches[0]) != 3 {
			t.Errorf("batches %v, want one of three requests", ran.batches)
		}

		time.Sleep(time.Second) // synctest's clock
		if _, err := b.Do(t.Context(), -1); !errors.Is(err, batch.ErrPanicked) {
			t.Errorf("panic: %v", err)
		}
	})
}
