package password

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

// placeSize is the memory of the budget for which one caller may wait: that many callers at most are inside at once.
const placeSize = 128 << 10

var (
	errLate = errors.New("so many passwords are being hashed that this one would come too late")
	errFull = errors.New("so many passwords wait to be hashed that there is no place for one more")
)

// A Busy error says that a password was not hashed because too many others were. Nothing was computed.
type Busy struct {
	// RetryAfter is how long those who are waiting now will take, in whole seconds.
	RetryAfter time.Duration
	cause      error
}

// Error says why there was no place.
func (b *Busy) Error() string { return b.cause.Error() }

// Unwrap returns the cause.
func (b *Busy) Unwrap() error { return b.cause }

// A budget lets hashes be computed as long as their memory, and the CPUs that they keep busy, are to be had. Who comes first
// is served first. Whoever could not be served before their deadline is told so at once, not when it has passed.
type budget struct {
	bytes, lanes int64
	// atOnce is how many hashes of our own making fit.
	atOnce int64
	memory *semaphore.Weighted
	cpus   *semaphore.Weighted

	mu sync.Mutex
	// inside are those who were admitted, waiting those who have come to the point of waiting, inUse the bytes of those who
	// have got it.
	inside, waiting int
	inUse           int64
	hashes, refused uint64
	// pace is how long one hash takes, as measured.
	pace time.Duration
}

// newBudget returns a budget of so many bytes and CPUs, out of which mostly hashes with params will be paid.
func newBudget(bytes, cpus int64, params Params) (*budget, error) {
	own := params.weight()
	if bytes < own.bytes {
		return nil, fmt.Errorf("a budget of %d MiB is too small for a hash that takes %d MiB", bytes>>20, own.bytes>>20)
	}
	b := &budget{bytes: bytes, lanes: max(1, cpus)}
	b.memory, b.cpus = semaphore.NewWeighted(b.bytes), semaphore.NewWeighted(b.lanes)
	b.atOnce = min(b.bytes/own.bytes, max(1, b.lanes/own.lanes))
	// Until the first is measured, a nanosecond for each byte of each pass: a slow machine.
	b.pace = time.Duration(own.bytes * int64(params.Iterations))
	return b, nil
}

// A weight is what one hash takes out of the budget while it is computed.
type weight struct{ bytes, lanes int64 }

// admit gives the caller a place in the queue, or says at once that the caller's deadline would pass before its turn. The
// place is given back with leave.
func (b *budget) admit(ctx context.Context) (leave func(), err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if int64(b.inside) >= max(1, b.bytes/placeSize) {
		return nil, b.refuse(errFull)
	}
	// A quarter of the time is left for what is not hashing, and for a pace that slows down.
	if deadline, ok := ctx.Deadline(); ok && b.queued(b.inside+1) > time.Until(deadline)*3/4 {
		return nil, b.refuse(errLate)
	}
	b.inside++
	return sync.OnceFunc(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.inside--
	}), nil
}

// queued is how long n hashes take.
func (b *budget) queued(n int) time.Duration {
	rounds := math.Ceil(float64(n) / float64(b.atOnce))
	return time.Duration(rounds * float64(b.pace))
}

func (b *budget) refuse(cause error) *Busy {
	b.refused++
	seconds := math.Ceil(b.queued(max(b.inside, b.waiting)).Seconds())
	return &Busy{RetryAfter: time.Duration(min(max(1, seconds), 60)) * time.Second, cause: cause}
}

// spend computes one hash when its turn has come. It gives up when there is not time enough left to compute it, so that the
// caller still hears it.
func (b *budget) spend(ctx context.Context, w weight, compute func() error) error {
	w.lanes = min(w.lanes, b.lanes)
	if err := b.acquire(ctx, w); err != nil {
		return err
	}
	defer b.release(w)
	began := time.Now()
	err := compute()
	took := time.Since(began)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pace += (took - b.pace) / 8
	return err
}

func (b *budget) acquire(ctx context.Context, w weight) error {
	ctx, cancel := b.whileWorthIt(ctx)
	defer cancel()
	b.count(+1)
	defer b.count(-1)
	err := b.cpus.Acquire(ctx, w.lanes)
	if err == nil {
		if err = b.memory.Acquire(ctx, w.bytes); err != nil {
			b.cpus.Release(w.lanes)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if err != nil {
		return b.refuse(fmt.Errorf("%w: %w", errLate, err))
	}
	b.inUse += w.bytes
	b.hashes++
	return nil
}

func (b *budget) release(w weight) {
	b.memory.Release(w.bytes)
	b.cpus.Release(w.lanes)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.inUse -= w.bytes
}

// whileWorthIt ends with ctx, or before it by what one hash takes.
func (b *budget) whileWorthIt(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return ctx, func() {}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return context.WithDeadline(ctx, deadline.Add(-b.pace))
}

func (b *budget) count(change int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting += change
}

// Stats is what a Hasher does at a moment, and what it has done.
type Stats struct {
	// Budget is the memory that hashes may take at once, InUse what they take now, in bytes.
	Budget, InUse int64
	// Waiting is how many hashes wait for their turn.
	Waiting int
	// Hashes counts those that were computed or begun, Refused those that there was no room or time for.
	Hashes, Refused uint64
}

func (b *budget) stats() Stats {
	b.mu.Lock()
	defer b.mu.Unlock()
	return Stats{Budget: b.bytes, InUse: b.inUse, Waiting: b.waiting, Hashes: b.hashes, Refused: b.refused}
}
