package main

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A worker does one operation after the other. do returns how long the operation took, which need not be all of the time
// that do took: some must prepare something first.
type worker func(ctx context.Context) (time.Duration, error)

// A load is how operations are asked for.
type load struct {
	// inFlight is how many workers there are.
	inFlight int
	// rate is how many operations begin each second, whether those before have been answered or not (open loop); 0 means
	// that each worker begins the next when it has the answer (closed loop).
	rate     float64
	warmUp   time.Duration
	duration time.Duration
}

// A result is what a load came to. Durations are in nanoseconds.
type result struct {
	Operations int             `json:"operations"`
	Errors     int             `json:"errors"`
	FirstError string          `json:"first_error,omitempty"`
	Seconds    float64         `json:"seconds"`
	Rate       float64         `json:"operations_per_second"`
	latencies  []time.Duration // sorted, of those that succeeded
}

// run puts the load on the workers and counts the operations that end while it measures. In an open loop the latency counts
// from the moment at which the operation was due, so that a server which stalls cannot hide it (coordinated omission).
func (l load) run(ctx context.Context, workers []worker) result {
	began := time.Now()
	measured := began.Add(l.warmUp)
	end := measured.Add(l.duration)
	due := l.schedule(began)
	var (
		all sync.WaitGroup
		mu  sync.Mutex
		sum result
	)
	for _, w := range workers {
		all.Go(func() {
			var own result
			for ctx.Err() == nil {
				at := due()
				if !at.Before(end) || !sleepUntil(ctx, at) {
					break
				}
				took, err := w(ctx)
				now := time.Now()
				if late := now.Sub(at) - took; l.rate > 0 && late > 0 {
					took += late
				}
				if now.After(measured) && !now.After(end) {
					own.note(took, err)
				}
			}
			mu.Lock()
			defer mu.Unlock()
			sum.add(own)
		})
	}
	all.Wait()
	sum.Seconds = l.duration.Seconds()
	sum.Rate = float64(sum.Operations) / sum.Seconds
	slices.Sort(sum.latencies)
	return sum
}

// schedule returns what says when the next operation is due: in a closed loop at once.
func (l load) schedule(began time.Time) func() time.Time {
	if l.rate == 0 {
		return time.Now
	}
	var next atomic.Int64
	return func() time.Time {
		return began.Add(time.Duration(float64(next.Add(1)-1) / l.rate * float64(time.Second)))
	}
}

// sleepUntil says whether the time came before ctx ended.
func sleepUntil(ctx context.Context, at time.Time) bool {
	wait := time.Until(at)
	if wait <= 0 {
		return true
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (r *result) note(took time.Duration, err error) {
	if err != nil {
		r.Errors++
		if r.FirstError == "" {
			r.FirstError = err.Error()
		}
		return
	}
	r.Operations++
	r.latencies = append(r.latencies, took)
}

func (r *result) add(other result) {
	r.Operations += other.Operations
	r.Errors += other.Errors
	if r.FirstError == "" {
		r.FirstError = other.FirstError
	}
	r.latencies = append(r.latencies, other.latencies...)
}

// quantile returns the latency that the given share of operations did not exceed.
func (r result) quantile(share float64) time.Duration {
	if len(r.latencies) == 0 {
		return 0
	}
	return r.latencies[min(int(share*float64(len(r.latencies))), len(r.latencies)-1)]
}
