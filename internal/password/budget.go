package password

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

// bytesPerPlace is the part of the memory budget that gives the queue one
// place. So a budget of n bytes allows n / bytesPerPlace callers at the same
// time.
const bytesPerPlace = 128 << 10

// A budget bounds the memory and the CPUs that concurrent hashes take. It
// serves callers in the order of their arrival. It refuses a caller early if
// the hash would not be ready before the caller's deadline.
type budget struct {
	total resources
	// concurrency is the number of new hashes that fit into the budget
	// together.
	concurrency int64
	memory      *semaphore.Weighted
	cpus        *semaphore.Weighted

	mu sync.Mutex
	// reserved is the number of places that callers hold in the queue.
	reserved int
	// waiting is the number of hashes that wait for memory or a CPU.
	waiting int
	// inUse is the memory of the running hashes in bytes.
	inUse           int64
	hashes, refused uint64
	// duration is the measured time of one hash, as a moving average.
	duration time.Duration
}

// newBudget returns a budget of the given memory and CPUs. It estimates the
// waiting time for hashes with params.
func newBudget(bytes, cpus int64, params Params) (*budget, error) {
	need := params.need()
	if bytes < need.bytes {
		return nil, fmt.Errorf("memory budget of %d MiB is less than the %d MiB of one hash", bytes>>20, need.bytes>>20)
	}

	b := &budget{total: resources{bytes: bytes, cpus: max(1, cpus)}}
	b.memory, b.cpus = semaphore.NewWeighted(b.total.bytes), semaphore.NewWeighted(b.total.cpus)
	b.concurrency = min(b.total.bytes/need.bytes, max(1, b.total.cpus/need.cpus))
	// The first estimate is one nanosecond per byte and pass, as on a slow
	// machine.
	b.duration = time.Duration(need.bytes * int64(params.Iterations))
	return b, nil
}

// reserve reserves a place in the queue until the caller calls release. It
// returns *BusyError if the queue is full, or if the caller's deadline would
// pass first.
func (b *budget) reserve(ctx context.Context) (release func(), err error) {
	b.mu.Lock()
	defer b.mu.Unlock()

	if int64(b.reserved) >= max(1, b.total.bytes/bytesPerPlace) {
		return nil, b.refuse(errQueueFull)
	}
	// A quarter of the time remains for other work than hashing, and for hashes
	// that become slower.
	if deadline, ok := ctx.Deadline(); ok && b.estimate(b.reserved+1) > time.Until(deadline)*3/4 {
		return nil, b.refuse(errDeadline)
	}

	b.reserved++
	return sync.OnceFunc(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.reserved--
	}), nil
}

// estimate returns how long n hashes take. The caller holds b.mu.
func (b *budget) estimate(n int) time.Duration {
	rounds := math.Ceil(float64(n) / float64(b.concurrency))
	return time.Duration(rounds * float64(b.duration))
}

// refuse counts a refused hash and returns its error. The caller holds b.mu.
func (b *budget) refuse(cause error) *BusyError {
	b.refused++
	seconds := math.Ceil(b.estimate(max(b.reserved, b.waiting)).Seconds())
	return &BusyError{RetryAfter: time.Duration(min(max(1, seconds), 60)) * time.Second, cause: cause}
}

// run waits for the resources and then calls compute. If the time until the
// deadline becomes less than the time of one hash, run stops waiting and
// returns *BusyError. So the caller receives the error before its deadline.
func (b *budget) run(ctx context.Context, need resources, compute func() error) error {
	need.cpus = min(need.cpus, b.total.cpus)
	if err := b.acquire(ctx, need); err != nil {
		return err
	}
	defer b.release(need)

	start := time.Now()
	err := compute()
	elapsed := time.Since(start)

	b.mu.Lock()
	defer b.mu.Unlock()
	b.duration += (elapsed - b.duration) / 8
	return err
}

// acquire takes the resources out of the budget.
func (b *budget) acquire(ctx context.Context, need resources) error {
	ctx, cancel := b.shorten(ctx)
	defer cancel()
	b.addWaiting(+1)
	defer b.addWaiting(-1)

	err := b.cpus.Acquire(ctx, need.cpus)
	if err == nil {
		if err = b.memory.Acquire(ctx, need.bytes); err != nil {
			b.cpus.Release(need.cpus)
		}
	}

	b.mu.Lock()
	defer b.mu.Unlock()
	if err != nil {
		return b.refuse(fmt.Errorf("%w: %w", errDeadline, err))
	}
	b.inUse += need.bytes
	b.hashes++
	return nil
}

// release returns the resources to the budget.
func (b *budget) release(need resources) {
	b.memory.Release(need.bytes)
	b.cpus.Release(need.cpus)

	b.mu.Lock()
	defer b.mu.Unlock()
	b.inUse -= need.bytes
}

// shorten returns ctx with a deadline that is earlier by the time of one hash.
func (b *budget) shorten(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return ctx, func() {}
	}

	b.mu.Lock()
	defer b.mu.Unlock()
	return context.WithDeadline(ctx, deadline.Add(-b.duration))
}

// addWaiting changes the number of waiting hashes.
func (b *budget) addWaiting(change int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting += change
}

// Stats are the metrics of a Hasher.
type Stats struct {
	// Budget is the memory that concurrent hashes may take together. InUse is
	// the memory that the running hashes take. Both are in bytes.
	Budget, InUse int64
	// Waiting is the number of hashes that wait for memory or a CPU.
	Waiting int
	// Hashes is the number of hashes that were started. Refused is the number
	// of hashes that were refused because of overload.
	Hashes, Refused uint64
}

// stats returns the current metrics.
func (b *budget) stats() Stats {
	b.mu.Lock()
	defer b.mu.Unlock()
	return Stats{Budget: b.total.bytes, InUse: b.inUse, Waiting: b.waiting, Hashes: b.hashes, Refused: b.refused}
}
