package batch

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"time"
)

// busyPeriod is how long requests go on sharing batches after the number of
// concurrent requests was last above Options.MaxUnbatched.
const busyPeriod = 100 * time.Millisecond

// Batcher combines concurrent requests into batches. A request is dispatched
// when its batch is passed to Run.
//
// While few requests are concurrent, each is dispatched at once in a batch of
// its own. Otherwise requests wait and share a batch. If fewer than
// Options.MaxInProgress batches are in progress, that batch is dispatched as
// soon as the goroutines that are ready to run have added their requests. If
// not, it is dispatched when another batch ends.
type Batcher[K comparable, Req, Res any] struct {
	options Options[K, Req, Res]

	mu       sync.Mutex          // guards the fields below
	batches  int                 // batches in progress
	starting bool                // a goroutine is about to dispatch the waiters
	requests int                 // requests in progress
	lastBusy time.Time           // when requests last had to share batches
	waiting  []*waiter[Req, Res] // in order of arrival
}

// waiter is a request and the call of Do that waits for its result.
type waiter[Req, Res any] struct {
	ctx        context.Context
	request    Req
	result     *Result[Res]  // set before done is closed
	done       chan struct{} // nil if the caller runs the batch itself
	dispatched bool          // guarded by Batcher.mu
}

// New returns a Batcher.
func New[K comparable, Req, Res any](o Options[K, Req, Res]) *Batcher[K, Req, Res] {
	if o.OnDispatch == nil {
		o.OnDispatch = func(int) {}
	}
	if o.Pause == nil {
		o.Pause = func() {}
	}
	return &Batcher[K, Req, Res]{options: o}
}

// Do returns the result of a request. When ctx ends, Do returns the error of
// ctx. A request that has not been dispatched by then never is. One that has
// been dispatched runs to its end; with Options.WaitForResult, Do waits for its
// result.
func (b *Batcher[K, Req, Res]) Do(ctx context.Context, request Req) (Res, error) {
	var none Res
	if err := ctx.Err(); err != nil {
		return none, err
	}

	w := &waiter[Req, Res]{ctx: ctx, request: request}
	b.mu.Lock()
	alone := !b.busy()
	if alone {
		b.batches++
		b.requests++
		w.dispatched = true
	} else {
		w.done = make(chan struct{})
		b.waiting = append(b.waiting, w)
		b.start()
	}
	b.mu.Unlock()

	if alone && b.runsInline(ctx) {
		result := b.dispatch([]*waiter[Req, Res]{w}, b.runInline(ctx))[0]
		if next := b.next(1); len(next) > 0 {
			go b.run(next)
		}
		return result.Value, result.Err
	}
	if alone {
		w.done = make(chan struct{})
		go b.run([]*waiter[Req, Res]{w})
	}

	select {
	case <-w.done:
		return w.result.Value, w.result.Err
	case <-ctx.Done():
	}
	if b.options.WaitForResult && b.wasDispatched(w) {
		<-w.done
		return w.result.Value, w.result.Err
	}
	return none, ctx.Err()
}

// runsInline reports whether the caller of Do may run a batch of its own on its
// own goroutine.
func (b *Batcher[K, Req, Res]) runsInline(ctx context.Context) bool {
	if b.options.RunOne != nil {
		return true
	}
	deadline, ok := ctx.Deadline()
	return b.options.MaxRunTime > 0 && (b.options.WaitForResult || !ok || time.Until(deadline) >= b.options.MaxRunTime)
}

// runInline returns the function that answers the batch of one request on the
// goroutine of its caller.
func (b *Batcher[K, Req, Res]) runInline(ctx context.Context) func([]Req) []Result[Res] {
	if b.options.RunOne == nil {
		return b.options.Run
	}
	return func(requests []Req) []Result[Res] {
		value, err := b.options.RunOne(ctx, requests[0])
		return []Result[Res]{{Value: value, Err: err}}
	}
}

// wasDispatched reports whether a request was dispatched before its context
// ended. If it was not, it never will be.
func (b *Batcher[K, Req, Res]) wasDispatched(w *waiter[Req, Res]) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return w.dispatched
}

