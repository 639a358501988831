package load

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"
)

// A Worker performs one operation for each call and returns how long the
// operation took. The call itself can take longer, because some operations need
// preparation that is not measured.
type Worker func(ctx context.Context) (time.Duration, error)

// Time calls f and returns how long it took, with the error of f.
func Time(f func() error) (time.Duration, error) {
	start := time.Now()
	err := f()
	return time.Since(start), err
}

// Merge distributes workers over n new ones. Each of them calls its part of the
// workers in turn.
func Merge(workers []Worker, n int) []Worker {
	merged := make([]Worker, n)
	for i := range merged {
		var part []Worker
		for j := i; j < len(workers); j += n {
			part = append(part, workers[j])
		}
		next := 0
		merged[i] = func(ctx context.Context) (time.Duration, error) {
			next++
			return part[next%len(part)](ctx)
		}
	}
	return merged
}

// RunEach runs all workers concurrently, each of them n times. It stops at the
// first error and returns it.
func RunEach(ctx context.Context, workers []Worker, n int) error {
	all, ctx := errgroup.WithContext(ctx)
	for _, w := range workers {
		all.Go(func() error {
			for range n {
				if _, err := w(ctx); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return all.Wait()
}
