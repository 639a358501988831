package keys

import (
	"cmp"
	"slices"
	"time"

	"github.com/signetd/signet/internal/seal"
)

// A KEK is what the store keeps of a key-encryption key: its id and a check
// value, never the key.
type KEK struct {
	ID        string
	Check     []byte
	CreatedAt time.Time
}

// A Ring holds all keys at one version.
type Ring struct {
	// Version increases by one with every change.
	Version int64
	// Restored increases when an operator accepts a restored store, whose
	// Version is lower than before.
	Restored int64
	Keys     []Key
	// KEKs are ordered by CreatedAt. The newest seals new keys.
	KEKs []KEK
}

// schedule returns the schedule of an algorithm.
func (r Ring) schedule(algorithm string) schedule { return newSchedule(r.Keys, algorithm) }

// schedules returns the schedules of all algorithms.
func (r Ring) schedules() map[string]schedule {
	all := make(map[string]schedule)
	for _, algorithm := range allAlgorithms {
		all[algorithm] = r.schedule(algorithm)
	}
	return all
}

// neededAlgorithms returns the signing algorithms that must have keys: those in
// use by audiences; if there are none, those that have an active key; if there
// are none, RS256, which every verifier supports.
func (r Ring) neededAlgorithms(inUse []string, now time.Time) []string {
	var used, active []string
	for _, algorithm := range signingAlgorithms {
		if slices.Contains(inUse, algorithm) {
			used = append(used, algorithm)
		}
		if _, ok := r.schedule(algorithm).active(now); ok {
			active = append(active, algorithm)
		}
	}
	switch {
	case len(used) > 0:
		return used
	case len(active) > 0:
		return active
	}
	return []string{RS256}
}

// index returns the index in Keys of the key with an id, or -1.
func (r Ring) index(id string) int {
	return slices.IndexFunc(r.Keys, func(k Key) bool { return k.ID == id })
}

// preActive returns the indexes in Keys of an algorithm's pre-active keys: the
// keys with a date first, then the others by creation date.
func (r Ring) preActive(algorithm string, now time.Time) []int {
	var found []int
	schedule := r.schedule(algorithm)
	for i, k := range r.Keys {
		if k.Algorithm == algorithm && schedule.state(k, now) == PreActive {
			found = append(found, i)
		}
	}
	slices.SortFunc(found, func(i, j int) int {
		return compareNext(r.Keys[i], r.Keys[j])
	})
	return found
}

// compareNext compares two pre-active keys by the order in which they activate.
func compareNext(a, b Key) int {
	return cmp.Or(
		cmp.Compare(undated(a), undated(b)), a.ActivateAt.Compare(b.ActivateAt),
		a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID),
	)
}

// undated returns 1 for a key without an activation date and 0 for all others.
func undated(k Key) int {
	if k.ActivateAt.IsZero() {
		return 1
	}
	return 0
}

// newestKEK returns the KEK that seals new keys; ok is false in an empty ring.
func (r Ring) newestKEK() (kek KEK, ok bool) {
	if len(r.KEKs) == 0 {
		return KEK{}, false
	}
	return slices.MaxFunc(r.KEKs, func(a, b KEK) int { return a.CreatedAt.Compare(b.CreatedAt) }), true
}

// clone returns a copy whose lists may be changed. The bytes in the rows are
// shared, because they are never changed in place.
func (r Ring) clone() Ring {
	r.Keys, r.KEKs = slices.Clone(r.Keys), slices.Clone(r.KEKs)
	return r
}

// hasKEKNotIn reports whether the ring names a KEK that is not in keks.
func (r Ring) hasKEKNotIn(keks *seal.KEKs) bool {
	return slices.ContainsFunc(r.KEKs, func(k KEK) bool { return !keks.Has(k.ID) }) ||
		slices.ContainsFunc(r.Keys, func(k Key) bool { return k.KEK != "" && !keks.Has(k.KEK) })
}

// lostEndStates reports whether a key of r is compromised or destroyed but the
// same key of next is not. No change does that: the store has lost data.
func (r Ring) lostEndStates(next Ring) bool {
	return slices.ContainsFunc(r.Keys, func(k Key) bool {
		i := next.index(k.ID)
		return i >= 0 && (!k.CompromisedAt.IsZero() && next.Keys[i].CompromisedAt.IsZero() ||
			!k.DestroyedAt.IsZero() && next.Keys[i].DestroyedAt.IsZero())
	})
}
