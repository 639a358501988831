package fresh

import (
	"context"
	"errors"
	"sync"
	"time"
)

const (
	// interval is the shortest time between the beginnings of two reads. So
	// requests cause at most ten reads a second, however many there are.
	interval = 100 * time.Millisecond
	// maxWait is how long a caller waits for its read to begin.
	maxWait = time.Second
)

// ErrBusy means that the next read cannot begin soon enough for the caller: the
// read before it has not ended, or the caller's deadline is too near. A later
// attempt may succeed.
var ErrBusy = errors.New("the store cannot be read again in time")

// A Reader shares reads among concurrent callers. The callers that have come
// before a read begins have its result.
type Reader struct {
	lock Lock
	read func(context.Context) error

	mu    sync.Mutex // guards the fields below; never held during a read
	next  *result    // the read that has not begun; nil if no caller needs one
	began time.Time  // when the last read began
}

// A result is the result of a read.
type result struct {
	begun, done chan struct{}
	err         error // set before done is closed
}

// NewReader returns a Reader. It calls read while it holds lock. read must end
// by itself: its context has no deadline.
func NewReader(lock Lock, read func(context.Context) error) *Reader {
	return &Reader{lock: lock, read: read}
}

// Read returns the error of a read that begins after the call of Read. It
// returns ErrBusy if that read cannot begin in time, and the error of ctx if
// ctx ends first. The read goes on for the other callers.
func (r *Reader) Read(ctx context.Context) error {
	result, err := r.join(ctx)
	if err != nil {
		return err
	}

	tooLate := time.NewTimer(maxWait)
	defer tooLate.Stop()
	select {
	case <-result.begun:
	case <-tooLate.C:
		return ErrBusy
	case <-ctx.Done():
		return ctx.Err()
	}

	select {
	case <-result.done:
		return result.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// join returns the read that begins next. If no caller has requested it yet,
// join starts it. It returns ErrBusy if the caller's deadline is before the
// next read.
func (r *Reader) join(ctx context.Context) (*result, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	wait := time.Until(r.began.Add(interval))
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < wait {
		return nil, ErrBusy
	}
	if r.next == nil {
		r.next = &result{begun: make(chan struct{}), done: make(chan struct{})}
		go r.run(context.WithoutCancel(ctx), r.next, wait)
	}
	return r.next, nil
}

// run waits, and then reads for the callers that have joined by then.
func (r *Reader) run(ctx context.Context, shared *result, wait time.Duration) {
	time.Sleep(wait)
	_ = r.lock.Acquire(ctx) // ctx never ends
	defer r.lock.Release()

	r.mu.Lock()
	r.next, r.began = nil, time.Now()
	r.mu.Unlock()
	close(shared.begun)
	shared.err = r.read(ctx)
	close(shared.done)
}
