package issuer_test

import (
	"context"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/login"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/throttle"
)

// longTests says whether SIGNET_TEST_LONG is set: then the tests that are statistical run in full.
func longTests() bool { return os.Getenv("SIGNET_TEST_LONG") != "" }

// A notingStore is a real one that notes what a login asks of it.
type notingStore struct {
	issuer.Store
	mu    sync.Mutex
	asked []string
}

func (s *notingStore) note(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, what)
}

func (s *notingStore) User(ctx context.Context, username string) (login.User, error) {
	s.note("User")
	return s.Store.User(ctx, username)
}

func (s *notingStore) ReserveAttempt(ctx context.Context, c []throttle.Counter, now time.Time) (int, error) {
	s.note(fmt.Sprint("ReserveAttempt of ", len(c)))
	return s.Store.ReserveAttempt(ctx, c, now)
}

func (s *notingStore) RefundAttempt(ctx context.Context, c []throttle.Counter, now time.Time) error {
	s.note("RefundAttempt")
	return s.Store.RefundAttempt(ctx, c, now)
}

func (s *notingStore) Rehash(ctx context.Context, userID, old, next string) error {
	s.note("Rehash")
	return s.Store.Rehash(ctx, userID, old, next)
}

func (s *notingStore) CreateGrant(ctx context.Context, g grant.Grant, epoch int64) error {
	s.note("CreateGrant")
	return s.Store.CreateGrant(ctx, g, epoch)
}

// crowd fills the store with users who have ada's password: so many to guess at, so many who are disabled, and one, named
// full, whose counter is full.
func (h *house) crowd(t *testing.T, n int) {
	t.Helper()
	ada, err := h.store.User(t.Context(), username)
	must(t, err)
	var made sync.WaitGroup
	create := func(name string, disabledAt time.Time) {
		made.Go(func() {
			u := ada
			u.ID, u.Username, u.DisabledAt = "usr_"+name, name, disabledAt
			if err := h.store.CreateUser(t.Context(), u); err != nil {
				t.Error(err)
			}
		})
	}
	for i := range n {
		create(fmt.Sprint("wrong", i), time.Time{})
		create(fmt.Sprint("disabled", i), time.Now())
	}
	create("full", time.Time{})
	made.Wait()

	full := throttle.Account("usr_full")
	var at []time.Time
	var count throttle.Count
	for now := time.Unix(0, 0); len(at) < full.Burst(); now = now.Add(time.Second) {
		var ok bool
		if count, ok = full.Take(count, now); ok {
			at = append(at, now)
		}
	}
	late := h.keys.Now().Sub(at[len(at)-1])
	for _, when := range at {
		_, err := h.store.ReserveAttempt(t.Context(), []throttle.Counter{full}, when.Add(late))
		must(t, err)
	}
}

// refusals are the logins that must look alike, by the reason that the audit log has.
func refusals(i int) map[string]issuer.LoginRequest {
	return map[string]issuer.LoginRequest{
		"unknown_user":      {Username: fmt.Sprint("nobody", i), Password: rightWord},
		"wrong_password":    {Username: fmt.Sprint("wrong", i), Password: "wrong"},
		"user_disabled":     {Username: fmt.Sprint("disabled", i), Password: rightWord},
		"throttled_account": {Username: "full", Password: rightWord},
	}
}

// TestRule49_RefusedLoginsCostTheSame: the same answer, one hash, and the same questions to the store.
func TestRule49_RefusedLoginsCostTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &notingStore{}
		h := newHouse(t, func(o *issuer.Options) {
			store.Store = o.Store
			o.Store = store
		})
		h.crowd(t, 2)
		for _, ip := range []string{"", "192.0.2.1"} {
			for reason, r := range refusals(len(ip) / 9) {
				r.EndUser = from(ip)
				hashes := h.passwords.Stats().Hashes
				store.asked = nil
				_, err := h.Login(t.Context(), h.caller, r)
				got := oauth.AsError(err)
				if got.Code != oauth.InvalidGrant || got.Sentence != "The login or token is not valid." || got.RetryAfter != 0 {
					t.Errorf("%s: %+v", reason, got)
				}
				if n := h.passwords.Stats().Hashes - hashes; n != 1 {
					t.Errorf("%s: %d hashes, want 1", reason, n)
				}
				if want := fmt.Sprint("User, ReserveAttempt of ", 1+len(ip)/9); strings.Join(store.asked, ", ") != want {
					t.Errorf("%s: the store is asked %s, want %s", reason, store.asked, want)
				}
				if h.reasons()[reason] != 1+len(ip)/9 {
					t.Errorf("%s: refused for %v", reason, h.reasons())
				}
			}
		}
		store.asked = nil
		h.want(t, h.caller, right, "in")
		if got := strings.Join(store.asked, ", "); got != "User, ReserveAttempt of 1, RefundAttempt, CreateGrant" {
			t.Errorf("a login asks %s", got)
		}
	})
}

