package keys

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"
	"slices"

	"github.com/signetd/signet/internal/seal"
)

// A snapshot is the ring at one version with all that reads need. It does not change once made.
type snapshot struct {
	ring        Ring
	keks        *seal.KEKs
	successions map[string]succession // by algorithm
	opened      map[string]opened     // by id: neither compromised nor destroyed ones
	set         *Set
	// fault says what is wrong with the ring or the KEKs; nil in health. Keys that could not be opened are not in opened.
	fault error
}

// newSnapshot opens the keys of a ring, as far as before does not have them open.
func newSnapshot(r Ring, keks *seal.KEKs, p Policy, before *snapshot) (*snapshot, error) {
	s := &snapshot{ring: r, keks: keks, successions: r.successions(), opened: make(map[string]opened)}
	faults := []error{checkKEKs(r, keks)}
	var published []Key
	for _, k := range r.Keys {
		if !k.CompromisedAt.IsZero() || !k.DestroyedAt.IsZero() {
			continue
		}
		o, ok := before.find(k)
		if !ok {
			var err error
			if o, err = k.open(keks); err != nil {
				faults = append(faults, err)
				continue
			}
		}
		s.opened[k.ID] = o
		if k.Algorithm != MAC {
			published = append(published, k)
		}
	}
	s.fault = errors.Join(faults...)
	var err error
	s.set, err = newSet(published, func(kid string) crypto.PublicKey { return s.opened[kid].public }, p.MaxAge)
	return s, err
}

// find returns a key that the snapshot has open. Only the seal of a row may have changed since.
func (s *snapshot) find(k Key) (opened, bool) {
	if s == nil {
		return opened{}, false
	}
	i := s.ring.key(k.ID)
	if i < 0 || s.ring.Keys[i].Algorithm != k.Algorithm || !bytes.Equal(s.ring.Keys[i].Public, k.Public) {
		return opened{}, false
	}
	o, ok := s.opened[k.ID]
	return o, ok
}

// mac returns a MAC key, or says why not.
func (s *snapshot) mac(id string) ([]byte, error) {
	i := s.ring.key(id)
	if i < 0 || s.ring.Keys[i].Algorithm != MAC {
		return nil, ErrUnknownKey
	}
	k := s.ring.Keys[i]
	switch o, ok := s.opened[id]; {
	case !k.CompromisedAt.IsZero():
		return nil, ErrCompromised
	case !k.DestroyedAt.IsZero():
		return nil, ErrUnknownKey
	case !ok:
		return nil, fmt.Errorf("the MAC key %s cannot be opened: %w", id, s.fault)
	default:
		return o.secret, nil
	}
}

// checkKEKs says whether the KEK that seals is at hand, and whether those at hand are the ones that the ring means.
func checkKEKs(r Ring, keks *seal.KEKs) error {
	var faults []error
	if newest, ok := r.newestKEK(); ok && !keks.Has(newest.ID) {
		faults = append(faults, fmt.Errorf("the key ring is sealed by the KEK %s, which the KEK file does not have: every server needs the same KEK file", newest.ID))
	}
	for _, kek := range r.KEKs {
		if check, err := keks.Check(kek.ID); err == nil && !bytes.Equal(check, kek.Check) {
			faults = append(faults, fmt.Errorf("the KEK %s of the KEK file is not the one that the key ring means by this id", kek.ID))
		}
	}
	return errors.Join(faults...)
}

// names says whether the ring names a KEK that is not among keks.
func (r Ring) names(unknownTo *seal.KEKs) bool {
	return slices.ContainsFunc(r.KEKs, func(k KEK) bool { return !unknownTo.Has(k.ID) }) ||
		slices.ContainsFunc(r.Keys, func(k Key) bool { return k.KEK != "" && !unknownTo.Has(k.KEK) })
}

// forgets says whether next lacks what r knows: a key of it is compromised or destroyed, and in next it is neither. No
// change does that; only a store that lost what it had.
func (r Ring) forgets(next Ring) bool {
	return slices.ContainsFunc(r.Keys, func(k Key) bool {
		i := next.key(k.ID)
		return i >= 0 && (!k.CompromisedAt.IsZero() && next.Keys[i].CompromisedAt.IsZero() ||
			!k.DestroyedAt.IsZero() && next.Keys[i].DestroyedAt.IsZero())
	})
}
