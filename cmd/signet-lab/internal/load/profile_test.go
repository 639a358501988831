package load

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// sleeper returns a worker whose operation takes d.
func sleeper(d time.Duration) Worker {
	return func(ctx context.Context) (time.Duration, error) {
		return Time(func() error {
			select {
			case <-time.After(d):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}
}

func TestProfile_ClosedLoopWaitsForResponse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := Profile{WarmUp: time.Second, Duration: 10*time.Second + time.Millisecond}
		r := p.Run(t.Context(), []Worker{sleeper(100 * time.Millisecond), sleeper(time.Second)})
		if r.Operations != 110 || r.Errors != 0 {
			t.Errorf("%d operations, %d errors (%s); want 100 and 10", r.Operations, r.Errors, r.FirstError)
		}
		if p50, p99 := r.Quantile(.5), r.Quantile(.99); p50 != 100*time.Millisecond || p99 != time.Second {
			t.Errorf("p50 %s, p99 %s", p50, p99)
		}
	})
}

// The server needs one second for each operation, and two are due each second.
// The latency includes the growing delay.
func TestProfile_OpenLoopLatencyCountsFromDueTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := Profile{Rate: 2, Duration: 10*time.Second + time.Millisecond}
		r := p.Run(t.Context(), []Worker{sleeper(time.Second)})
		if r.Operations != 10 {
			t.Errorf("%d operations, want 10", r.Operations)
		}
		if first, last := r.Quantile(0), r.Quantile(1); first != time.Second || last != 5500*time.Millisecond {
			t.Errorf("first operation took %s, last %s; want 1s, and 5.5s with a delay of 4.5s", first, last)
		}
	})
}

func TestProfile_CountsErrorsSeparately(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		p := Profile{Duration: 10*time.Second + time.Millisecond}
		r := p.Run(t.Context(), []Worker{func(ctx context.Context) (time.Duration, error) {
			if calls++; calls%2 == 0 {
				time.Sleep(time.Second) // synctest's clock
				return time.Second, errors.New("refused")
			}
			return sleeper(time.Second)(ctx)
		}})
		if r.Operations != 5 || r.Errors != 5 || r.FirstError != "refused" {
			t.Errorf("%d operations, %d errors (%s); want 5 of each", r.Operations, r.Errors, r.FirstError)
		}
	})
}
