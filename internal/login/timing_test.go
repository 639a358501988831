package login_test

import (
	"context"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
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

	"golang.org/x/crypto/bcrypt"

	"github.com/signetd/signet/internal/app/components"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/issuertest"
	"github.com/signetd/signet/internal/login"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/password"
	"github.com/signetd/signet/internal/throttle"
)

// longTests reports whether SIGNET_TEST_LONG is set: then statistical tests
// take all their samples.
func longTests() bool { return os.Getenv("SIGNET_TEST_LONG") != "" }

// A recordingStore records the calls that a login makes.
type recordingStore struct {
	components.ServiceStore
	mu    sync.Mutex
	calls []string
}

func (s *recordingStore) record(call string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, call)
}

func (s *recordingStore) User(ctx context.Context, username string) (login.User, error) {
	s.record("User")
	return s.ServiceStore.User(ctx, username)
}

func (s *recordingStore) ReserveAttempt(ctx context.Context, c []throttle.Counter, now time.Time) (int, error) {
	s.record(fmt.Sprint("ReserveAttempt of ", len(c)))
	return s.ServiceStore.ReserveAttempt(ctx, c, now)
}

func (s *recordingStore) RefundAttempt(ctx context.Context, c []throttle.Counter, now time.Time) error {
	s.record("RefundAttempt")
	return s.ServiceStore.RefundAttempt(ctx, c, now)
}

func (s *recordingStore) Rehash(ctx context.Context, userID, old, next string) error {
	s.record("Rehash")
	return s.ServiceStore.Rehash(ctx, userID, old, next)
}

func (s *recordingStore) CreateGrant(
	ctx context.Context, g grant.Grant, epoch int64, limit int,
) (grant.Created, error) {
	s.record("CreateGrant")
	return s.ServiceStore.CreateGrant(ctx, g, epoch, limit)
}

// createUsers creates n enabled and n disabled users with the password of the
// setup's user, and one, named full, whose counter is full. If there are
// hashes, the users have these, in turn.
func (f *fixture) createUsers(t *testing.T, n int, hashes ...string) {
	t.Helper()
	ada, err := f.Store.User(t.Context(), username)
	must(t, err)
	var created sync.WaitGroup
	next := 0
	create := func(name string, disabledAt time.Time) {
		u := ada
		if len(hashes) > 0 {
			u.PasswordHash = hashes[next/2%len(hashes)]
			next++
		}
		created.Go(func() {
			u.ID, u.Username, u.DisabledAt = "usr_"+name, name, disabledAt
			if err := f.Store.CreateUser(t.Context(), u); err != nil {
				t.Error(err)
			}
		})
	}
	for i := range n {
		create(fmt.Sprint("wrong", i), time.Time{})
		create(fmt.Sprint("disabled", i), time.Now())
	}
	create("full", time.Time{})
	created.Wait()
	f.fill(t, throttle.Account("usr_full"))
}

// fill reserves attempts in the counter until it is full.
func (f *fixture) fill(t *testing.T, counter throttle.Counter) {
	t.Helper()
	var accepted []time.Time
	var count throttle.Count
	for now := time.Unix(0, 0); len(accepted) < counter.Burst(); now = now.Add(time.Second) {
		var ok bool
		if count, ok = counter.Reserve(count, now); ok {
			accepted = append(accepted, now)
		}
	}
	shift := f.Keys.Now().Sub(accepted[len(accepted)-1])
	for _, at := range accepted {
		_, err := f.Store.ReserveAttempt(t.Context(), []throttle.Counter{counter}, at.Add(shift))
		must(t, err)
	}
}

// refusals returns the logins that must look alike, by the reason in the audit
// log.
func refusals(i int) map[string]issuertest.LoginRequest {
	return map[string]issuertest.LoginRequest{
		"unknown_user":      {Username: fmt.Sprint("nobody", i), Password: rightWord},
		"wrong_password":    {Username: fmt.Sprint("wrong", i), Password: "wrong"},
		"user_disabled":     {Username: fmt.Sprint("disabled", i), Password: rightWord},
		"throttled_account": {Username: "full", Password: rightWord},
	}
}

