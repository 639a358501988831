package keys

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

const (
	// placesPerCPU is how many callers hold a place at the same time, for each
	// CPU. A caller writes to the store while it holds its place, so there are
	// more places than signatures in progress. The signatures of all places
	// together take less than a tenth of a second.
	placesPerCPU = 32
	// answerTime is how long before its deadline a caller stops waiting for a
	// place: the time for the write, the signature and the answer.
	answerTime = 500 * time.Millisecond
)

// A signingQueue bounds the RSA signatures of a process. An RSA signature takes
// about a millisecond, thirty times as long as one of the other algorithms.
// Without a bound, an overloaded server computes all signatures at the same
// time: each one takes seconds, and so does everything else.
type signingQueue struct {
	// places has an element for each place that is taken.
	places chan struct{}
	// running has an element for each signature in progress.
	running chan struct{}
	waiting atomic.Int64
	// maxWaiting bounds waiting. Zero means no bound.
	maxWaiting int64
}

var errQueueFull = errors.New("too many requests wait for a signature")

func newSigningQueue(cpus, maxWaiting int) *signingQueue {
	return &signingQueue{
		places: make(chan struct{}, cpus*placesPerCPU), running: make(chan struct{}, cpus),
		maxWaiting: int64(maxWaiting),
	}
}

// Reserve waits for a place in the queue of RSA signatures, in the order of
// arrival. While the caller has the place, its signature starts at once or
// after a short time. The caller calls release after it has signed. A caller
// that writes to the store first takes the place before the write, so that the
// server does not write what it cannot answer.
//
// Reserve returns the error of ctx if it gets no place in time: when ctx is
// canceled, or shortly before its deadline. It returns another error at once if
// Options.MaxWaiting callers wait. For an algorithm other than RS256
// it returns at once, because these signatures take less time than the rest of
// a request.
func (m *Manager) Reserve(ctx context.Context, algorithm string) (release func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if algorithm != RS256 {
		return func() {}, nil
	}
	return m.signing.reserve(ctx)
}

func (q *signingQueue) reserve(ctx context.Context) (release func(), err error) {
	release = func() { <-q.places }
	select {
	case q.places <- struct{}{}:
		return release, nil
	default:
	}

	if deadline, ok := ctx.Deadline(); ok {
		reserved := min(time.Until(deadline)/4, answerTime)
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-reserved))
		defer cancel()
	}
	defer q.waiting.Add(-1)
	if n := q.waiting.Add(1); q.maxWaiting > 0 && n > q.maxWaiting {
		return nil, errQueueFull
	}
	select {
	case q.places <- struct{}{}:
		return release, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// run computes a signature when fewer signatures than CPUs are in progress.
func (q *signingQueue) run(sign func() ([]byte, error)) ([]byte, error) {
	q.running <- struct{}{}
	defer func() { <-q.running }()
	return sign()
}

// SignaturesWaiting returns the number of callers of Reserve that wait.
func (m *Manager) SignaturesWaiting() int { return int(m.signing.waiting.Load()) }
