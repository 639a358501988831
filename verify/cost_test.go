package verify_test

import (
	"errors"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signetd/signet/verify"
	"github.com/signetd/signet/verify/verifytest"
)

// Verify takes no lock: beside a thousand changes a second, the profile of
// mutexes has no call of it. It refuses every token that a change concerns.
func TestVerify_TakesNoLock(t *testing.T) {
	if testing.Short() {
		t.Skip("it makes changes for a second")
	}
	runtime.SetMutexProfileFraction(1)
	defer runtime.SetMutexProfileFraction(0)

	network, issuer := newLink(t, algorithms...)
	v := newVerifier(t, network, verify.Options{Revocation: verify.FailClosed(time.Minute)})
	revoked := make([]string, 200)
	for i := range revoked {
		revoked[i] = issuer.Token(verifytest.Claims{Subject: "bob"})
	}

	var done atomic.Bool
	var readers sync.WaitGroup
	for _, algorithm := range []string{verifytest.EdDSA, verifytest.RS256} {
		token := issuer.Token(verifytest.Claims{Subject: "alice", Algorithm: algorithm})
		readers.Go(func() {
			for !done.Load() {
				if _, err := v.Verify(t.Context(), token); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}

	for _, token := range revoked {
		issuer.Revoke(token)
		time.Sleep(time.Millisecond)
	}
	for v.Stats().Entries < len(revoked) {
		time.Sleep(time.Millisecond)
	}
	done.Store(true)
	readers.Wait()
	for _, token := range revoked {
		if _, err := v.Verify(t.Context(), token); !errors.Is(err, verify.ErrRevoked) {
			t.Errorf("a revoked token: %v", err)
		}
	}

	contend()
	stacks := contention()
	if !slices.ContainsFunc(stacks, func(s string) bool { return strings.Contains(s, "verify_test.contend") }) {
		t.Error("the profile lacks the contention of the test itself")
	}
	for _, stack := range stacks {
		// The runtime has locks of its own, for example when it
		// allocates.
		if !strings.HasPrefix(stack, "runtime.") && strings.Contains(stack, "verify.(*Verifier).Verify\n") {
			t.Errorf("Verify waited for a lock:\n%s", stack)
		}
	}
}

// contend makes a goroutine wait for a mutex.
func contend() {
	var mu sync.Mutex
	var waiter sync.WaitGroup
	mu.Lock()
	waiter.Go(func() {
		mu.Lock()
		defer mu.Unlock()
	})
	time.Sleep(20 * time.Millisecond)
	mu.Unlock()
	waiter.Wait()
}

// contention returns the stacks of the profile of mutexes.
func contention() (stacks []string) {
	records := make([]runtime.BlockProfileRecord, 10_000)
	n, _ := runtime.MutexProfile(records)
	for _, r := range records[:min(n, len(records))] {
		var stack strings.Builder
		frames := runtime.CallersFrames(r.Stack())
		for more := true; more; {
			var frame runtime.Frame
			frame, more = frames.Next()
			stack.WriteString(frame.Function + "\n")
		}
		stacks = append(stacks, stack.String())
	}
	return stacks
}

// With 100,000 entries, Verify takes at most 1.15 times as long as the check of
// the signature, and 3 µs. It compares the fastest of many runs of 200 calls.
func TestVerify_Cost(t *testing.T) {
	if os.Getenv("SIGNET_TEST_LONG") == "" {
		t.Skip("other programs on the machine can make it fail; set SIGNET_TEST_LONG")
	}
	v, issuer := newBusyVerifier(t)
	for _, algorithm := range []string{verifytest.EdDSA, verifytest.RS256} {
		token := loginToken(issuer, algorithm)
		_, public := issuer.Key(algorithm)
		raw := rawVerifier(t, public, token)
		least, whole := time.Hour, time.Hour
		for range 200 {
			least = min(least, timeOf(func() { raw() }))
			whole = min(whole, timeOf(func() { _, _ = v.Verify(t.Context(), token) }))
		}
		limit := least*115/100 + 3*time.Microsecond
		t.Logf("%s: %v, the signature alone %v, limit %v", algorithm, whole, least, limit)
		if whole > limit {
			t.Errorf("%s: %v, want at most %v", algorithm, whole, limit)
		}
	}
}

// timeOf returns how long a call takes, as the mean of 200.
func timeOf(f func()) time.Duration {
	began := time.Now()
	for range 200 {
		f()
	}
	return time.Since(began) / 200
}
