package baseline

import (
	"sync"
	"sync/atomic"
	"time"
)

// ratePerSecond calls f in n goroutines for a duration. It returns the number
// of calls per second.
func ratePerSecond(n int, duration time.Duration, f func()) float64 {
	var (
		all   sync.WaitGroup
		calls atomic.Int64
	)
	start := time.Now()
	for range n {
		all.Go(func() {
			for time.Since(start) < duration {
				f()
				calls.Add(1)
			}
		})
	}
	all.Wait()
	return float64(calls.Load()) / time.Since(start).Seconds()
}
