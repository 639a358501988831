package storetest

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/signetd/signet/internal/oauth"
)

var assertionCases = []singleCase{
	{"Rule12_AssertionIsUsedOnce", assertionIsUsedOnce},
	{"SweepDeletesExpiredAssertions", sweepAssertions},
}

// Rule 12: a client can use an assertion once.
func assertionIsUsedOnce(t *testing.T, s Store) {
	a, b := []byte{0, 1, 2}, []byte{0, 1, 2, 3}
	must(t, s.UseAssertion(t.Context(), "app", a, start))
	rejected(t, s.UseAssertion(t.Context(), "app", a, start), oauth.AlreadyExists)
	rejected(t, s.UseAssertion(t.Context(), "app", a, start.Add(time.Hour)), oauth.AlreadyExists)
	must(t, s.UseAssertion(t.Context(), "app", b, start))
	must(t, s.UseAssertion(t.Context(), "App", a, start))
}

func sweepAssertions(t *testing.T, s Store) {
	sweep := func(now time.Time, limit, want int) {
		t.Helper()
		n, err := s.SweepAssertions(t.Context(), now, limit)
		must(t, err)
		equal(t, n, want)
	}
	sweep(start, 10, 0)
	for i := range byte(5) {
		must(t, s.UseAssertion(t.Context(), "app", []byte{i}, start.Add(time.Duration(i)*time.Second)))
	}
	sweep(start.Add(-time.Microsecond), 10, 0)
	sweep(start.Add(3*time.Second), 2, 2)
	must(t, s.UseAssertion(t.Context(), "app", []byte{1}, start.Add(time.Hour))) // The two oldest were deleted.
	rejected(t, s.UseAssertion(t.Context(), "app", []byte{2}, start), oauth.AlreadyExists)
	sweep(start.Add(3*time.Second), 10, 2)
	sweep(start.Add(3*time.Second), 10, 0)
	rejected(t, s.UseAssertion(t.Context(), "app", []byte{4}, start), oauth.AlreadyExists)
	sweep(start.Add(time.Hour), 10, 2)
}

// Rule 12: of 64 concurrent uses of one assertion on two servers one succeeds.
func oneAssertionManyServers(t *testing.T, servers [2]Store) {
	var first atomic.Int32
	atOnce(servers, 64, func(_ int, s Store) {
		err := s.UseAssertion(t.Context(), "app", []byte("id"), start)
		if err == nil {
			first.Add(1)
			return
		}
		rejected(t, err, oauth.AlreadyExists)
	})
	equal(t, first.Load(), int32(1))
}
