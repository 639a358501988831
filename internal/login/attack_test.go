package login_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/issuertest"
	"github.com/signetd/signet/internal/oauth"
)

// Rule 51: attackers attempt one account for 30 days from 10,000 IPv4 and 1,000
// IPv6 addresses, each used once. At most 100 attempts are compared with the
// hash. The owner logs in with a known device every day. From a new device the
// owner can log in after the attack, or after an operator has unlocked the
// account.
func TestRule51_AttackFromManyAddresses(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fixture) {
		perDay := 11_000 / 30
		if testing.Short() {
			perDay = 5
		}
		public, n := f.publicClient(t), 0
		owner := valid
		owner.DeviceToken = f.MustLogin(t).DeviceToken
		for day := range 30 {
			attempts := perDay
			if day == 0 {
				attempts += 30
			}
			for range attempts {
				n++
				source := fmt.Sprintf("198.%d.%d.%d", 18+n>>16, n>>8&255, n&255)
				if n%11 == 0 {
					source = fmt.Sprintf("2001:db8:%x:%x::1", n>>16, n&0xffff)
				}
				f.Sleep(t, 20*time.Hour/time.Duration(attempts))
				if _, err := f.Login(t.Context(), public(source), invalid); !errors.Is(err, oauth.InvalidGrant) {
					t.Fatalf("attempt %d: %v", n, err)
				}
			}
			f.want(t, public("192.0.2.1"), owner, success)
			f.Sleep(t, 4*time.Hour)
		}

		reasons := f.Events.FailedLogins()
		if got := reasons["wrong_password"]; got > 100 || got < 60 || got+reasons["throttled_account"] != n {
			t.Errorf("%d of %d attempts were compared with the hash, reasons %v; want at most 100", got, n, reasons)
		}
		t.Logf("%d of %d attempts were compared with the hash", reasons["wrong_password"], n)

		f.Sleep(t, 9*time.Hour)
		f.wantFailures(t, 1, public("198.51.100.1"), invalid, "wrong_password")
		f.want(t, public("192.0.2.1"), valid, "throttled_account")
		must(t, f.Admin.UnlockUser(t.Context(), issuertest.Operator, username))
		f.want(t, public("192.0.2.1"), valid, success)
	})
}

// Rule 51: failures with a device token are counted apart from failures without
// one, and apart from those of other devices.
func TestRule51_DevicesHaveTheirOwnLimit(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fixture) {
		public := f.publicClient(t)("192.0.2.1")
		with := func(deviceToken string) issuertest.LoginRequest {
			return issuertest.LoginRequest{Username: username, Password: rightWord, DeviceToken: deviceToken}
		}
		known, other := with(f.MustLogin(t).DeviceToken), with(f.MustLogin(t).DeviceToken)
		f.wantFailures(t, burst, public, known, "wrong_password")
		f.want(t, public, known, "throttled_device")
		f.want(t, public, other, success)
		f.want(t, public, valid, success)

		f.Sleep(t, 3*time.Second)
		f.want(t, public, known, success)
		f.want(t, public, known, success)
		f.wantFailures(t, 1, public, known, "wrong_password") // a success refunds no failure
		f.want(t, public, known, "throttled_device")

		f.wantFailures(t, 7, public, other, "wrong_password")
		f.want(t, public, other, "throttled_device") // the limit of all devices together
		must(t, f.Admin.UnlockUser(t.Context(), issuertest.Operator, username))
		f.wantFailures(t, burst, public, known, "wrong_password")
	})
}

// Rule 51: a device token of another account, of a compromised key, or one that
// the issuer did not make, identifies no known device.
func TestRule51_OtherDeviceTokensAreUnknown(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fixture) {
		_, err := f.Admin.CreateUser(t.Context(), issuertest.Operator, "eve", rightWord, nil)
		must(t, err)
		eve, err := f.Login(t.Context(), f.Caller, issuertest.LoginRequest{Username: "eve", Password: rightWord})
		must(t, err)
		mine := f.MustLogin(t).DeviceToken
		mac, _, err := f.Keys.CurrentMAC()
		must(t, err)

		f.wantFailures(t, burst, f.Caller, invalid, "wrong_password")
		attempt := valid
		for _, attempt.DeviceToken = range []string{
			"", "x", eve.DeviceToken, mine[:len(mine)-1] + "!", mine + "A", "sgd_" + strings.Repeat("A", len(mine)-4),
			altered(mine),
		} {
			f.want(t, f.Caller, attempt, "throttled_account")
		}
		attempt.DeviceToken = mine
		f.want(t, f.Caller, attempt, success)

		f.Sleep(t, 2*time.Hour) // until the next MAC key has been published long enough
		must(t, f.Keys.Operator().Compromise(t.Context(), audit.Actor{Name: issuertest.Operator.Name}, mac))
		f.Sleep(t, 0)
		f.wantFailures(t, 1, f.Caller, attempt, "wrong_password")
		f.want(t, f.Caller, attempt, "throttled_account")
	})
}

