package keys

import (
	"fmt"
	"slices"
	"time"

	"github.com/signetd/signet/internal/audit"
)

// operatorRequest is the reason of changes that an operator requested.
const operatorRequest = "requested by the operator"

// An event is an audit event without its time and actor.
type event struct{ name, key, reason string }

// A keyRequest asks for a new key. Generating a key takes time, so an update
// only requests keys. The writer generates them when it commits the update.
type keyRequest struct {
	algorithm string
	// activateAt returns the activation date of the generated key.
	activateAt func(Key) time.Time
	// rotates means that the key succeeds another key.
	rotates bool
	reason  string
}

// activateAt returns a keyRequest.activateAt for a fixed date.
func activateAt(date time.Time) func(Key) time.Time {
	return func(Key) time.Time { return date }
}

// An update is a change of the ring that has not been written to the store. Its
// methods use only its fields and their arguments: no store, no clock, no
// random numbers.
type update struct {
	policy   Policy
	now      time.Time
	ring     Ring // after the change, without the requested keys
	requests []keyRequest
	events   []event
	changed  bool
	// compromised are the signing keys that the update marks as compromised.
	compromised []string
}

// record adds an audit event of a change.
func (u *update) record(name, key, reason string) {
	u.events, u.changed = append(u.events, event{name, key, reason}), true
}

// request requests a new key.
func (u *update) request(r keyRequest) { u.requests, u.changed = append(u.requests, r), true }

// active returns the active key of an algorithm.
func (u *update) active(algorithm string) (Key, bool) {
	return u.ring.schedule(algorithm).active(u.now)
}

// immediateDate returns an activation date that has come on every server's
// clock and is later than the dates of all keys that have signed.
func (u *update) immediateDate(algorithm string) time.Time {
	at := u.now.Add(-2 * u.policy.ClockSkew)
	if s := u.ring.schedule(algorithm); s.started(u.now) > 0 {
		at = latest(at, s[s.started(u.now)-1].ActivateAt.Add(time.Microsecond))
	}
	return at
}

// earliestDate returns the earliest activation date that a pre-active key may
// get, and the reason why it is not earlier.
func (u *update) earliestDate(k Key) (at time.Time, reason string) {
	ahead := u.policy.publishAhead(k.Algorithm)
	published := k.CreatedAt.Add(ahead)
	at = latest(published, u.now.Add(u.policy.Lead()))
	if s := u.ring.schedule(k.Algorithm); len(s) > 0 {
		at = latest(at, s[len(s)-1].ActivateAt.Add(time.Microsecond))
	}
	switch {
	case !at.Equal(published):
		return at, fmt.Sprintf("every server learns of the date before it comes (%s)", u.policy.Lead())
	case k.Algorithm == MAC:
		return at, fmt.Sprintf("every server knows the key for %s before it is used", ahead)
	}
	return at, fmt.Sprintf("a key is in the JWK Set for keys.publish_ahead (%s) before it signs", ahead)
}

// addKEK makes a KEK the one that seals new keys, unless it is already.
func (u *update) addKEK(id string, check []byte) {
	newest, ok := u.ring.newestKEK()
	if ok && newest.ID == id {
		return
	}
	created := latest(u.now, newest.CreatedAt.Add(time.Microsecond))
	u.ring.KEKs = slices.DeleteFunc(u.ring.KEKs, func(k KEK) bool { return k.ID == id })
	u.ring.KEKs = append(u.ring.KEKs, KEK{ID: id, Check: check, CreatedAt: created})
	u.record(audit.KEKAdded, "", id+" is the newest KEK")
}
