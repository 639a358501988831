package login_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetd/signet/internal/app/components"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/issuertest"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/password"
	"github.com/signetd/signet/internal/throttle"
)

// An attempt counts until its password is verified. Nevertheless, concurrent
// valid attempts do not throttle each other.
func TestConcurrentValidLoginsAreNotThrottled(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fixture) {
		known := valid
		known.DeviceToken = f.MustLogin(t).DeviceToken
		var all sync.WaitGroup
		for i := range 60 {
			all.Go(func() {
				if _, err := f.Login(t.Context(), f.Caller, []issuertest.LoginRequest{valid, known}[i%2]); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	})
}

// Rule 53: all spellings of a user name have one counter, whether the account
// exists or not.
func TestRule53_OneCounterForAllSpellings(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fixture) {
		_, err := f.Admin.CreateUser(t.Context(), issuertest.Operator, "zoë@mail.example", rightWord, nil)
		must(t, err)
		spellings := map[string][]string{
			"wrong_password": {
				"zoë@mail.example", "ZOË@MAIL.EXAMPLE", " zoe\u0308@mail.example", "Zoë＠mail.example\t",
				"ｚｏë@mail.example",
			},
			"unknown_user": {"nobody", "NOBODY", " nobody ", "ｎobody", "no\u1d47ody"},
		}
		for reason, names := range spellings {
			for i := range burst {
				f.wantFailures(t, 1, f.Caller, issuertest.LoginRequest{Username: names[i%len(names)]}, reason)
			}
			for _, name := range names {
				r := issuertest.LoginRequest{Username: name, Password: rightWord}
				f.want(t, f.Caller, r, "throttled_account")
			}
		}
		f.want(t, f.Caller, valid, success)
	})
}

// Rule 51: ChangePassword shares the limits of Login.
func TestRule51_ChangePasswordIsCountedAsALogin(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fixture) {
		change := func(old string) error {
			r := issuertest.LoginRequest{Username: username, Password: old}
			return f.ChangePassword(t.Context(), f.Caller, r, "a new and unlikely phrase", oauth.GrantID{})
		}
		for range burst {
			wantCode(t, change("wrong"), oauth.InvalidGrant)
		}
		f.want(t, f.Caller, valid, "throttled_account")
		wantCode(t, change(rightWord), oauth.InvalidGrant)
		if got := f.Events.FailedLogins(); got["wrong_password"] != burst || got["throttled_account"] != 2 {
			t.Errorf("refused for %v", got)
		}
		must(t, f.Admin.UnlockUser(t.Context(), issuertest.Operator, username))
		must(t, change(rightWord))
	})
}

// Rule 52: only a confidential client may report the end user's address. Its
// own address does not count. For a public client its own address counts,
// whatever it reports.
func TestRule52_EndUserAddress(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fixture) {
		spray := func(n int, caller client.Caller, ip, want string) {
			t.Helper()
			for i := range n {
				r := issuertest.LoginRequest{Username: fmt.Sprint(want, i), EndUser: from(ip)}
				f.wantFailures(t, 1, caller, r, want)
			}
		}
		f.Caller.Address = netip.MustParseAddr("203.0.113.1")
		spray(30, f.Caller, "", "unknown_user")
		spray(23, f.Caller, "192.0.2.1", "unknown_user")
		spray(1, f.Caller, "::ffff:192.0.2.1", "throttled_address")
		spray(1, f.Caller, "192.0.2.1:4711", "throttled_address")
		spray(1, f.Caller, "[::ffff:192.0.2.1]:443", "throttled_address")
		spray(1, f.Caller, "192.0.2.2", "unknown_user")

		public := f.publicClient(t)
		spray(23, public("192.0.2.1"), "192.0.2.99", "unknown_user")
		spray(1, public("192.0.2.1"), "192.0.2.99", "throttled_address")
		spray(1, public("203.0.113.1"), "192.0.2.1", "unknown_user")
		unknown := public("192.0.2.3")
		unknown.Address = netip.Addr{}
		spray(1, unknown, "192.0.2.1", "unknown_user")
	})
}

