package throttle

import (
	"crypto/hmac"
	"crypto/sha256"
	"net/netip"
	"time"
)

// How much each kind of counter holds, and how fast it leaks. Together with the waits that follow from it:
//
//	account    13 at once, the next ones after 2 s, 8 s, 32 s, 2 min, 8 min, 34 min, 2 h, 9 h; at most 100 in 30 days
//	device     13 at once, the next ones after 3 s, 11 s, 42 s, … 12 h; at most 80 in 30 days
//	devices    21 at once, the next ones after 2 s, 9 s, 35 s, … 10 h; at most 100 in 30 days
//
// NIST SP 800-63B-4 §3.2.2 allows 100 failures in a row. Here they are counted over any 30 days, and no success takes back
// what failed: else each login of the owner would give a thief a new allowance. What the owner mistypes leaks away, two or
// three a day. One device alone never makes the other devices of the account wait.
const (
	accountBurst, accountLeak = 20, 9 * time.Hour
	deviceBurst, deviceLeak   = 20, 12 * time.Hour
	devicesBurst, devicesLeak = 28, 10 * time.Hour
)

// MinPerHour and MaxPerHour bound what an address may be allowed.
const (
	MinPerHour = 20
	MaxPerHour = 10_000
)

// Account counts the guesses that come from devices which the account does not know.
func Account(userID string) Counter {
	return leaky(Key{Owner: Owner(userID)}, accountBurst, accountLeak)
}

// Nobody counts the guesses at a name that no account has, as Account does. Such names are without number, so they share
// 65,536 counters. Only who has the secret can tell which share one: else whoever used one up by a name of their own could see
// whether it holds up another name too, and so whether that has an account.
func Nobody(secret []byte, name string) Counter {
	h := hmac.New(sha256.New, secret)
	h.Write([]byte("signet name of nobody\x00" + name))
	return leaky(Key{Owner: hash("nobody", string(h.Sum(nil)[:2]))}, accountBurst, accountLeak)
}

// Device counts the guesses that come with a device token of the account: each device has an allowance of its own, which
// nobody without the token can use up. Since whoever knew the password once may have collected tokens, all devices of an
// account have a counter together, too.
func Device(userID, deviceToken string) []Counter {
	owner := Owner(userID)
	return []Counter{
		leaky(Key{Owner: owner, Part: hash("device", deviceToken)}, deviceBurst, deviceLeak),
		leaky(Key{Owner: owner, Part: hash("devices", "")}, devicesBurst, devicesLeak),
	}
}

// Address counts the guesses that come from an address, or from a /64 of IPv6, which is what one customer has (RFC 6177). No
// hour has more than perHour of them, MinPerHour to MaxPerHour; about a quarter may come at once. With 100: 23 at once, the
// next ones after 3 s, 12 s, and every 48 s.
func Address(a netip.Addr, perHour int) Counter {
	a = a.Unmap().WithZone("")
	prefix, _ := a.Prefix(min(a.BitLen(), 64)) // it fails for lengths that an address does not have
	burst := perHour / 4
	leak := time.Hour / time.Duration(perHour-burst)
	return leaky(Key{Owner: hash("address", prefix.String())}, burst, leak.Truncate(time.Microsecond))
}

// Owner is whose the counters of an account are.
func Owner(userID string) [16]byte { return hash("account", userID) }

func hash(kind, name string) (h [16]byte) {
	sum := sha256.Sum256([]byte(kind + "\x00" + name))
	copy(h[:], sum[:])
	return h
}