// TestRule49_RefusedLoginsTakeTheSameTime compares samples of each kind of refused login, interleaved, with those of wrong
// passwords. With SIGNET_TEST_LONG there are 2,000 of each, and their medians must not be further apart than 2% or 1 ms; few
// show only that no kind lacks its hash. Chance has one more try.
func TestRule49_RefusedLoginsTakeTheSameTime(t *testing.T) {
	samples := 24
	switch {
	case longTests():
		samples = 2000
	case testing.Short():
		samples = 12
	}
	atRealCost(t)
	h := newHouse(t)
	h.keepPolling(t)
	h.crowd(t, 2*samples)
	faults := h.compare(t, 0, samples)
	if len(faults) > 0 {
		t.Logf("once more, since %s", faults)
		faults = h.compare(t, samples, samples)
	}
	for _, f := range faults {
		t.Error(f)
	}
}

// compare takes samples and says which kinds differ.
func (h *house) compare(t *testing.T, first, samples int) (faults []string) {
	took := map[string][]float64{}
	for i := range samples {
		kinds := refusals(first + i)
		names := slices.Sorted(maps.Keys(kinds))
		rand.Shuffle(len(names), func(a, b int) { names[a], names[b] = names[b], names[a] })
		for _, name := range names {
			began := time.Now()
			got := h.try(t, h.caller, kinds[name])
			took[name] = append(took[name], time.Since(began).Seconds()*1000)
			if got != name {
				t.Fatalf("refused for %s, want %s", got, name)
			}
		}
	}
	wrong := took["wrong_password"]
	for name, times := range took {
		p, apart := mannWhitney(times, wrong), math.Abs(median(times)-median(wrong))
		line := fmt.Sprintf("%s: median %.2f ms, that of wrong passwords %.2f ms, p = %.3f", name, median(times), median(wrong), p)
		t.Log(line)
		if p <= 0.01 || longTests() && apart > max(1, median(wrong)/50) {
			faults = append(faults, line)
		}
	}
	return faults
}

func median(of []float64) float64 {
	sorted := slices.Sorted(slices.Values(of))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

// mannWhitney returns the two-sided probability of two samples being at least so different if they are of one kind, by the
// normal approximation. Times in nanoseconds have no ties to speak of.
func mannWhitney(a, b []float64) float64 {
	u := 0.0
	for _, x := range a {
		for _, y := range b {
			switch {
			case x > y:
				u++
			case x == y:
				u += 0.5
			}
		}
	}
	n, m := float64(len(a)), float64(len(b))
	z := math.Abs(u-n*m/2) / math.Sqrt(n*m*(n+m+1)/12)
	return math.Erfc(z / math.Sqrt2)
}

func TestMannWhitney(t *testing.T) {
	same, late := make([]float64, 20), make([]float64, 20)
	for i := range same {
		same[i], late[i] = float64(i), float64(i)+15.5
	}
	if p := mannWhitney(same, same); p < 0.99 {
		t.Errorf("a sample differs from itself: p = %v", p)
	}
	if p := mannWhitney(same, late); p > 1e-5 {
		t.Errorf("a sample is like one that is apart from it: p = %v", p)
	}
	// U = 2 of 3 and 4 values: z = (6-2)/sqrt(3*4*8/12).
	if p := mannWhitney([]float64{1, 2, 5}, []float64{3, 4, 6, 7}); math.Abs(p-math.Erfc(4/math.Sqrt(8)/math.Sqrt2)) > 1e-9 {
		t.Errorf("p = %v", p)
	}
}