// Rule 52: a client that reports addresses of others throttles them for itself
// alone. All clients together have a limit that is ten times as high. Both give
// the time after which the address may try again.
func TestRule52_ReportedAddressesAreLimitedPerClient(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fixture) {
		reporter := func(i int) client.Caller {
			return f.Register(t, client.Client{ID: fmt.Sprint("reporter", i), Audiences: []string{issuertest.API}})
		}
		n := 0
		attempt := func(caller client.Caller, ip string) error {
			n++
			r := issuertest.LoginRequest{Username: fmt.Sprint("nobody", n), EndUser: from(ip)}
			_, err := f.Login(t.Context(), caller, r)
			return err
		}
		malicious := reporter(0)
		for range 200 {
			_ = attempt(malicious, "192.0.2.1")
		}
		wantRetry(t, attempt(malicious, "192.0.2.1"), 48*time.Second)
		r := valid
		r.EndUser = from("192.0.2.1")
		f.want(t, f.Caller, r, success)
		f.want(t, f.publicClient(t)("192.0.2.1"), valid, success)
		wantCode(t, attempt(f.Caller, "192.0.2.1"), oauth.InvalidGrant)

		// All clients may make 249 attempts at once. Two clients have made 24.
		last := client.Caller{}
		for i := range 10 {
			last = reporter(1 + i)
			for range 22 {
				wantCode(t, attempt(last, "192.0.2.1"), oauth.InvalidGrant)
			}
		}
		for range 5 {
			wantCode(t, attempt(f.Caller, "192.0.2.1"), oauth.InvalidGrant)
		}
		wantRetry(t, attempt(last, "192.0.2.1"), 4800*time.Millisecond)
		wantCode(t, attempt(last, "192.0.2.2"), oauth.InvalidGrant)
	})
}

// wantRetry fails the test unless the error is slow_down with that wait.
func wantRetry(t *testing.T, err error, wait time.Duration) {
	t.Helper()
	wantCode(t, err, oauth.SlowDown)
	if got := oauth.AsError(err).RetryAfter; got != wait {
		t.Errorf("retry after %v, want %v", got, wait)
	}
}

// Rule 51: the counter of an account is the same for all clients and addresses.
func TestRule51_AllClientsShareTheCounterOfAnAccount(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fixture) {
		for i := range burst {
			caller := f.Register(t, client.Client{ID: fmt.Sprint("client", i), Audiences: []string{issuertest.API}})
			r := invalid
			r.EndUser = from(fmt.Sprint("192.0.2.", i))
			f.wantFailures(t, 1, caller, r, "wrong_password")
		}
		f.want(t, f.Caller, valid, "throttled_account")
		f.want(t, f.publicClient(t)("198.51.100.1"), valid, "throttled_account")
	})
}

// A valid attempt does not stay counted. Nor does one that was refused before
// its hash was computed.
func TestOnlyFailedAttemptsCount(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fixture) {
		r := issuertest.LoginRequest{
			Username: username, EndUser: from("192.0.2.1"), Password: strings.Repeat("x", password.MaxLength+1),
		}
		for range 2 * burst {
			_, err := f.Login(t.Context(), f.Caller, r)
			wantCode(t, err, oauth.InvalidRequest)
		}
		r.Password = rightWord
		for range 2 * burst {
			f.want(t, f.Caller, r, success)
		}
		f.wantFailures(t, burst, f.Caller, r, "wrong_password")
		f.want(t, f.Caller, r, "throttled_account")
	})
}

