package password

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"
)

// bytesPerPlace is the part of the memory budget that gives the queue one
// place. So a budget of n bytes allows n / bytesPerPlace callers at the same
// time.
const bytesPerPlace = 128 << 10

// maxWait is how long a hash waits at most, whatever the deadline of its caller
// is. So a caller with a long deadline does not fill the queue.
const maxWait = 3 * time.Second

// A budget bounds the memory and the CPUs that concurrent hashes take. Callers
// take turns as the queue says. The budget refuses a caller early if the hash
// would not be ready before the caller's deadline, or would wait longer than
// maxWait.
type budget struct {
	total resources
	// concurrency is the number of new hashes that fit into the budget
	// together.
	concurrency int64

	mu    sync.Mutex
	queue queue
	// inUse are the resources of the running hashes.
	inUse resources
	// running is the number of running hashes, and waiting the number of hashes
	// that wait for their turn.
	running, waiting int
	hashes, refused  uint64
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
	b.concurrency = min(b.total.bytes/need.bytes, max(1, b.total.cpus/need.cpus))
	// The first estimate is one nanosecond per byte and pass, as on a slow
	// machine.
	b.duration = time.Duration(need.bytes * int64(params.Iterations))
	return b, nil
}

// placeKey is the key of the place in the context of a caller.
type placeKey struct{}

// reserve reserves a place in the queue until the caller calls release. It
// returns the context with which the caller calls run.
//
// reserve returns *BusyError if the hash would wait longer than maxWait, if the
// caller's deadline would pass first, or if the queue is full. A full queue
// refuses the latest place of the caller with the most places. If this is a
// place that was reserved before, and whose hash has not begun, its context
// ends, and the cause is *BusyError.
func (b *budget) reserve(ctx context.Context, c Caller) (_ context.Context, release func(), err error) {
	b.mu.Lock()
	defer b.mu.Unlock()

	p := &place{caller: c}
	reserved, cancel := context.WithCancelCause(context.WithValue(ctx, placeKey{}, p))
	p.cancel = cancel
	b.queue.add(p)
	if err := b.admit(ctx, p); err != nil {
		b.queue.remove(p)
		cancel(err)
		return nil, nil, err
	}
	return reserved, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if !p.removed {
			b.queue.remove(p)
		}
		cancel(nil)
	}, nil
}

// admit returns *BusyError if the place that was just added must be refused. If
// the queue is full, it may drop another place instead. The caller holds b.mu.
func (b *budget) admit(ctx context.Context, p *place) error {
	// A quarter of the time remains for other work than hashing, and for hashes
	// that become slower.
	ready := b.estimate(b.running + b.queue.ahead(p.caller))
	if ready-b.duration > maxWait*3/4 {
		return b.refuse(errWait)
	}
	if deadline, ok := ctx.Deadline(); ok && ready > time.Until(deadline)*3/4 {
		return b.refuse(errDeadline)
	}

	if int64(b.queue.places) <= max(1, b.total.bytes/bytesPerPlace) {
		return nil
	}
	if last := b.queue.surplus(p); last != p {
		b.drop(last)
		return nil
	}
	return b.refuse(errQueueFull)
}

// drop refuses a place whose hash has not begun, because the queue is full. The
// caller holds b.mu.
func (b *budget) drop(p *place) {
	err := b.refuse(errQueueFull)
	if p.waiting != nil {
		b.waiting--
	}
	b.queue.remove(p)
	p.cancel(err)
	b.dispatch() // perhaps the next hash needs less memory
}

// estimate returns how long n hashes take. The caller holds b.mu.
func (b *budget) estimate(n int) time.Duration {
	rounds := math.Ceil(float64(n) / float64(b.concurrency))
	return time.Duration(rounds * float64(b.duration))
}

// refuse counts a refused hash and returns its error. The caller holds b.mu.
func (b *budget) refuse(cause error) *BusyError {
	b.refused++
	seconds := math.Ceil(b.estimate(max(b.queue.places, b.waiting)).Seconds())
	return &BusyError{RetryAfter: time.Duration(min(max(1, seconds), 60)) * time.Second, cause: cause}
}

// run waits for the caller's turn and the resources, and then calls compute. It
// returns *BusyError if it waits for maxWait, or if the time until the deadline
// becomes less than the time of one hash. So the caller receives the error
// before its deadline.
//
// A caller without a place gets one for this hash, as the administration of the
// server.
func (b *budget) run(ctx context.Context, need resources, compute func() error) error {
	p, ok := ctx.Value(placeKey{}).(*place)
	if !ok {
		reserved, release, err := b.reserve(ctx, Caller{})
		if err != nil {
			return err
		}
		defer release()
		return b.run(reserved, need, compute)
	}

	need.cpus = min(need.cpus, b.total.cpus)
	if err := b.acquire(ctx, p, need); err != nil {
		return err
	}
	start := time.Now()
	defer func() { b.release(need, time.Since(start)) }()
	return compute()
}

// acquire waits for the turn of a hash and takes its resources out of the
// budget.
func (b *budget) acquire(ctx context.Context, p *place, need resources) error {
	b.mu.Lock()
	defer b.mu.Unlock()

	if p.removed {
		return context.Cause(ctx)
	}
	wait, cause := maxWait, errWait
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline)-b.duration < wait {
		wait, cause = time.Until(deadline)-b.duration, errDeadline
	}
	waiting, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	if err := waiting.Err(); err != nil {
		return b.refuse(fmt.Errorf("%w: %w", cause, err))
	}

	w := &waiter{place: p, need: need, ready: make(chan struct{})}
	b.queue.enqueue(w)
	b.waiting++
	b.dispatch()
	b.mu.Unlock()
	select {
	case <-w.ready:
	case <-waiting.Done():
	}
	b.mu.Lock()

	select {
	case <-w.ready:
		return nil
	default:
	}
	if p.removed {
		return context.Cause(ctx)
	}
	b.queue.dequeue(w)
	b.waiting--
	b.dispatch()
	return b.refuse(fmt.Errorf("%w: %w", cause, waiting.Err()))
}

// dispatch begins the hashes whose turn it is and whose resources are free. The
// caller holds b.mu.
func (b *budget) dispatch() {
	for w := b.queue.next(); w != nil; w = b.queue.next() {
		if b.inUse.bytes+w.need.bytes > b.total.bytes || b.inUse.cpus+w.need.cpus > b.total.cpus {
			return
		}
		b.inUse.bytes += w.need.bytes
		b.inUse.cpus += w.need.cpus
		b.queue.endTurn()
		b.queue.begin(w.place)
		b.waiting--
		b.running++
		b.hashes++
		close(w.ready)
	}
}

// release returns the resources of a hash to the budget.
func (b *budget) release(need resources, elapsed time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.duration += (elapsed - b.duration) / 8
	b.inUse.bytes -= need.bytes
	b.inUse.cpus -= need.cpus
	b.running--
	b.dispatch()
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
	return Stats{Budget: b.total.bytes, InUse: b.inUse.bytes, Waiting: b.waiting, Hashes: b.hashes, Refused: b.refused}
}
