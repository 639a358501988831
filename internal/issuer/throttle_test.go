package issuer_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/password"
	"github.com/signetd/signet/internal/throttle"
)

// inBubble runs a test in a house whose time stands still unless somebody sleeps. Nothing there sees how long a hash takes,
// only that there is one, so it costs the least that argon2id can.
func inBubble(t *testing.T, test func(t *testing.T, h *house)) {
	t.Helper()
	outside := hashParams
	defer func() { hashParams = outside }()
	hashParams = password.Params{Memory: 8, Iterations: 1, Parallelism: 1}
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
	public := h.client(t, client.Client{ID: "spa", Public: true, Audiences: []string{api}})
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
		if e.Name == audit.LoginFailed {
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
	if !errors.Is(err, want) || last.Name != audit.LoginFailed || !last.Failed {
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

// ReserveAttempt does it, and the caller is gone.
func (s *leavingStore) ReserveAttempt(ctx context.Context, counters []throttle.Counter, now time.Time) (int, error) {
	taken, err := s.Store.ReserveAttempt(ctx, counters, now)
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
