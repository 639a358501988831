package browser_test

import (
	"net/http"
	"runtime"
	"testing"

	"github.com/signetd/signet/internal/app/components"
	"github.com/signetd/signet/internal/browser"
)

// BenchmarkCheck measures the verdict from a held session: the MAC of the
// cookie, the state of the copy, and the revocations of the token.
func BenchmarkCheck(b *testing.B) {
	f := newCheckFixture(b)
	f.Run(b)
	s := f.open(b)
	r := s.request()
	b.ReportAllocs()
	for b.Loop() {
		if v := f.Checker.Check(b.Context(), r); v.Status != http.StatusOK {
			b.Fatal(v.Err)
		}
	}
}

// BenchmarkHeldSessions measures the memory of a held session, with its copy of
// the grant and one token. Its time is that of a check whose session is not
// held.
func BenchmarkHeldSessions(b *testing.B) {
	f := newCheckFixture(b, func(o *components.Options) { o.Limits.GrantsPerUser = 0 })
	f.Run(b)
	all := make([]browser.CheckRequest, b.N)
	for i := range all {
		all[i] = f.open(b).request()
	}
	browser.SetMaxSessions(f.Checker, b.N)
	before := heap()
	b.ResetTimer()
	for _, r := range all {
		if v := f.Checker.Check(b.Context(), r); v.Status != http.StatusOK {
			b.Fatal(v.Err)
		}
	}
	b.StopTimer()
	b.ReportMetric(float64(heap()-before)/float64(f.Checker.Held()), "B/session")
}

// heap returns the bytes of reachable objects.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
