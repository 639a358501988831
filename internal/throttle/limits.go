package throttle

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"net/netip"
	"time"
)

// These constants are the size of each kind of bucket of failed logins and its
// leak interval. The waits follow from them:
//
//	account  13 at once, then waits of 2 s, 8 s, 32 s, 2 min, 8 min, 34 min,
//	         2 h and 9 h; at most 100 in 30 days
//	device   13 at once, then waits of 3 s, 11 s, 42 s, … 12 h;
//	         at most 80 in 30 days
//	devices  21 at once, then waits of 2 s, 9 s, 35 s, … 10 h;
//	         at most 100 in 30 days
//
// NIST SP 800-63B-4 §3.2.2 allows 100 consecutive failures. Signet allows 100
// in any 30 days, and a successful login does not reset the earlier failures.
// Otherwise each login of the owner would give an attacker new attempts. The
// owner's typing errors leak out, two or three a day. One device alone never
// throttles the other devices of the account.
const (
	accountBurst, accountLeak = 20, 9 * time.Hour
	deviceBurst, deviceLeak   = 20, 12 * time.Hour
	devicesBurst, devicesLeak = 28, 10 * time.Hour
)

// loginBurst and loginLeak limit successful logins. An account may log in 240
// times at once, then after 3.75 s, and then every 15 s, which is 5,760 times a
// day. A person does not reach the limit, and neither do tests in parallel. A
// program that logs in for each request does. The limit also bounds the grants
// of an account in the store, which stay for a week after they have ended. With
// an idle lifetime of 1 h there are at most 41,000.
const loginBurst, loginLeak = 241, 15 * time.Second

// MinPerHour and MaxPerHour are the bounds of the limit per address.
const (
	MinPerHour = 20
	MaxPerHour = 10_000
)

// commonFactor is how many times as many attempts all clients together may make
// from an address as one client may.
const commonFactor = 10

// ValidatePerHour returns an error if the limit per address,
// throttle.address_per_hour, is less than MinPerHour or more than MaxPerHour.
// The error begins with the configuration key.
func ValidatePerHour(perHour int) error {
	if perHour < MinPerHour || perHour > MaxPerHour {
		return fmt.Errorf("throttle.address_per_hour is %d; want %d to %d", perHour, MinPerHour, MaxPerHour)
	}
	return nil
}

// Account returns the counter of attempts at an account from unknown devices.
func Account(userID string) Counter {
	return leaky(Key{Owner: Owner(userID)}, accountBurst, accountLeak)
}

// UnknownUser returns the counter of attempts at an unknown user name. It has
// the limits of Account.
//
// There is no bound on the number of such names, so they share 65,536 counters.
// The secret decides which names share one. Without the secret, an attacker
// could use up a counter through one name and test whether another name is
// throttled too. The response would show whether the other name has an account.
//
// Do not change the strings that are hashed here: stored counters depend on
// them.
func UnknownUser(secret []byte, name string) Counter {
	h := hmac.New(sha256.New, secret)
	h.Write([]byte("signet name of nobody\x00" + name))
	return leaky(Key{Owner: hash("nobody", string(h.Sum(nil)[:2]))}, accountBurst, accountLeak)
}

// Device returns the counters of attempts with a device token of the account.
//
// The first counter belongs to this device alone, so a caller without the token
// cannot use it up. The second counter is shared by all devices of the account.
// It limits an attacker who once had the password and collected device tokens.
func Device(userID, deviceToken string) []Counter {
	owner := Owner(userID)
	return []Counter{
		leaky(Key{Owner: owner, Part: hash("device", deviceToken)}, deviceBurst, deviceLeak),
		leaky(Key{Owner: owner, Part: hash("devices", "")}, devicesBurst, devicesLeak),
	}
}

// Logins returns the counter of successful logins to an account, from all
// devices and addresses.
func Logins(userID string) Counter {
	return leaky(Key{Owner: Owner(userID), Part: hash("logins", "")}, loginBurst, loginLeak)
}

// Address returns the counters of attempts from an IPv4 address, or from an
// IPv6 /64, which is the block of one customer (RFC 6177).
//
// The first counter belongs to the client of that id alone. It accepts at most
// perHour attempts in any hour, and about a quarter of them at once. perHour is
// MinPerHour to MaxPerHour. With 100 it accepts 23 attempts at once, the next
// ones after 3 s and 12 s, and then one every 48 s. A client can report any
// address, so attempts through one client must not throttle an address at the
// others.
//
// The second counter is shared by all clients. It accepts commonFactor times as
// many attempts, so that an address cannot use each client's limit in full.
func Address(a netip.Addr, clientID string, perHour int) []Counter {
	owner := hash("address", Block(a).String())
	counter := func(part [16]byte, perHour int) Counter {
		burst := perHour / 4
		leak := time.Hour / time.Duration(perHour-burst)
		return leaky(Key{Owner: owner, Part: part}, burst, leak.Truncate(time.Microsecond))
	}
	return []Counter{
		counter(hash("client", clientID), perHour),
		counter([16]byte{}, commonFactor*perHour),
	}
}

// Block returns the addresses that are limited together: an IPv4 address, or an
// IPv6 /64.
func Block(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	// Prefix fails only for a length that the address does not have.
	prefix, _ := a.Prefix(min(a.BitLen(), 64))
	return prefix
}

// Owner returns the Key.Owner of all counters of an account.
func Owner(userID string) [16]byte { return hash("account", userID) }

// hash returns the first 128 bits of the SHA-256 hash of kind and name.
func hash(kind, name string) (h [16]byte) {
	sum := sha256.Sum256([]byte(kind + "\x00" + name))
	copy(h[:], sum[:])
	return h
}
