package batch

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"
)

// ErrPanicked is the answer to everybody in a batch whose Run panicked.
var ErrPanicked = errors.New("the batch panicked")

// crowdLasts is how long a crowd is taken to be there after it was seen.
const crowdLasts = 100 * time.Millisecond

// Options is what a Batcher is made of.
type Options[K comparable, Q, A any] struct {
	// Run answers the questions of one batch, in their order. It is told no context, because a member that stops waiting
	// must not end the work of the others: it bounds itself. Required.
	Run func([]Q) []Answer[A]
	// Key names what two questions of one batch must not have in common; the second goes into a later batch. nil means
	// that any questions may go together.
	Key func(Q) K
	// Flights is how many batches are under way at once, Size how many questions one holds at most. Required.
	Flights, Size int
	// Crowd is how many questions may be under way or waiting before they share: up to there each leaves at once and alone,
	// however many flights that makes. Those of a crowd come again together, so that it is taken to last for crowdLasts. Zero
	// means that Flights is the only bound: while there are fewer, each leaves at once and alone.
	Crowd int
	// Rest runs when everybody of a batch has their answer and before the next one leaves, so that who comes meanwhile goes
	// together; nil means that there is no rest, and with a Bound there is none.
	Rest func()
	// Bound is how long Run takes at most. Who leaves alone, and has as much time or stays, carries the question: to hand it to a
	// goroutine that must be woken takes longer than many a question. Zero means that nobody knows, and nobody does.
	Bound time.Duration
	// Stay says that whoever's question has left waits for its answer, even when their context ends.
	Stay bool
	// Sent is told the size of every batch that leaves; nil means that nobody is told. It must not wait.
	Sent func(size int)
}

// An Answer is what one member of a batch gets.
type Answer[A any] struct {
	Value A
	Err   error
}

// A Batcher carries questions to where they are answered. While no crowd is there, a question leaves at once and alone. Those of a
// crowd leave together: while fewer than Flights batches are under way as soon as all who are about to ask have done so, else
// when a flight has returned.
type Batcher[K comparable, Q, A any] struct {
	o Options[K, Q, A]

	mu       sync.Mutex // guards what follows
	flights  int
	boarding bool               // a flight is about to take whoever waits
	carried  int                // the questions under way
	crowd    time.Time          // when one was last seen
	waiting  []*passenger[Q, A] // in the order of their arrival
}

// A passenger is a question and whoever waits for its answer.
type passenger[Q, A any] struct {
	ctx      context.Context
	question Q
	answer   *Answer[A]    // there is one when landed is closed
	landed   chan struct{} // nil for whoever carries the question
	left     bool          // guarded by the Batcher's mu
}

// New returns a Batcher.
func New[K comparable, Q, A any](o Options[K, Q, A]) *Batcher[K, Q, A] {
	if o.Sent == nil {
		o.Sent = func(int) {}
	}
	if o.Rest == nil {
		o.Rest = func() {}
	}
	return &Batcher[K, Q, A]{o: o}
}

// Do returns the answer to a question. When ctx ends it returns the error of ctx and, but for Stay, no longer waits: a
// question that has left by then is answered all the same, one that has not is forgotten.
func (b *Batcher[K, Q, A]) Do(ctx context.Context, question Q) (A, error) {
	var none A
	if err := ctx.Err(); err != nil {
		return none, err
	}
	p := &passenger[Q, A]{ctx: ctx, question: question}
	b.mu.Lock()
	leaves := !b.crowded()
	if leaves {
		b.flights++
		b.carried++
		p.left = true
	} else {
		p.landed = make(chan struct{})
		b.waiting = append(b.waiting, p)
		b.takeOff()
	}
	b.mu.Unlock()
	if leaves && b.carriesItself(ctx) {
		a := b.pass([]*passenger[Q, A]{p})[0]
		if next := b.board(1); len(next) > 0 {
			go b.fly(next)
		}
		return a.Value, a.Err
	}
	if leaves {
		p.landed = make(chan struct{})
		go b.fly([]*passenger[Q, A]{p})
	}
	select {
	case <-p.landed:
		return p.answer.Value, p.answer.Err
	case <-ctx.Done():
	}
	if b.o.Stay && b.hasLeft(p) {
		<-p.landed
		return p.answer.Value, p.answer.Err
	}
	return none, ctx.Err()
}

