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

// A trip is one call of Run.
type trip []int

// A road answers each question with its square, after a second, and remembers the trips.
type road struct {
	mu    sync.Mutex
	trips []trip
}

func (r *road) run(questions []int) []batch.Answer[int] {
	r.mu.Lock()
	r.trips = append(r.trips, slices.Clone(questions))
	r.mu.Unlock()
	time.Sleep(time.Second)
	answers := make([]batch.Answer[int], len(questions))
	for i, q := range questions {
		answers[i].Value = q * q
	}
	return answers
}

// ask asks from many goroutines, in order, and returns what waits for all answers.
func ask(t *testing.T, b *batch.Batcher[int, int, int], questions ...int) (wait func()) {
	t.Helper()
	var all sync.WaitGroup
	for _, q := range questions {
		all.Go(func() {
			if a, err := b.Do(t.Context(), q); err != nil || a != q*q {
				t.Errorf("the answer to %d is %d, %v", q, a, err)
			}
		})
		synctest.Wait()
	}
	return all.Wait
}

func wantTrips(t *testing.T, r *road, want ...trip) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.EqualFunc(r.trips, want, slices.Equal) {
		t.Errorf("trips %v, want %v", r.trips, want)
	}
}

func TestLoneQuestionLeavesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &road{}
		b := batch.New(batch.Options[int, int, int]{Run: r.run, Flights: 1, Size: 10})
		began := time.Now()
		ask(t, b, 3)()
		if took := time.Since(began); took != time.Second {
			t.Errorf("took %s, want the second that the road takes", took)
		}
	})
}

func TestWhoWaitsTogetherGoesTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &road{}
		var sizes []int
		b := batch.New(batch.Options[int, int, int]{Run: r.run, Flights: 2, Size: 3, Sent: func(n int) {
			r.mu.Lock()
			defer r.mu.Unlock()
			sizes = append(sizes, n)
		}})
		ask(t, b, 1, 2, 3, 4, 5, 6, 7)()
		r.mu.Lock()
		slices.Sort(sizes)
		r.mu.Unlock()
		if !slices.Equal(sizes, []int{1, 1, 2, 3}) {
			t.Errorf("sizes %v: two leave alone, three and two wait", sizes)
		}
		ask(t, b, 8)() // the flights are free again
	})
}

// Up to a crowd of three each leaves at once. The fourth makes a crowd: from then on there is one flight, which takes all who wait.
func TestOnlyACrowdShares(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &road{}
		b := batch.New(batch.Options[int, int, int]{Run: r.run, Flights: 1, Size: 10, Crowd: 3})
		few := ask(t, b, 1, 2, 3)
		time.Sleep(time.Second / 2)
		ask(t, b, 4, 5, 6, 7)()
		few()
		wantTrips(t, r, trip{1}, trip{2}, trip{3}, trip{4, 5, 6, 7})

		crowd := ask(t, b, 8, 9, 10, 11, 12, 13, 14)
		time.Sleep(3 * time.Second / 2) // the four are under way together
		later := ask(t, b, 15)
		crowd()
		later()
		wantTrips(t, r, trip{1}, trip{2}, trip{3}, trip{4, 5, 6, 7}, trip{8}, trip{9}, trip{10}, trip{11, 12, 13, 14}, trip{15})
	})
}

// Those of a crowd who ask at the same moment leave together, though there are flights enough for each. On one processor they
// come one after the other; now and then the scheduler lets the flight go first all the same.
func TestACrowdLeavesTogether(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	const tries, crowd = 20, 5
	whole := 0
	for range tries {
		synctest.Test(t, func(t *testing.T) {
			r := &road{}
			b := batch.New(batch.Options[int, int, int]{Run: r.run, Flights: 4, Size: 10, Crowd: 1})
			var all sync.WaitGroup
			for q := range crowd {
				all.Go(func() {
					if a, err := b.Do(t.Context(), q); err != nil || a != q*q {
						t.Errorf("the answer to %d is %d, %v", q, a, err)
					}
				})
			}
			all.Wait()
			if len(r.trips) == 2 && len(r.trips[1]) == crowd-1 { // the first was alone
				whole++
			}
		})
	}
	if whole < tries/2 {
		t.Errorf("%d of %d crowds left together", whole, tries)
	}
}

// Who leaves alone and has time carries the question; those who come meanwhile leave when it has landed all the same, and who has
// less time than it takes at most does not wait for longer than that.
func TestWhoHasTimeCarriesTheQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &road{}
		b := batch.New(batch.Options[int, int, int]{Run: r.run, Flights: 1, Size: 10, Bound: 2 * time.Second})
		first := ask(t, b, 1)
		ask(t, b, 2, 3)()
		first()
		wantTrips(t, r, trip{1}, trip{2, 3})

		began := time.Now()
		impatient, cancel := context.WithTimeout(t.Context(), time.Second/2)
		defer cancel()
		if _, err := b.Do(impatient, 4); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second/2 {
			t.Errorf("error %v after %s, want the deadline's", err, time.Since(began))
		}
		time.Sleep(time.Second)
		patient, end := context.WithTimeout(t.Context(), 2*time.Second)
		defer end()
		if a, err := b.Do(patient, 5); a != 25 || err != nil {
			t.Errorf("%d, %v", a, err)
		}
		wantTrips(t, r, trip{1}, trip{2, 3}, trip{4}, trip{5})
	})
}

func TestKeyIsInABatchOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &road{}
		b := batch.New(batch.Options[int, int, int]{
			Run: r.run, Flights: 1, Size: 10, Key: func(q int) int { return q % 10 },
		})
		ask(t, b, 1, 2, 12, 3, 22, 4)()
		wantTrips(t, r, trip{1}, trip{2, 3, 4}, trip{12}, trip{22})
	})
}

func TestWhoComesDuringTheRestGoesTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &road{}
		b := batch.New(batch.Options[int, int, int]{
			Run: r.run, Flights: 1, Size: 10, Rest: func() { time.Sleep(time.Second) },
		})
		ask(t, b, 1)()
		ask(t, b, 2, 3)()
		time.Sleep(time.Second)
		ask(t, b, 4)()
		wantTrips(t, r, trip{1}, trip{2, 3}, trip{4})
		time.Sleep(time.Second)
	})
}

func TestWhoGivesUpIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &road{}
		b := batch.New(batch.Options[int, int, int]{Run: r.run, Flights: 1, Size: 10})
		defer ask(t, b, 1)()
		impatient, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := b.Do(impatient, 2); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v, want the deadline", err)
		}
		ask(t, b, 3)()
		wantTrips(t, r, trip{1}, trip{3})
	})
}

func TestDeadlineEndsTheWaitNotTheWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &road{}
		b := batch.New(batch.Options[int, int, int]{Run: r.run, Flights: 1, Size: 10})
		defer ask(t, b, 1)()
		defer ask(t, b, 2)()
		impatient, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		began := time.Now()
		if _, err := b.Do(impatient, 3); err == nil || time.Since(began) != 1500*time.Millisecond {
			t.Errorf("error %v after %s", err, time.Since(began))
		}
		time.Sleep(time.Second)
		wantTrips(t, r, trip{1}, trip{2, 3})
	})
}

// TestWhoStaysGetsTheAnswer: with Stay a deadline ends only the wait of those who have not left.
func TestWhoStaysGetsTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &road{}
		b := batch.New(batch.Options[int, int, int]{Run: r.run, Flights: 1, Size: 10, Stay: true})
		began := time.Now()
		impatient := func(q int, patience time.Duration) (int, error) {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			return b.Do(ctx, q)
		}
		var others sync.WaitGroup
		others.Go(func() {
			synctest.Wait() // 2 has left
			if _, err := impatient(3, time.Millisecond); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) >= time.Second {
				t.Errorf("error %v after %s, want the deadline at once", err, time.Since(began))
			}
		})
		others.Go(func() {
			time.Sleep(time.Microsecond)
			if a, err := impatient(4, 1500*time.Millisecond); err != nil || a != 16 || time.Since(began) != 2*time.Second {
				t.Errorf("the answer to 4 is %d, %v after %s", a, err, time.Since(began))
			}
		})
		if a, err := impatient(2, time.Nanosecond); err != nil || a != 4 || time.Since(began) != time.Second {
			t.Errorf("the answer to 2 is %d, %v after %s", a, err, time.Since(began))
		}
		others.Wait()
		if _, err := impatient(5, 0); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v, want the deadline that had passed", err)
		}
		wantTrips(t, r, trip{2}, trip{4})
	})
}

func TestPanicIsAnAnswer(t *testing.T) {
	for name, run := range map[string]func([]int) []batch.Answer[int]{
		"words":      func([]int) []batch.Answer[int] { panic("a secret") },
		"runtime":    func(qs []int) []batch.Answer[int] { return make([]batch.Answer[int], qs[0])[:9] },
		"too few":    func([]int) []batch.Answer[int] { return nil },
		"as a whole": func(qs []int) []batch.Answer[int] { return batch.Whole[int](len(qs), batch.ErrPanicked) },
	} {
		t.Run(name, func(t *testing.T) {
			b := batch.New(batch.Options[int, int, int]{Run: run, Flights: 1, Size: 10})
			for range 2 { // The flight is free again.
				if _, err := b.Do(t.Context(), 1); !errors.Is(err, batch.ErrPanicked) || strings.Contains(err.Error(), "secret") {
					t.Errorf("error %v", err)
				}
			}
		})
	}
}

// Whatever happens at the same moment, everybody gets the answer to their own question.
func TestManyAtOnce(t *testing.T) {
	var batches atomic.Int64
	b := batch.New(batch.Options[int, int, int]{
		Flights: 3, Size: 16, Key: func(q int) int { return q % 7 },
		Run: func(questions []int) []batch.Answer[int] {
			batches.Add(1)
			answers := make([]batch.Answer[int], len(questions))
			for i, q := range questions {
				answers[i].Value = q * q
			}
			return answers
		},
	})
	var all sync.WaitGroup
	for worker := range 64 {
		all.Go(func() {
			for i := range 200 {
				q := worker*200 + i
				if a, err := b.Do(t.Context(), q); err != nil || a != q*q {
					t.Errorf("the answer to %d is %d, %v", q, a, err)
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
	one := batch.New(batch.Options[int, int, int]{
		Flights: 4, Size: 256, Key: func(q int) int { return q },
		Run: func(questions []int) []batch.Answer[int] { return make([]batch.Answer[int], len(questions)) },
	})
	b.ReportAllocs()
	b.SetParallelism(32)
	var next atomic.Int64
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := one.Do(b.Context(), int(next.Add(1))); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
