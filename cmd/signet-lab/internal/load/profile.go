package load

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// MaxDuration limits the duration of one load.
const MaxDuration = 10 * time.Minute

// A Profile describes a load.
type Profile struct {
	// Concurrency is the number of workers.
	Concurrency int
	// Rate is the number of operations that start each second, whether or
	// not the earlier ones have ended (open loop). Zero means that a worker
	// starts its next operation when the previous one ends (closed loop).
	Rate float64
	// WarmUp is the time before the measurement starts.
	WarmUp time.Duration
	// Duration is the time that is measured.
	Duration time.Duration
}

// WithConcurrency returns a copy of p with n workers.
func (p Profile) WithConcurrency(n int) Profile {
	p.Concurrency = n
	return p
}

// Run applies the load to the workers. It counts the operations that end within
// the measured time.
//
// In an open loop, the latency of an operation counts from the moment when it
// was due. So a server that stalls cannot hide the delay (coordinated
// omission).
func (p Profile) Run(ctx context.Context, workers []Worker) Result {
	start := time.Now()
	measured := start.Add(p.WarmUp)
	end := measured.Add(p.Duration)
	due := p.schedule(start)

	var (
		all   sync.WaitGroup
		mu    sync.Mutex
		total Result
	)
	for _, w := range workers {
		all.Go(func() {
			var own Result
			for ctx.Err() == nil {
				at := due()
				if !at.Before(end) || !sleepUntil(ctx, at) {
					break
				}

				latency, err := w(ctx)
				now := time.Now()
				if late := now.Sub(at) - latency; p.Rate > 0 && late > 0 {
					latency += late
				}
				if now.After(measured) && !now.After(end) {
					own.record(latency, err)
				}
			}

			mu.Lock()
			defer mu.Unlock()
			total.merge(own)
		})
	}
	all.Wait()

	total.Seconds = p.Duration.Seconds()
	total.Rate = float64(total.Operations) / total.Seconds
	slices.Sort(total.latencies)
	return total
}

// schedule returns a function that returns the time of the next operation. In a
// closed loop this is always the present time.
func (p Profile) schedule(start time.Time) func() time.Time {
	if p.Rate == 0 {
		return time.Now
	}
	var next atomic.Int64
	return func() time.Time {
		return start.Add(time.Duration(float64(next.Add(1)-1) / p.Rate * float64(time.Second)))
	}
}

// sleepUntil waits for a time. It returns false if ctx ends first.
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
