package password

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// small is a budget for three hashes with params at once, if there were so many CPUs.
func small(t *testing.T, params Params, cpus int64) *budget {
	t.Helper()
	b, err := newBudget(3*params.weight().bytes, cpus, params)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// busy computes nothing, for a while.
func busy(d time.Duration) func() error { return func() error { time.Sleep(d); return nil } }

func wantBusy(t *testing.T, err error) *Busy {
	t.Helper()
	b, ok := errors.AsType[*Busy](err)
	if !ok {
		t.Fatalf("error %v, want *Busy", err)
	}
	return b
}

func TestOnlySoManyHashesAtOnce(t *testing.T) {
	for name, c := range map[string]struct {
		cpus  int64
		each  weight
		rooms int
	}{
		"memory":                       {cpus: 16, each: weight{19 << 20, 1}, rooms: 3},
		"CPUs":                         {cpus: 2, each: weight{19 << 20, 1}, rooms: 2},
		"one CPU":                      {cpus: 0, each: weight{19 << 20, 1}, rooms: 1},
		"lanes":                        {cpus: 4, each: weight{1 << 20, 2}, rooms: 2},
		"more lanes than there are":    {cpus: 2, each: weight{1 << 20, 16}, rooms: 1},
		"an imported hash weighs more": {cpus: 16, each: weight{57 << 20, 1}, rooms: 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := small(t, Floor, c.cpus)
				began := time.Now()
				var all sync.WaitGroup
				for range 2 * c.rooms {
					all.Go(func() {
						if err := b.spend(t.Context(), c.each, busy(time.Second)); err != nil {
							t.Error(err)
						}
					})
				}
				synctest.Wait()
				if s := b.stats(); s.Waiting != c.rooms || s.InUse != int64(c.rooms)*c.each.bytes || s.Hashes != uint64(c.rooms) {
					t.Errorf("%+v while %d of %d should be computed", s, c.rooms, 2*c.rooms)
				}
				all.Wait()
				if took := time.Since(began); took != 2*time.Second {
					t.Errorf("two rounds took %v", took)
				}
				if s := b.stats(); s != (Stats{Budget: b.bytes, Hashes: uint64(2 * c.rooms)}) {
					t.Errorf("%+v is left", s)
				}
			})
		})
	}
}

func TestWhoWaitsInVainHearsItInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := small(t, Floor, 1)
		go b.spend(t.Context(), Floor.weight(), busy(time.Hour))
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		began := time.Now()
		err := b.spend(ctx, Floor.weight(), func() error { t.Error("it was computed"); return nil })
		if wantBusy(t, err).RetryAfter < time.Second || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %#v", err)
		}
		if waited := time.Since(began); waited != 3*time.Second-b.pace || ctx.Err() != nil {
			t.Errorf("it waited %v, and the deadline is %v", waited, ctx.Err())
		}
		if s := b.stats(); s.Refused != 1 || s.Hashes != 1 || s.Waiting != 0 {
			t.Errorf("%+v", s)
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if err := b.spend(ended, Floor.weight(), func() error { return nil }); !errors.Is(err, context.Canceled) {
			t.Errorf("a caller who has gone: %v", err)
		}
		time.Sleep(time.Hour)
		must(t, b.spend(t.Context(), Floor.weight(), func() error { return nil }))
	})
}

// TestAQueueThatIsTooLongIsRefusedAtOnce: of callers with a deadline as many are admitted as can be served, at the pace that
// was measured, and the others are refused in no time, with the time that those inside will take.
func TestAQueueThatIsTooLongIsRefusedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := small(t, Floor, 2)
		for range 100 {
			must(t, b.spend(t.Context(), Floor.weight(), busy(100*time.Millisecond)))
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		began := time.Now()
		var served sync.WaitGroup
		admitted := 0
		for range 1000 {
			leave, err := b.admit(ctx)
			if err != nil {
				if retry := wantBusy(t, err).RetryAfter; retry != 8*time.Second {
					t.Errorf("retry after %v, while %d are inside", retry, admitted)
				}
				continue
			}
			admitted++
			served.Go(func() {
				defer leave()
				if err := b.spend(ctx, Floor.weight(), busy(100*time.Millisecond)); err != nil {
					t.Errorf("after %v: %v", time.Since(began), err)
				}
			})
		}
		if waited := time.Since(began); waited != 0 || admitted < 148 || admitted > 150 { // two at once, ten a second, for 7.5 s
			t.Errorf("%d were admitted, in %v", admitted, waited)
		}
		served.Wait()
		if _, err := b.admit(ctx); err != nil {
			t.Errorf("when all had left: %v", err)
		}
	})
}

func TestTheQueueIsBounded(t *testing.T) {
	b := small(t, Floor, 2)
	places := int(b.bytes / placeSize)
	for range places {
		if _, err := b.admit(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	wantBusy(t, func() error { _, err := b.admit(t.Context()); return err }())
	b.inside-- // somebody leaves
	leave, err := b.admit(t.Context())
	must(t, err)
	leave()
	leave() // once is enough
	if b.inside != places-1 {
		t.Errorf("%d are inside, want %d", b.inside, places-1)
	}
}

func TestAHashBeyondTheBudgetIsNotComputed(t *testing.T) {
	h := hasher(t, cheap)
	refused(t, h, "$argon2id$v=19$m=65537,t=2,p=1$"+salt+"$"+key)
	if ok, _, err := h.Verify(t.Context(), "$argon2id$v=19$m=65536,t=1,p=1$"+salt+"$"+key, "x"); ok || err != nil {
		t.Errorf("one that fills the budget: %v, %v", ok, err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func BenchmarkAcquire(b *testing.B) {
	budget, err := newBudget(64<<20, 4, Floor)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		leave, _ := budget.admit(b.Context())
		_ = budget.spend(b.Context(), Floor.weight(), func() error { return nil })
		leave()
	}
}

func BenchmarkVerify(b *testing.B) {
	h, err := New(Floor, 64<<20)
	if err != nil {
		b.Fatal(err)
	}
	phc, err := h.Hash(b.Context(), "correct horse battery staple")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if ok, _, err := h.Verify(b.Context(), phc, "correct horse battery staple"); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}
