package keys

import (
	"cmp"
	"slices"
	"time"
)

// A State is the state of a key (NIST SP 800-57 part 1, section 7). It is
// computed from the dates of the keys and the time. It is never stored.
type State string

// The states of a key.
const (
	// PreActive keys are in the JWK Set but do not sign yet.
	PreActive State = "pre-active"
	// Active keys sign. Each algorithm has one.
	Active State = "active"
	// Deactivated keys do not sign any more. They stay in the JWK Set until the
	// last token that they signed has expired.
	Deactivated State = "deactivated"
	// Compromised keys are not in the JWK Set. Tokens that they signed are
	// rejected.
	Compromised State = "compromised"
	// Destroyed keys are not in the JWK Set, and their private key is erased.
	Destroyed State = "destroyed"
)

// A schedule holds the keys of one algorithm that have an activation date, in
// the order of these dates. It omits keys that were compromised before their
// date: they never signed.
type schedule []Key

// newSchedule returns the schedule of an algorithm.
func newSchedule(all []Key, algorithm string) schedule {
	var s schedule
	for _, k := range all {
		neverSigned := !k.CompromisedAt.IsZero() && k.CompromisedAt.Before(k.ActivateAt)
		if k.Algorithm == algorithm && !k.ActivateAt.IsZero() && !neverSigned {
			s = append(s, k)
		}
	}
	slices.SortFunc(s, func(a, b Key) int {
		return cmp.Or(a.ActivateAt.Compare(b.ActivateAt), cmp.Compare(a.ID, b.ID))
	})
	return s
}

// active returns the key that signs: the last one whose date has come. If that
// key cannot sign, or no date has come, it returns the next key that can sign,
// before its date. It never returns an earlier key: a server with a slow clock
// must not go back to a key that the other servers no longer use.
func (s schedule) active(now time.Time) (Key, bool) {
	for _, k := range s[max(s.started(now)-1, 0):] {
		if k.canSign() {
			return k, true
		}
	}
	return Key{}, false
}

// started returns the number of keys whose date has come.
func (s schedule) started(now time.Time) int {
	// Every signature calls it, and a Key is large: index, do not copy.
	for i := range s {
		if s[i].ActivateAt.After(now) {
			return i
		}
	}
	return len(s)
}

// successorStarts returns the activation date of the key after k. It is zero if
// there is no such key.
func (s schedule) successorStarts(k Key) time.Time {
	i := slices.IndexFunc(s, func(other Key) bool { return other.ID == k.ID })
	if i < 0 || i+1 == len(s) {
		return time.Time{}
	}
	return s[i+1].ActivateAt
}

// state computes the state of a key. s is the schedule of the key's algorithm.
func (s schedule) state(k Key, now time.Time) State {
	switch {
	case !k.DestroyedAt.IsZero():
		return Destroyed
	case !k.CompromisedAt.IsZero():
		return Compromised
	case !k.RetiredAt.IsZero():
		return Deactivated
	}

	active, ok := s.active(now)
	switch {
	case ok && active.ID == k.ID:
		return Active
	case k.ActivateAt.IsZero() || k.ActivateAt.After(now):
		return PreActive
	}
	return Deactivated
}

// stopsAt returns when the key stops signing: it was compromised or retired, or
// its successor starts. It is zero while none of these has a date.
func (s schedule) stopsAt(k Key) time.Time {
	switch {
	case !k.CompromisedAt.IsZero():
		return k.CompromisedAt
	case !k.RetiredAt.IsZero():
		return k.RetiredAt
	}
	return s.successorStarts(k)
}

// keptUntil returns the time until which the ring needs a key that stops
// signing at stopped. Then, by any server's clock, all that the key signed has
// expired. A grant that is rotated to a later MAC key keeps its end. So the
// ring needs a MAC key at least as long as the MAC keys before it.
func (s schedule) keptUntil(p Policy, k Key, stopped time.Time) time.Time {
	until := stopped.Add(p.retention(k))
	if k.Algorithm != MAC {
		return until
	}
	for _, earlier := range s {
		if earlier.ID == k.ID {
			break
		}
		if earlier.DestroyedAt.IsZero() {
			until = latest(until, s.stopsAt(earlier).Add(p.retention(earlier)))
		}
	}
	return until
}
