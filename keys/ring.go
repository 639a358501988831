package keys

import (
	"cmp"
	"slices"
	"time"
)

// A State of a key (NIST SP 800-57 part 1, section 7). It is computed from the dates and the time, never stored.
type State string

// The states of a key.
const (
	// PreActive keys are in the JWK Set and do not sign yet.
	PreActive State = "pre-active"
	// Active keys sign: one of each algorithm.
	Active State = "active"
	// Deactivated keys sign no more and stay in the JWK Set until the last token that they signed has expired.
	Deactivated State = "deactivated"
	// Compromised keys are out of the JWK Set, and what they signed is refused.
	Compromised State = "compromised"
	// Destroyed keys are out of the JWK Set and have no private half any more.
	Destroyed State = "destroyed"
)

// A succession is the keys of one algorithm that have a date, in the order of those dates. A key that was compromised
// before its date never signed and is not in it.
type succession []Key

func (r Ring) succession(algorithm string) succession {
	var s succession
	for _, k := range r.Keys {
		if k.Algorithm == algorithm && !k.ActivateAt.IsZero() && (k.CompromisedAt.IsZero() || !k.CompromisedAt.Before(k.ActivateAt)) {
			s = append(s, k)
		}
	}
	slices.SortFunc(s, func(a, b Key) int { return cmp.Or(a.ActivateAt.Compare(b.ActivateAt), cmp.Compare(a.ID, b.ID)) })
	return s
}

// successions returns those of all algorithms.
func (r Ring) successions() map[string]succession {
	all := make(map[string]succession)
	for _, algorithm := range []string{RS256, ES256, EdDSA, MAC} {
		all[algorithm] = r.succession(algorithm)
	}
	return all
}

// mayStillSign says whether nothing has ended the key for good.
func (k Key) mayStillSign() bool {
	return k.CompromisedAt.IsZero() && k.RetiredAt.IsZero() && k.DestroyedAt.IsZero()
}

// active returns the key that signs: the last whose date has come. If that one was ended, or no date has come, it is the
// next one that may sign, before its date; never one before it, so that a server whose clock is slow does not go back to a
// key that the others have long left.
func (s succession) active(now time.Time) (Key, bool) {
	for _, k := range s[max(s.begun(now)-1, 0):] {
		if k.mayStillSign() {
			return k, true
		}
	}
	return Key{}, false
}

// begun returns how many dates have come.
func (s succession) begun(now time.Time) int {
	for i := range s { // each signature asks, and a Key is large
		if s[i].ActivateAt.After(now) {
			return i
		}
	}
	return len(s)
}

// follower returns the date of the key that comes after k, or zero.
func (s succession) follower(k Key) time.Time {
	i := slices.IndexFunc(s, func(other Key) bool { return other.ID == k.ID })
	if i < 0 || i+1 == len(s) {
		return time.Time{}
	}
	return s[i+1].ActivateAt
}

// state computes the state of a key; s is the succession of its algorithm.
func (s succession) state(k Key, now time.Time) State {
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

// stopped returns the date at which the key stops signing: it was compromised, retired, or a successor comes. It is zero
// while none of these is in sight.
func (s succession) stopped(k Key) time.Time {
	switch {
	case !k.CompromisedAt.IsZero():
		return k.CompromisedAt
	case !k.RetiredAt.IsZero():
		return k.RetiredAt
	}
	return s.follower(k)
}

// key returns where the key of that id stands in Keys, or -1.
func (r Ring) key(id string) int {
	return slices.IndexFunc(r.Keys, func(k Key) bool { return k.ID == id })
}

// preActive returns where the pre-active keys of an algorithm stand in Keys: those with a date first, then the one that
// was published first.
func (r Ring) preActive(algorithm string, now time.Time) []int {
	var found []int
	succession := r.succession(algorithm)
	for i, k := range r.Keys {
		if k.Algorithm == algorithm && succession.state(k, now) == PreActive {
			found = append(found, i)
		}
	}
	slices.SortFunc(found, func(i, j int) int {
		a, b := r.Keys[i], r.Keys[j]
		return cmp.Or(
			cmp.Compare(undated(a), undated(b)), a.ActivateAt.Compare(b.ActivateAt),
			a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID),
		)
	})
	return found
}

func undated(k Key) int {
	if k.ActivateAt.IsZero() {
		return 1
	}
	return 0
}

// newestKEK returns the KEK that seals; none in an empty ring.
func (r Ring) newestKEK() (KEK, bool) {
	if len(r.KEKs) == 0 {
		return KEK{}, false
	}
	return slices.MaxFunc(r.KEKs, func(a, b KEK) int { return a.CreatedAt.Compare(b.CreatedAt) }), true
}

// clone returns a ring whose lists may be changed. The bytes in its rows are never changed in place.
func (r Ring) clone() Ring {
	r.Keys, r.KEKs = slices.Clone(r.Keys), slices.Clone(r.KEKs)
	return r
}
