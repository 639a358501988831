package password

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// testBudget returns a budget with memory for three concurrent hashes with
// params.
func testBudget(t *testing.T, params Params, cpus int64) *budget {
	t.Helper()
	b, err := newBudget(3*params.need().bytes, cpus, params)
	must(t, err)
	return b
}

// sleep returns a computation that takes the given time.
func sleep(d time.Duration) func() error { return func() error { time.Sleep(d); return nil } }

func wantBusy(t *testing.T, err error) *BusyError {
	t.Helper()
	b, ok := errors.AsType[*BusyError](err)
	if !ok {
		t.Fatalf("error = %v, want *Busy", err)
	}
	return b
}

func TestBudget_LimitsConcurrentHashes(t *testing.T) {
	for name, c := range map[string]struct {
		cpus       int64
		need       resources
		concurrent int
	}{
		"memory":                        {cpus: 16, need: resources{19 << 20, 1}, concurrent: 3},
		"CPUs":                          {cpus: 2, need: resources{19 << 20, 1}, concurrent: 2},
		"one CPU":                       {cpus: 0, need: resources{19 << 20, 1}, concurrent: 1},
		"parallelism":                   {cpus: 4, need: resources{1 << 20, 2}, concurrent: 2},
		"parallelism exceeds the CPUs":  {cpus: 2, need: resources{1 << 20, 16}, concurrent: 1},
		"a hash that needs more memory": {cpus: 16, need: resources{57 << 20, 1}, concurrent: 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := testBudget(t, least, c.cpus)
				start := time.Now()
				var all sync.WaitGroup
				for range 2 * c.concurrent {
					all.Go(func() {
						if err := b.run(t.Context(), c.need, sleep(time.Second)); err != nil {
							t.Error(err)
						}
					})
				}

				synctest.Wait()
				s, running := b.stats(), c.concurrent
				if s.Waiting != running || s.InUse != int64(running)*c.need.bytes || s.Hashes != uint64(running) {
					t.Errorf("Stats = %+v while %d of %d hashes should run", s, c.concurrent, 2*c.concurrent)
				}

				all.Wait()
				if elapsed := time.Since(start); elapsed != 2*time.Second {
					t.Errorf("two rounds took %v, want 2s", elapsed)
				}
				if s := b.stats(); s != (Stats{Budget: b.total.bytes, Hashes: uint64(2 * c.concurrent)}) {
					t.Errorf("Stats = %+v after the last hash", s)
				}
			})
		})
	}
}

func TestBudget_ErrorBeforeDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := testBudget(t, least, 1)
		go b.run(t.Context(), least.need(), sleep(time.Hour))
		synctest.Wait()

		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		start := time.Now()
		err := b.run(ctx, least.need(), func() error { t.Error("the hash was computed"); return nil })
		if wantBusy(t, err).RetryAfter < time.Second || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error = %#v", err)
		}
		if waited := time.Since(start); waited != 3*time.Second-b.duration || ctx.Err() != nil {
			t.Errorf("the error came after %v, context error %v", waited, ctx.Err())
		}
		if s := b.stats(); s.Refused != 1 || s.Hashes != 1 || s.Waiting != 0 {
			t.Errorf("Stats = %+v", s)
		}

		canceled, cancel := context.WithCancel(t.Context())
		cancel()
		if err := b.run(canceled, least.need(), func() error { return nil }); !errors.Is(err, context.Canceled) {
			t.Errorf("error of a canceled caller = %v", err)
		}

		time.Sleep(time.Hour)
		must(t, b.run(t.Context(), least.need(), func() error { return nil }))
	})
}

// Callers with a deadline get a place only if the hash will be ready in time,
// by the measured duration. The others get an error at once, with the time that
// the reserved hashes will take.
func TestBudget_RefusesAtOnceWhenTheDeadlineWouldPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := testBudget(t, least, 2)
		for range 100 {
			must(t, b.run(t.Context(), least.need(), sleep(100*time.Millisecond)))
		}

		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		start := time.Now()
		var all sync.WaitGroup
		reserved := 0
		for range 1000 {
			ctx, release, err := b.reserve(ctx, Caller{Client: "c"})
			if err != nil {
				if retry := wantBusy(t, err).RetryAfter; retry != 2*time.Second {
					t.Errorf("RetryAfter = %v with %d places reserved, want 2s", retry, reserved)
				}
				continue
			}
			reserved++
			all.Go(func() {
				defer release()
				if err := b.run(ctx, least.need(), sleep(100*time.Millisecond)); err != nil {
					t.Errorf("error after %v: %v", time.Since(start), err)
				}
			})
		}

		// Two CPUs compute 20 hashes a second, for 1.5 s.
		if waited := time.Since(start); waited != 0 || reserved < 28 || reserved > 30 {
			t.Errorf("%d places were reserved in %v", reserved, waited)
		}

		all.Wait()
		wantFree(t, b)
	})
}

// wantFree fails the test if the budget has a place or a hash, or keeps
// anything of a caller.
func wantFree(t *testing.T, b *budget) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if q := b.queue; q.places != 0 || len(q.clients) != 0 || len(q.turns) != 0 || b.running != 0 || b.waiting != 0 ||
		b.inUse != (resources{}) {
		t.Errorf("after the last hash: %+v, %d running, %d waiting, %+v in use", q, b.running, b.waiting, b.inUse)
	}
}

func TestBudget_BoundsQueue(t *testing.T) {
	b := testBudget(t, least, 2)
	b.duration = time.Microsecond
	places := int(b.total.bytes / bytesPerPlace)
	var releases []func()
	for range places {
		_, release, err := b.reserve(t.Context(), Caller{})
		must(t, err)
		releases = append(releases, release)
	}
	_, _, err := b.reserve(t.Context(), Caller{})
	wantBusy(t, err)

	releases[0]()
	releases[0]() // the second call has no effect
	_, release, err := b.reserve(t.Context(), Caller{})
	must(t, err)
	release()
	if b.queue.places != places-1 {
		t.Errorf("%d places are reserved, want %d", b.queue.places, places-1)
	}
	for _, release := range releases {
		release()
	}
	wantFree(t, b)
}

func TestVerify_HashBeyondBudgetIsNotComputed(t *testing.T) {
	h := hasher(t, testParams)
	wantRejected(t, h, "$argon2id$v=19$m=65537,t=2,p=1$"+salt+"$"+key)
	if ok, _, err := h.Verify(t.Context(), "$argon2id$v=19$m=65536,t=1,p=1$"+salt+"$"+key, "x"); ok || err != nil {
		t.Errorf("Verify of a hash that fills the budget = %v, %v", ok, err)
	}
}

func BenchmarkBudget(b *testing.B) {
	budget, err := newBudget(64<<20, 4, least)
	must(b, err)
	for b.Loop() {
		ctx, release, _ := budget.reserve(b.Context(), Caller{})
		_ = budget.run(ctx, least.need(), func() error { return nil })
		release()
	}
}

func BenchmarkVerify(b *testing.B) {
	h, err := New(Options{Params: least, MemoryBudget: 64 << 20})
	must(b, err)
	phc, err := h.Hash(b.Context(), "correct horse battery staple")
	must(b, err)
	b.ReportAllocs()
	for b.Loop() {
		if ok, _, err := h.Verify(b.Context(), phc, "correct horse battery staple"); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}
