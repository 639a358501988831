package issuer_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/password"
	"github.com/signetd/signet/internal/throttle"
	"github.com/signetd/signet/keys"
)

// inBubble runs a test in a house whose time stands still unless somebody sleeps.
func inBubble(t *testing.T, test func(t *testing.T, h *house)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, newHouse(t)) })
}

// pass lets time pass.
func (h *house) pass(t *testing.T, d time.Duration) {
	t.Helper()
	time.Sleep(d)
	must(t, h.directory.Poll(t.Context()))
	must(t, h.keys.Poll(t.Context()))
}

// spa returns a public client's caller who calls from an address.
func (h *house) spa(t *testing.T) func(address string) issuer.Caller {
	t.Helper()
	public := h.client(t, oauth.Client{ID: "spa", Public: true, Audiences: []string{api}})
	return func(address string) issuer.Caller {
		public.Address = netip.MustParseAddr(address)
		return public
	}
}

// reasons returns how often each reason of refused logins was recorded.
func (h *house) reasons() map[string]int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := map[string]int{}
	for _, e := range h.events {
		if e.Name == oauth.EventLoginFailed {
			n[e.Reason]++
		}
	}
	return n
}

// try logs in and returns what came of it: "in", or the reason why not.
func (h *house) try(t *testing.T, caller issuer.Caller, r issuer.LoginRequest) string {
	t.Helper()
	_, err := h.Login(t.Context(), caller, r)
	if err == nil {
		return "in"
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	last := h.events[len(h.events)-1]
	want := oauth.InvalidGrant
	if last.Reason == "throttled_address" {
		want = oauth.SlowDown
	}
	if !errors.Is(err, want) || last.Name != oauth.EventLoginFailed || !last.Failed {
		t.Fatalf("%v, and the last event is %+v", err, last)
	}
	return last.Reason
}

// wantTries logs in n times with a wrong password, and wants the same reason each time.
func (h *house) wantTries(t *testing.T, n int, caller issuer.Caller, r issuer.LoginRequest, want string) {
	t.Helper()
	r.Password = "wrong"
	for i := range n {
		if got := h.try(t, caller, r); got != want {
			t.Fatalf("try %d of %d: %s, want %s", i+1, n, got, want)
		}
	}
}

func (h *house) want(t *testing.T, caller issuer.Caller, r issuer.LoginRequest, want string) {
	t.Helper()
	if got := h.try(t, caller, r); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// What an account allows: so many at once before there is a wait.
const atOnce = 13

var (
	right = issuer.LoginRequest{Username: username, Password: rightWord}
	wrong = issuer.LoginRequest{Username: username, Password: "wrong"}
)

func from(ip string) issuer.EndUser { return issuer.EndUser{IP: ip} }

// TestRule51_AttackFromEverywhere attacks one account for 30 days, each time from another address. No more than 100 guesses
// reach its hash. The owner logs in every day with a known device, and can never be kept out; from a new device only when the
// attack is over or an operator helps.
func TestRule51_AttackFromEverywhere(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		perDay := 5
		if longTests() {
			perDay = 11_000 / 30
		}
		spa, n := h.spa(t), 0
		owner := right
		owner.DeviceToken = h.login(t).DeviceToken
		for day := range 30 {
			tries := perDay
			if day == 0 {
				tries += 30
			}
			for range tries {
				n++
				source := fmt.Sprintf("198.%d.%d.%d", 18+n>>16, n>>8&255, n&255)
				if n%11 == 0 {
					source = fmt.Sprintf("2001:db8:%x:%x::1", n>>16, n&0xffff)
				}
				h.pass(t, 20*time.Hour/time.Duration(tries))
				if _, err := h.Login(t.Context(), spa(source), wrong); !errors.Is(err, oauth.InvalidGrant) {
					t.Fatalf("guess %d: %v", n, err)
				}
			}
			h.want(t, spa("192.0.2.1"), owner, "in")
			h.pass(t, 4*time.Hour)
		}
		reasons := h.reasons()
		if got := reasons["wrong_password"]; got > 100 || got < 60 || got+reasons["throttled_account"] != n {
			t.Errorf("%d of %d guesses reached the hash, and others were %v; want 100 at most", got, n, reasons)
		}
		t.Logf("%d of %d guesses reached the hash", reasons["wrong_password"], n)
		h.pass(t, 9*time.Hour)
		h.wantTries(t, 1, spa("198.51.100.1"), wrong, "wrong_password")
		h.want(t, spa("192.0.2.1"), right, "throttled_account")
		must(t, h.admin.UnlockUser(t.Context(), operator, username))
		h.want(t, spa("192.0.2.1"), right, "in")
	})
}