// altered returns the device token with another letter in the middle.
func altered(deviceToken string) string {
	b := []byte(deviceToken)
	at := len(b) / 2
	b[at] = 'A' + (b[at]-'A'+1)%2
	return string(b)
}

// Rule 52: one address attempts one password at 10,000 accounts. It has 23
// attempts at once and 100 in an hour. The others get slow_down and cost no
// hash.
func TestRule52_SprayingIsThrottled(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fixture) {
		public, hashes := f.publicClient(t), f.hashes()
		spray := func(i int) {
			r := issuertest.LoginRequest{
				Username: fmt.Sprint("user", i), Password: rightWord, EndUser: from(fmt.Sprint("192.0.2.", i%256)),
			}
			if _, err := f.Login(t.Context(), public("2001:db8::1"), r); !errors.Is(err, oauth.InvalidGrant) {
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
		if got := f.hashes() - hashes; got != 23 {
			t.Errorf("%d attempts at once cost a hash, want 23", got)
		}
		if got := f.Events.FailedLogins()["throttled_address"]; got != accounts-23 {
			t.Errorf("%d attempts have an event as throttled, want all the others", got)
		}

		f.want(t, public("2001:db8::ffff"), valid, "throttled_address") // the same /64
		f.want(t, public("2001:db8:0:1::1"), valid, success)            // the next /64
		known := valid
		known.DeviceToken = f.MustLogin(t).DeviceToken
		f.want(t, public("2001:db8::1"), known, success) // a known device at the same address

		hashes = f.hashes()
		for i := range 60 * 12 {
			f.Sleep(t, 5*time.Second)
			spray(i)
		}
		if got := f.hashes() - hashes + 23; got > 100 || got < 90 {
			t.Errorf("%d attempts in an hour cost a hash, want 90 to 100", got)
		}
	})
}

// Rule 52: of many concurrent attempts with a wrong password no more are
// compared with the hash than the limit allows.
func TestRule52_ConcurrentAttempts(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fixture) {
		attempts := 200
		if testing.Short() {
			attempts = 50
		}
		hashes := f.hashes()
		var all sync.WaitGroup
		for i := range attempts {
			all.Go(func() {
				r := invalid
				r.EndUser = from(fmt.Sprint("192.0.2.", i))
				if _, err := f.Login(t.Context(), f.Caller, r); !errors.Is(err, oauth.InvalidGrant) {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if got := f.Events.FailedLogins(); got["wrong_password"] != burst ||
			got["throttled_account"] != attempts-burst {
			t.Errorf("%v of %d attempts, want %d that are compared with the hash", got, attempts, burst)
		}
		if n := f.hashes() - hashes; n != uint64(attempts) {
			t.Errorf("%d hashes for %d attempts", n, attempts)
		}
	})
}

// Rule 49: unknown user names share few counters, and a secret key decides
// which ones. Without the key an attacker could compute a name that shares the
// counter of another one, use up the counter, and see whether the other name is
// throttled and so has no account.
func TestRule49_CountersOfUnknownNamesAreSecret(t *testing.T) {
	bucket := func(name string) [2]byte {
		sum := sha256.Sum256([]byte(name))
		return [2]byte(sum[:])
	}
	inBubble(t, func(t *testing.T, f *fixture) {
		shared := "shared 0"
		for n := 1; bucket(shared) != bucket("eve"); n++ {
			shared = fmt.Sprint("shared ", n)
		}
		f.wantFailures(t, burst, f.Caller, issuertest.LoginRequest{Username: shared}, "unknown_user")
		f.wantFailures(t, 1, f.Caller, issuertest.LoginRequest{Username: shared}, "throttled_account")
		f.wantFailures(t, 1, f.Caller, issuertest.LoginRequest{Username: "eve"}, "unknown_user")
	})
}