// busy reports whether a new request must share a batch: too many requests are
// concurrent, or were within the last busyPeriod. The caller holds b.mu.
func (b *Batcher[K, Req, Res]) busy() bool {
	if b.options.MaxUnbatched == 0 {
		return b.batches >= b.options.MaxInProgress
	}
	now := time.Now()
	if b.requests+len(b.waiting) >= b.options.MaxUnbatched {
		b.lastBusy = now
	}
	return now.Sub(b.lastBusy) < busyPeriod
}

// start starts a goroutine that dispatches the waiters, unless the maximum
// number of batches is in progress or such a goroutine has just been started.
// The caller holds b.mu.
func (b *Batcher[K, Req, Res]) start() {
	if b.starting || b.batches >= b.options.MaxInProgress {
		return
	}
	b.starting = true
	b.batches++
	go func() {
		runtime.Gosched() // lets ready goroutines add their requests
		b.run(b.next(0))
	}()
}

// run dispatches a batch, and then the requests that have arrived meanwhile,
// until no request waits.
func (b *Batcher[K, Req, Res]) run(batch []*waiter[Req, Res]) {
	for len(batch) > 0 {
		results := b.dispatch(batch, b.options.Run)
		for i, w := range batch {
			w.result = &results[i]
			close(w.done)
		}

		b.options.Pause()
		batch = b.next(len(batch))
	}
}

// dispatch passes a batch to run, which is Run or RunOne, and returns the
// results.
func (b *Batcher[K, Req, Res]) dispatch(batch []*waiter[Req, Res], run func([]Req) []Result[Res]) []Result[Res] {
	b.options.OnDispatch(len(batch))
	return b.call(batch, run)
}

// next returns the next batch of the calling goroutine, oldest requests first.
// answered is the size of the batch that the goroutine has just finished. An
// empty batch means that the goroutine must stop: no request waits, or more
// than the maximum number of batches are in progress.
func (b *Batcher[K, Req, Res]) next(answered int) []*waiter[Req, Res] {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.requests -= answered
	b.starting = b.starting && answered > 0
	if b.batches > b.options.MaxInProgress {
		b.batches--
		return nil // the other batches dispatch the waiters
	}

	batch, rest := b.split()
	for _, w := range batch {
		w.dispatched = true
	}
	b.waiting = rest
	b.requests += len(batch)

	if len(batch) == 0 {
		b.batches--
	}
	if len(batch) == b.options.MaxSize && len(rest) > 0 {
		b.start()
	}
	return batch
}

// split divides the waiters into the next batch and those that go on waiting.
// It drops the waiters whose context has ended. The caller holds b.mu.
func (b *Batcher[K, Req, Res]) split() (batch, rest []*waiter[Req, Res]) {
	taken := make(map[K]bool)
	for i, w := range b.waiting {
		if len(batch) == b.options.MaxSize {
			return batch, append(rest, b.waiting[i:]...)
		}
		if w.ctx.Err() != nil {
			continue
		}

		if b.options.Key != nil {
			key := b.options.Key(w.request)
			if taken[key] {
				rest = append(rest, w)
				continue
			}
			taken[key] = true
		}
		batch = append(batch, w)
	}
	return batch, rest
}

// call calls run. If run panics or returns the wrong number of results, every
// request gets ErrPanicked.
func (b *Batcher[K, Req, Res]) call(
	batch []*waiter[Req, Res], run func([]Req) []Result[Res],
) (results []Result[Res]) {
	requests := make([]Req, len(batch))
	for i, w := range batch {
		requests[i] = w.request
	}

	defer func() {
		cause := recover()
		if cause == nil && len(results) == len(batch) {
			return
		}
		err := ErrPanicked
		// Only a runtime error is reported: any other value could hold a secret
		// of a request.
		if fault, ok := cause.(runtime.Error); ok {
			err = fmt.Errorf("%w: %w", ErrPanicked, fault)
		}
		results = SameError[Res](len(batch), err)
	}()
	return run(requests)
}