// TestRule51_DevicesHaveTheirOwnAllowance: what fails with a device token is counted apart from what fails without, and apart
// from other devices.
func TestRule51_DevicesHaveTheirOwnAllowance(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		spa := h.spa(t)("192.0.2.1")
		with := func(deviceToken string) issuer.LoginRequest {
			return issuer.LoginRequest{Username: username, Password: rightWord, DeviceToken: deviceToken}
		}
		known, other := with(h.login(t).DeviceToken), with(h.login(t).DeviceToken)
		h.wantTries(t, atOnce, spa, known, "wrong_password")
		h.want(t, spa, known, "throttled_device")
		h.want(t, spa, other, "in")
		h.want(t, spa, right, "in")
		h.pass(t, 3*time.Second)
		h.want(t, spa, known, "in")
		h.want(t, spa, known, "in")
		h.wantTries(t, 1, spa, known, "wrong_password") // a success takes back no failure
		h.want(t, spa, known, "throttled_device")
		h.wantTries(t, 7, spa, other, "wrong_password")
		h.want(t, spa, other, "throttled_device") // all devices together have used up theirs
		must(t, h.admin.UnlockUser(t.Context(), operator, username))
		h.wantTries(t, atOnce, spa, known, "wrong_password")
	})
}

// TestRule51_NoDeviceIsKnownWithoutItsToken: a device token of another account, of a compromised key or of nobody counts for
// nothing.
func TestRule51_NoDeviceIsKnownWithoutItsToken(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		_, err := h.admin.CreateUser(t.Context(), operator, "eve", rightWord, nil)
		must(t, err)
		eve, err := h.Login(t.Context(), h.caller, issuer.LoginRequest{Username: "eve", Password: rightWord})
		must(t, err)
		mine := h.login(t).DeviceToken
		mac, _, err := h.keys.CurrentMAC()
		must(t, err)
		h.wantTries(t, atOnce, h.caller, wrong, "wrong_password")
		attempt := right
		for _, attempt.DeviceToken = range []string{
			"", "x", eve.DeviceToken, mine[:len(mine)-1] + "!", mine + "A", "sgd_" + strings.Repeat("A", len(mine)-4), neighbour(mine),
		} {
			h.want(t, h.caller, attempt, "throttled_account")
		}
		attempt.DeviceToken = mine
		h.want(t, h.caller, attempt, "in")
		h.pass(t, 2*time.Hour) // until the spare may take over
		must(t, h.keys.Compromise(t.Context(), keys.Actor{Name: operator.Name}, mac))
		h.pass(t, 0)
		h.wantTries(t, 1, h.caller, attempt, "wrong_password")
		h.want(t, h.caller, attempt, "throttled_account")
	})
}

// neighbour returns the device token with another letter in the middle.
func neighbour(deviceToken string) string {
	b := []byte(deviceToken)
	at := len(b) / 2
	b[at] = 'A' + (b[at]-'A'+1)%2
	return string(b)
}

// TestRule52_SprayingIsThrottled: one source that tries one password at 10,000 accounts gets 23 tries at once, and 100 in an
// hour; the rest is told to slow down, and costs no hash.
func TestRule52_SprayingIsThrottled(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		spa, hashes := h.spa(t), h.passwords.Hashes()
		spray := func(i int) {
			r := issuer.LoginRequest{Username: fmt.Sprint("user", i), Password: rightWord, EndUser: from(fmt.Sprint("192.0.2.", i%256))}
			if _, err := h.Login(t.Context(), spa("2001:db8::1"), r); !errors.Is(err, oauth.InvalidGrant) {
				if e := oauth.AsError(err); e.Code != oauth.SlowDown || e.RetryAfter != 48*time.Second {
					t.Fatalf("%v, retry after %v", err, e.RetryAfter)
				}
			}
		}
		accounts := 10_000
		if testing.Short() {
			accounts = 500
		}
		for i := range accounts {
			spray(i)
		}
		if got := h.passwords.Hashes() - hashes; got != 23 {
			t.Errorf("%d tries at once reached a hash, want 23", got)
		}
		if got := h.reasons()["throttled_address"]; got != accounts-23 {
			t.Errorf("%d tries were recorded as throttled, want all the others", got)
		}
		h.want(t, spa("2001:db8::ffff"), right, "throttled_address") // the same /64
		h.want(t, spa("2001:db8:0:1::1"), right, "in")               // the next
		known := right
		known.DeviceToken = h.login(t).DeviceToken
		h.want(t, spa("2001:db8::1"), known, "in") // a neighbour who is known
		hashes = h.passwords.Hashes()
		for i := range 60 * 12 {
			h.pass(t, 5*time.Second)
			spray(i)
		}
		if got := h.passwords.Hashes() - hashes + 23; got > 100 || got < 90 {
			t.Errorf("%d tries in an hour reached a hash, want 100 at most and not many less", got)
		}
	})
}