// Rule 49: every refused login has the same response and costs one hash and the
// same calls of the store.
func TestRule49_RefusedLoginsCostTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &recordingStore{}
		f := newFixture(t, func(o *components.Options) {
			store.ServiceStore = o.Store
			o.Store = store
		})
		f.createUsers(t, 2)
		for _, ip := range []string{"", "192.0.2.1"} {
			for reason, r := range refusals(len(ip) / 9) {
				r.EndUser = from(ip)
				hashes := f.hashes()
				store.calls = nil
				_, err := f.Login(t.Context(), f.Caller, r)
				got := oauth.AsError(err)
				if got.Code != oauth.InvalidGrant || got.Sentence != "The login or token is not valid." ||
					got.RetryAfter != 0 {
					t.Errorf("%s: %+v", reason, got)
				}
				if n := f.hashes() - hashes; n != 1 {
					t.Errorf("%s: %d hashes, want 1", reason, n)
				}
				want := fmt.Sprint("User, ReserveAttempt of ", 1+len(ip)/9*2) // the address has two counters
				if strings.Join(store.calls, ", ") != want {
					t.Errorf("%s: the login calls %s, want %s", reason, store.calls, want)
				}
				if f.Events.FailedLogins()[reason] != 1+len(ip)/9 {
					t.Errorf("%s: refused for %v", reason, f.Events.FailedLogins())
				}
			}
		}

		store.calls = nil
		f.want(t, f.Caller, valid, success)
		want := "User, ReserveAttempt of 1, RefundAttempt, ReserveAttempt of 1, CreateGrant"
		if got := strings.Join(store.calls, ", "); got != want {
			t.Errorf("a login calls %s", got)
		}
	})
}

// Rule 49: a name that an earlier version may have stored in another form costs
// more reads of the store than others. The number of reads depends on the name
// alone, not on whether there is a user, and under which form.
func TestRule49_NamesInSeveralFormsCostTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &recordingStore{}
		f := newFixture(t, func(o *components.Options) {
			store.ServiceStore = o.Store
			o.Store = store
		})
		f.withOldUser(t, "\uab71\u13a1", rightWord) // registered as "\u13a1\uab71"
		f.withOldUser(t, "\u13a2\u13a2", rightWord)
		f.withOldUser(t, "\u13a3\u13a3", rightWord)
		f.withOldUser(t, "\uab73\uab73", rightWord)
		for _, name := range []string{"\u13a0\uab70", "\u13a1\uab71", "\u13a2\uab72", "\u13a3\uab73"} {
			store.calls = nil
			_, err := f.Login(t.Context(), f.Caller, issuertest.LoginRequest{Username: name, Password: "wrong"})
			wantCode(t, err, oauth.InvalidGrant)
			if got := strings.Join(store.calls, ", "); got != "User, User, User, User, ReserveAttempt of 1" {
				t.Errorf("%+q: the login calls %s", name, got)
			}
		}
		if got := f.Events.FailedLogins(); got["unknown_user"] != 1 || got["wrong_password"] != 3 {
			t.Errorf("refused for %v", got)
		}
	})
}

// samples returns how many samples of each kind a statistical test takes. With
// SIGNET_TEST_LONG it takes 2,000. A few samples show only that no kind lacks
// its hash, or has one of another cost.
func samples() int {
	switch {
	case longTests():
		return 2000
	case testing.Short():
		return 12
	}
	return 24
}

// Rule 49: every refused login takes the same time. The test compares samples
// of each kind, interleaved, with those of wrong passwords. With
// SIGNET_TEST_LONG their medians must not differ by more than 2% or 1 ms.
func TestRule49_RefusedLoginsTakeTheSameTime(t *testing.T) {
	f := newRealCostFixture(t)
	f.Run(t)
	f.createUsers(t, 2*samples())
	f.wantSameTimes(t, refusals)
}

// Rule 49: after the parameters were raised, every refused login still takes
// the same time: that of the hashes that are stored.
func TestRule49_RefusedLoginsTakeTheSameTimeAfterParametersWereRaised(t *testing.T) {
	f := newRaisedCostFixture(t)
	f.createUsers(t, 2*samples())
	f.Logins.Poll(t.Context())
	f.wantSameTimes(t, refusals)
}

