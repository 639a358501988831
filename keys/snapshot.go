package keys

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"

	"github.com/signetd/signet/internal/seal"
)

// A snapshot is one version of the ring with its unsealed keys and its JWK Set.
// It is immutable.
type snapshot struct {
	ring      Ring
	keks      *seal.KEKs
	schedules map[string]schedule // by algorithm
	unsealed  map[string]unsealed // by id, without compromised and destroyed keys
	set       *Set
	// fault lists the keys that could not be unsealed, which are not in
	// unsealed, and the KEKs that are missing or do not match the ring. It is
	// nil if there are none.
	fault error
}

// newSnapshot unseals the keys of a ring. It reuses the keys that the previous
// snapshot has unsealed; previous may be nil.
func newSnapshot(r Ring, keks *seal.KEKs, p Policy, previous *snapshot) (*snapshot, error) {
	s := &snapshot{ring: r, keks: keks, schedules: r.schedules(), unsealed: make(map[string]unsealed)}
	faults := []error{checkKEKs(r, keks)}
	var published []Key
	for _, k := range r.Keys {
		if !k.CompromisedAt.IsZero() || !k.DestroyedAt.IsZero() {
			continue
		}
		u, ok := previous.find(k)
		if !ok {
			var err error
			if u, err = unseal(k, keks); err != nil {
				faults = append(faults, err)
				continue
			}
		}
		s.unsealed[k.ID] = u
		if k.Algorithm != MAC {
			published = append(published, k)
		}
	}

	s.fault = errors.Join(faults...)
	var err error
	s.set, err = newSet(published, func(kid string) crypto.PublicKey { return s.unsealed[kid].public }, p.MaxAge)
	return s, err
}

// find returns the unsealed key of a row, if the snapshot has it. Since then
// only the sealed form of the row may have changed.
func (s *snapshot) find(k Key) (unsealed, bool) {
	if s == nil {
		return unsealed{}, false
	}
	i := s.ring.index(k.ID)
	if i < 0 || s.ring.Keys[i].Algorithm != k.Algorithm || !bytes.Equal(s.ring.Keys[i].Public, k.Public) {
		return unsealed{}, false
	}
	u, ok := s.unsealed[k.ID]
	return u, ok
}

// mac returns a MAC key. It fails with ErrUnknownKey, ErrCompromised, or the
// reason why the key cannot be unsealed.
func (s *snapshot) mac(id string) ([]byte, error) {
	i := s.ring.index(id)
	if i < 0 || s.ring.Keys[i].Algorithm != MAC {
		return nil, ErrUnknownKey
	}
	k := s.ring.Keys[i]
	switch u, ok := s.unsealed[id]; {
	case !k.CompromisedAt.IsZero():
		return nil, ErrCompromised
	case !k.DestroyedAt.IsZero():
		return nil, ErrUnknownKey
	case !ok:
		return nil, fmt.Errorf("the MAC key %s cannot be unsealed: %w", id, s.fault)
	default:
		return u.secret, nil
	}
}

// checkKEKs checks that the KEK that seals new keys is in the KEK file, and
// that each KEK of the file is the one that the ring has under its id.
func checkKEKs(r Ring, keks *seal.KEKs) error {
	var faults []error
	if newest, ok := r.newestKEK(); ok && !keks.Has(newest.ID) {
		faults = append(faults, fmt.Errorf("the key ring is sealed by the KEK %s, which the KEK file does not have: "+
			"every server needs the same KEK file", newest.ID))
	}
	for _, kek := range r.KEKs {
		if check, err := keks.CheckValue(kek.ID); err == nil && !bytes.Equal(check, kek.Check) {
			faults = append(faults, fmt.Errorf("the KEK %s of the KEK file is not "+
				"the KEK that the key ring has under this id", kek.ID))
		}
	}
	return errors.Join(faults...)
}