// TestRule52_ParallelGuesses: of many wrong guesses at the same moment only so many reach the hash as are left.
func TestRule52_ParallelGuesses(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		guesses := 200
		if testing.Short() {
			guesses = 50
		}
		hashes := h.passwords.Hashes()
		var all sync.WaitGroup
		for i := range guesses {
			all.Go(func() {
				r := wrong
				r.EndUser = from(fmt.Sprint("192.0.2.", i))
				if _, err := h.Login(t.Context(), h.caller, r); !errors.Is(err, oauth.InvalidGrant) {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if got := h.reasons(); got["wrong_password"] != atOnce || got["throttled_account"] != guesses-atOnce {
			t.Errorf("%v of %d guesses, want %d that reach the hash", got, guesses, atOnce)
		}
		if n := h.passwords.Hashes() - hashes; n != uint64(guesses) {
			t.Errorf("%d hashes for %d guesses", n, guesses)
		}
	})
}

// TestParallelLoginsDoNotThrottleEachOther: right ones are counted until they are known to be right.
func TestParallelLoginsDoNotThrottleEachOther(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		known := right
		known.DeviceToken = h.login(t).DeviceToken
		var all sync.WaitGroup
		for i := range 60 {
			all.Go(func() {
				if _, err := h.Login(t.Context(), h.caller, []issuer.LoginRequest{right, known}[i%2]); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	})
}

// TestRule49_NobodyCanTellWhichNamesShareACounter: names that no account has share few counters. Who could compute which, would
// use up the counter by a name of their own and see whether another name is throttled, and so has no account.
func TestRule49_NobodyCanTellWhichNamesShareACounter(t *testing.T) {
	bucket := func(name string) [2]byte {
		sum := sha256.Sum256([]byte(name))
		return [2]byte(sum[:])
	}
	inBubble(t, func(t *testing.T, h *house) {
		shared := "shared 0"
		for n := 1; bucket(shared) != bucket("eve"); n++ {
			shared = fmt.Sprint("shared ", n)
		}
		h.wantTries(t, atOnce, h.caller, issuer.LoginRequest{Username: shared}, "unknown_user")
		h.wantTries(t, 1, h.caller, issuer.LoginRequest{Username: shared}, "throttled_account")
		h.wantTries(t, 1, h.caller, issuer.LoginRequest{Username: "eve"}, "unknown_user")
	})
}

// TestRule53_OneCounterForAllSpellings of a name, whether there is such an account or not.
func TestRule53_OneCounterForAllSpellings(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		_, err := h.admin.CreateUser(t.Context(), operator, "zoë@mail.example", rightWord, nil)
		must(t, err)
		spellings := map[string][]string{
			"wrong_password": {"zoë@mail.example", "ZOË@MAIL.EXAMPLE", " zoe\u0308@mail.example", "Zoë＠mail.example\t", "ｚｏë@mail.example"},
			"unknown_user":   {"nobody", "NOBODY", " nobody ", "ｎobody", "no\u1d47ody"},
		}
		for reason, names := range spellings {
			for i := range atOnce {
				h.wantTries(t, 1, h.caller, issuer.LoginRequest{Username: names[i%len(names)]}, reason)
			}
			for _, name := range names {
				h.want(t, h.caller, issuer.LoginRequest{Username: name, Password: rightWord}, "throttled_account")
			}
		}
		h.want(t, h.caller, right, "in")
	})
}

// TestChangePasswordIsCountedAsALogin: who may not guess at Login may not guess there.
func TestChangePasswordIsCountedAsALogin(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		change := func(old string) error {
			return h.ChangePassword(t.Context(), h.caller, issuer.ChangePasswordRequest{
				Username: username, OldPassword: old, NewPassword: "a new and unlikely phrase",
			})
		}
		for range atOnce {
			wantCode(t, change("wrong"), oauth.InvalidGrant)
		}
		h.want(t, h.caller, right, "throttled_account")
		wantCode(t, change(rightWord), oauth.InvalidGrant)
		if got := h.reasons(); got["wrong_password"] != atOnce || got["throttled_account"] != 2 {
			t.Errorf("refused for %v", got)
		}
		must(t, h.admin.UnlockUser(t.Context(), operator, username))
		must(t, change(rightWord))
	})
}