// An account has a limit of successful logins, from all devices and addresses
// together. Beyond it, a login is slow_down although its password is valid. It
// does not limit a change of the password, nor other accounts.
func TestSuccessfulLoginsAreLimited(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fixture) {
		_, err := f.Admin.CreateUser(t.Context(), issuertest.Operator, "other", rightWord, nil)
		must(t, err)
		known := valid
		known.DeviceToken, known.EndUser = f.MustLogin(t).DeviceToken, from("192.0.2.1")
		for i := range maxLogins - 1 {
			f.want(t, f.Caller, []issuertest.LoginRequest{valid, known}[i%2], success)
		}
		for _, r := range []issuertest.LoginRequest{valid, known} {
			f.want(t, f.Caller, r, "throttled_logins")
			_, err := f.Login(t.Context(), f.Caller, r)
			wantCode(t, err, oauth.SlowDown)
			if got := oauth.AsError(err).RetryAfter; got != 15*time.Second {
				t.Errorf("retry after %v, want 15s", got)
			}
		}
		f.want(t, f.Caller, issuertest.LoginRequest{Username: "other", Password: rightWord}, success)

		f.Sleep(t, 15*time.Second)
		f.want(t, f.Caller, valid, success)
		f.want(t, f.Caller, valid, "throttled_logins")
		must(t, f.ChangePassword(t.Context(), f.Caller, valid, newPassword, oauth.GrantID{}))
		changed := valid
		changed.Password = newPassword
		f.want(t, f.Caller, changed, "throttled_logins")
		must(t, f.Admin.UnlockUser(t.Context(), issuertest.Operator, username))
		f.want(t, f.Caller, changed, success)
	})
}

// A login that is refused for another reason does not reach the limit of
// successful logins, and a change of the password does not count.
func TestOnlySuccessfulLoginsCountAsLogins(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fixture) {
		gone, err := f.Admin.CreateUser(t.Context(), issuertest.Operator, "gone", rightWord, nil)
		must(t, err)
		must(t, f.Admin.DisableUser(t.Context(), issuertest.Operator, "gone"))
		ada, err := f.Store.User(t.Context(), username)
		must(t, err)
		log := func(userID string, n int) {
			t.Helper()
			for range n {
				_, err := f.Store.ReserveAttempt(
					t.Context(), []throttle.Counter{throttle.Logins(userID)}, f.Keys.Now())
				must(t, err)
			}
		}
		log(gone.ID, maxLogins)
		f.want(t, f.Caller, issuertest.LoginRequest{Username: "gone", Password: rightWord}, "user_disabled")
		log(ada.ID, maxLogins-1)
		f.wantFailures(t, 3, f.Caller, valid, "wrong_password")
		must(t, f.ChangePassword(t.Context(), f.Caller, valid, newPassword, oauth.GrantID{}))
		changed := valid
		changed.Password = newPassword
		f.want(t, f.Caller, changed, success)
		f.wantFailures(t, 3, f.Caller, valid, "wrong_password")
		f.want(t, f.Caller, changed, "throttled_logins")
	})
}

// A cancelingStore cancels the context of an attempt as soon as the store has
// counted it.
type cancelingStore struct {
	components.ServiceStore
	cancel context.CancelFunc
}

// ReserveAttempt counts the attempt and cancels its context.
func (s *cancelingStore) ReserveAttempt(ctx context.Context, counters []throttle.Counter, now time.Time) (int, error) {
	accepted, err := s.ServiceStore.ReserveAttempt(ctx, counters, now)
	if s.cancel != nil {
		s.cancel()
	}
	return accepted, err
}

// The server refunds an attempt whose request ends before the hash.
func TestAttemptWithoutAHashIsRefunded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &cancelingStore{}
		f := newFixture(t, func(o *components.Options) {
			store.ServiceStore = o.Store
			o.Store = store
		})
		for range 2 * burst {
			var ctx context.Context
			ctx, store.cancel = context.WithCancel(t.Context())
			_, err := f.Login(ctx, f.Caller, invalid)
			wantCode(t, err, oauth.SlowDown)
		}
		store.cancel = nil
		f.want(t, f.Caller, valid, success)
	})
}

// Rule 74: the limits go by a clock that does not jump, so a wall clock that is
// set forward by a year, or back, ends no wait.
func TestRule74_LimitsIgnoreClockJumps(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fixture) {
		f.wantFailures(t, burst, f.Caller, invalid, "wrong_password")
		for _, jump := range []time.Duration{365 * 24 * time.Hour, -time.Hour} {
			f.Clock.Set(jump)
			f.Sleep(t, 0)
			f.want(t, f.Caller, valid, "throttled_account")
		}
		f.Clock.Set(0)
		f.Sleep(t, 2*time.Second)
		f.want(t, f.Caller, valid, success)
	})
}