// Rule 49: if the stored hashes have several costs, unknown names have each of
// them as often as users do. Here every sixth user has a hash with the raised
// parameters, every sixth one was imported with bcrypt, and every sixth one
// from Django.
func TestRule49_RefusedLoginsTakeTheSameTimesWithHashesOfSeveralCosts(t *testing.T) {
	if testing.Short() {
		t.Skip("a few samples of several costs show little")
	}
	f := newRaisedCostFixture(t)
	ada, err := f.Store.User(t.Context(), username)
	must(t, err)
	raised, err := f.Passwords.Hash(t.Context(), rightWord)
	must(t, err)
	imported, err := bcrypt.GenerateFromPassword([]byte(rightWord), 11)
	must(t, err)
	key, err := pbkdf2.Key(sha256.New, rightWord, []byte("salt"), 600_000, sha256.Size)
	must(t, err)
	django := "pbkdf2_sha256$600000$salt$" + base64.StdEncoding.EncodeToString(key)
	old := ada.PasswordHash
	f.createUsers(t, 2*samples(), old, raised, old, string(imported), old, django)
	f.Logins.Poll(t.Context())
	f.wantSameTimes(t, func(i int) map[string]issuertest.LoginRequest {
		kinds := refusals(i)
		delete(kinds, "throttled_account") // this is one user, who has one cost
		return kinds
	})
}

// newRaisedCostFixture returns a fixture whose parameters are higher than those
// of the stored hash, with which a hash takes five times as long.
func newRaisedCostFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{issuertest.NewGateway(t, realCost, func(o *components.Options) {
		params := realCost.Params
		params.Iterations *= 5
		var err error
		o.Passwords, err = password.New(password.Options{Params: params})
		must(t, err)
		t.Cleanup(o.Passwords.Close)
	})}
	f.Run(t)
	return f
}

// wantSameTimes fails the test if the kinds of refused logins take different
// times. It has a second try, because a difference may be by chance.
func (f *fixture) wantSameTimes(t *testing.T, kinds func(i int) map[string]issuertest.LoginRequest) {
	t.Helper()
	differences := f.compare(t, kinds, 0, samples())
	if len(differences) > 0 {
		t.Logf("second try, because of %s", differences)
		differences = f.compare(t, kinds, samples(), samples())
	}
	for _, d := range differences {
		t.Error(d)
	}
}

// compare takes samples and returns the kinds that differ.
func (f *fixture) compare(
	t *testing.T, kindsOf func(i int) map[string]issuertest.LoginRequest, first, samples int,
) (differences []string) {
	t.Helper()
	took := map[string][]float64{}
	for i := range samples {
		kinds := kindsOf(first + i)
		names := slices.Sorted(maps.Keys(kinds))
		rand.Shuffle(len(names), func(a, b int) { names[a], names[b] = names[b], names[a] })
		for _, name := range names {
			start := time.Now()
			got := f.attempt(t, f.Caller, kinds[name])
			took[name] = append(took[name], time.Since(start).Seconds()*1000)
			if got != name {
				t.Fatalf("refused for %s, want %s", got, name)
			}
		}
	}

	wrong := took["wrong_password"]
	for name, times := range took {
		p, apart := mannWhitney(times, wrong), math.Abs(median(times)-median(wrong))
		line := fmt.Sprintf("%s: median %.2f ms, that of wrong passwords %.2f ms, p = %.3f",
			name, median(times), median(wrong), p)
		t.Log(line)
		if p <= 0.01 || longTests() && apart > max(1, median(wrong)/50) {
			differences = append(differences, line)
		}
	}
	return differences
}

func median(of []float64) float64 {
	sorted := slices.Sorted(slices.Values(of))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}

// mannWhitney returns the two-sided probability that two samples of one kind
// differ at least this much, by the normal approximation. Times in nanoseconds
// have almost no ties.
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
		t.Errorf("two different samples do not differ: p = %v", p)
	}
	// U = 2 of 3 and 4 values: z = (6-2)/sqrt(3*4*8/12).
	p := mannWhitney([]float64{1, 2, 5}, []float64{3, 4, 6, 7})
	if math.Abs(p-math.Erfc(4/math.Sqrt(8)/math.Sqrt2)) > 1e-9 {
		t.Errorf("p = %v", p)
	}
}