// TestAddressThatCounts: a confidential client's own address counts for nobody, and what a public client reports is not
// believed.
func TestAddressThatCounts(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		spray := func(n int, caller issuer.Caller, ip, want string) {
			t.Helper()
			for i := range n {
				h.wantTries(t, 1, caller, issuer.LoginRequest{Username: fmt.Sprint(want, i), EndUser: from(ip)}, want)
			}
		}
		h.caller.Address = netip.MustParseAddr("203.0.113.1")
		spray(30, h.caller, "", "unknown_user")
		spray(23, h.caller, "192.0.2.1", "unknown_user")
		spray(1, h.caller, "::ffff:192.0.2.1", "throttled_address")
		spray(1, h.caller, "192.0.2.2", "unknown_user")
		spa := h.spa(t)
		spray(1, spa("192.0.2.1"), "192.0.2.99", "throttled_address")
		spray(1, spa("203.0.113.1"), "192.0.2.1", "unknown_user")
		nowhere := spa("192.0.2.3")
		nowhere.Address = netip.Addr{}
		spray(1, nowhere, "192.0.2.1", "unknown_user")
	})
}

// TestOnlyFailedGuessesCount: neither right ones do, nor what was never hashed.
func TestOnlyFailedGuessesCount(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		r := issuer.LoginRequest{Username: username, EndUser: from("192.0.2.1"), Password: strings.Repeat("x", password.MaxLength+1)}
		for range 2 * atOnce {
			_, err := h.Login(t.Context(), h.caller, r)
			wantCode(t, err, oauth.InvalidRequest)
		}
		r.Password = rightWord
		for range 2 * atOnce {
			h.want(t, h.caller, r, "in")
		}
		h.wantTries(t, atOnce, h.caller, r, "wrong_password")
		h.want(t, h.caller, r, "throttled_account")
	})
}

// A leavingStore is a real one whose caller goes away as soon as a guess has been counted.
type leavingStore struct {
	issuer.Store
	leave context.CancelFunc
}

// TakeGuess does it, and the caller is gone.
func (s *leavingStore) TakeGuess(ctx context.Context, counters []throttle.Counter, now time.Time) (int, error) {
	taken, err := s.Store.TakeGuess(ctx, counters, now)
	if s.leave != nil {
		s.leave()
	}
	return taken, err
}

// TestGuessThatIsNotMadeIsGivenBack: who waits for the hash in vain has not guessed.
func TestGuessThatIsNotMadeIsGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		leaving := &leavingStore{}
		h := newHouse(t, func(o *issuer.Options) {
			leaving.Store = o.Store
			o.Store = leaving
		})
		for range 2 * atOnce {
			var ctx context.Context
			ctx, leaving.leave = context.WithCancel(t.Context())
			_, err := h.Login(ctx, h.caller, wrong)
			wantCode(t, err, oauth.SlowDown)
		}
		leaving.leave = nil
		h.want(t, h.caller, right, "in")
	})
}

// TestRule74_RateWindowsOutliveAClockThatJumps: a machine whose clock is set forward by a year, or back, has not waited.
func TestRule74_RateWindowsOutliveAClockThatJumps(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		h.wantTries(t, atOnce, h.caller, wrong, "wrong_password")
		for _, jump := range []time.Duration{365 * 24 * time.Hour, -time.Hour} {
			h.ahead.Store(int64(jump))
			h.pass(t, 0)
			h.want(t, h.caller, right, "throttled_account")
		}
		h.ahead.Store(0)
		h.pass(t, 2*time.Second)
		h.want(t, h.caller, right, "in")
	})
}