// carriesItself says whether who leaves alone can wait until the answer is there.
func (b *Batcher[K, Q, A]) carriesItself(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return b.o.Bound > 0 && (b.o.Stay || !ok || time.Until(deadline) >= b.o.Bound)
}

// hasLeft says whether a question whose context has ended had left by then; if not, it never will.
func (b *Batcher[K, Q, A]) hasLeft(p *passenger[Q, A]) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return p.left
}

// crowded says whether whoever asks now must share: there is a crowd, they included, or was one a moment ago.
func (b *Batcher[K, Q, A]) crowded() bool {
	if b.o.Crowd == 0 {
		return b.flights >= b.o.Flights
	}
	now := time.Now()
	if b.carried+len(b.waiting) >= b.o.Crowd {
		b.crowd = now
	}
	return now.Sub(b.crowd) < crowdLasts
}

// Waiting returns how many questions wait to leave.
func (b *Batcher[K, Q, A]) Waiting() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.waiting)
}

// takeOff begins a flight for those who wait, if there may be one more and none is boarding already. b.mu is held.
func (b *Batcher[K, Q, A]) takeOff() {
	if b.boarding || b.flights >= b.o.Flights {
		return
	}
	b.boarding = true
	b.flights++
	go func() {
		runtime.Gosched() // whoever is about to ask comes along
		b.fly(b.board(0))
	}()
}

// fly carries a batch, and then those that have come to wait meanwhile, until nobody waits.
func (b *Batcher[K, Q, A]) fly(batch []*passenger[Q, A]) {
	for len(batch) > 0 {
		answers := b.pass(batch)
		for i, p := range batch {
			p.answer = &answers[i]
			close(p.landed)
		}
		b.o.Rest()
		batch = b.board(len(batch))
	}
}

// pass answers a batch that leaves.
func (b *Batcher[K, Q, A]) pass(batch []*passenger[Q, A]) []Answer[A] {
	b.o.Sent(len(batch))
	return b.run(batch)
}

// board returns the next batch, the oldest first: as many as may go together. If there are none, or too many flights, this
// flight is over. landed is how many it has carried.
func (b *Batcher[K, Q, A]) board(landed int) []*passenger[Q, A] {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.carried -= landed
	b.boarding = b.boarding && landed > 0
	if b.flights > b.o.Flights {
		b.flights--
		return nil // those that are left take whoever waits
	}
	var batch, left []*passenger[Q, A]
	taken := make(map[K]bool)
	for i, p := range b.waiting {
		if len(batch) == b.o.Size {
			left = append(left, b.waiting[i:]...)
			break
		}
		if p.ctx.Err() != nil {
			continue // nobody waits for it any more
		}
		if b.o.Key != nil {
			k := b.o.Key(p.question)
			if taken[k] {
				left = append(left, p)
				continue
			}
			taken[k] = true
		}
		p.left = true
		batch = append(batch, p)
	}
	b.waiting, b.carried = left, b.carried+len(batch)
	if len(batch) == 0 {
		b.flights--
	}
	if len(batch) == b.o.Size && len(left) > 0 {
		b.takeOff()
	}
	return batch
}

// run answers a batch, whatever happens.
func (b *Batcher[K, Q, A]) run(batch []*passenger[Q, A]) (answers []Answer[A]) {
	questions := make([]Q, len(batch))
	for i, p := range batch {
		questions[i] = p.question
	}
	defer func() {
		cause := recover()
		if cause == nil && len(answers) == len(batch) {
			return
		}
		err := ErrPanicked
		if fault, ok := cause.(runtime.Error); ok { // other words could hold what somebody sent
			err = fmt.Errorf("%w: %w", ErrPanicked, fault)
		}
		answers = make([]Answer[A], len(batch))
		for i := range answers {
			answers[i].Err = err
		}
	}()
	return b.o.Run(questions)
}

// Whole gives everybody in a batch of n the same error: the answer of a Run that failed as a whole.
func Whole[A any](n int, err error) []Answer[A] {
	answers := make([]Answer[A], n)
	for i := range answers {
		answers[i].Err = err
	}
	return answers
}
