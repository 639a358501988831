package issuer_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/keys"
)

// TestRule51_AttackFromEverywhere attacks one account for 30 days from 10,000 IPv4 and 1,000 IPv6 addresses, each used once. No
// more than 100 guesses reach its hash. The owner logs in every day with a known device, and can never be kept out; from a new device only when the
// attack is over or an operator helps.
func TestRule51_AttackFromEverywhere(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		perDay := 11_000 / 30
		if testing.Short() {
			perDay = 5
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
		must(t, h.keys.Operator().Compromise(t.Context(), keys.Actor{Name: operator.Name}, mac))
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
		spa, hashes := h.spa(t), h.passwords.Stats().Hashes
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
		if got := h.passwords.Stats().Hashes - hashes; got != 23 {
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
		hashes = h.passwords.Stats().Hashes
		for i := range 60 * 12 {
			h.pass(t, 5*time.Second)
			spray(i)
		}
		if got := h.passwords.Stats().Hashes - hashes + 23; got > 100 || got < 90 {
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
		hashes := h.passwords.Stats().Hashes
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
		if n := h.passwords.Stats().Hashes - hashes; n != uint64(guesses) {
			t.Errorf("%d hashes for %d guesses", n, guesses)
		}
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
