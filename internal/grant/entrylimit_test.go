package grant

import (
	"errors"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetd/signet/internal/oauth"
)

// In no hour after the first one does a client add more entries than the limit,
// and a client that waits as told is not refused again.
func TestEntryLimiter_LimitsEveryHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const perHour = 500
		l, added := entryLimiter{perHour: perHour}, 0
		for start := time.Now(); time.Since(start) < 3*time.Hour; {
			err := l.reserve("app")
			if err == nil {
				added++
				continue
			}
			var e *oauth.Error
			if !errors.As(err, &e) || e.Code != oauth.SlowDown || e.RetryAfter <= 0 {
				t.Fatalf("%v, want slow_down and when to try again", err)
			}
			time.Sleep(e.RetryAfter)
			if err := l.reserve("app"); err != nil {
				t.Fatalf("after the wait: %v", err)
			}
			added++
		}
		if added < 4*perHour-1 || added > 4*perHour+1 {
			t.Errorf("%d entries at once and in three hours, want %d", added, 4*perHour)
		}
	})
}

// Clients that add nothing for an hour need no memory.
func TestEntryLimiter_ForgetsIdleClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := entryLimiter{perHour: 10}
		for i := range 100 * minPrune {
			if err := l.reserve(strconv.Itoa(i)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			if n := len(l.drained); n > minPrune {
				t.Fatalf("%d buckets, want at most %d", n, minPrune)
			}
		}
	})
}
