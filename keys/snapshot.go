package keys

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"

	"github.com/signetd/signet/internal/seal"
)

// A snapshot is one version of the ring with its unsealed keys and its JWK
// Sets. It is immutable.
type snapshot struct {
	ring      Ring
	keks      *seal.KEKs
	schedules map[string]schedule // by algorithm
	unsealed  map[string]unsealed // by id, without compromised and destroyed keys
	// refused has the keys whose tokens are refused, by id: the public key of a
	// compromised or destroyed signing key, and the secret of a compromised MAC
	// key. They only show whether a token is one of this issuer.
	refused map[string]refusedKey
	sets    sets
	// fault lists the keys that could not be unsealed, which are not in
	// unsealed, and the KEKs that are missing or do not match the ring. It is
	// nil if there are none.
	fault error
}

// newSnapshot unseals the keys of a ring. It reuses the keys that the previous
// snapshot has unsealed; previous may be nil.
func newSnapshot(r Ring, keks *seal.KEKs, p Policy, previous *snapshot) (*snapshot, error) {
	s := &snapshot{
		ring: r, keks: keks, schedules: r.schedules(),
		unsealed: make(map[string]unsealed), refused: make(map[string]refusedKey),
	}
	faults := []error{checkKEKs(r, keks)}
	var published []publishedKey
	for _, k := range r.Keys {
		if !k.CompromisedAt.IsZero() || !k.DestroyedAt.IsZero() {
			s.refused[k.ID] = openRefused(k, keks)
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
			key, err := publish(k, u.public)
			if err != nil {
				return nil, err
			}
			published = append(published, key)
		}
	}

	s.fault = errors.Join(faults...)
	s.sets = newSets(published, r, s.schedules, p.MaxAge)
	return s, nil
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

// publicKey returns a signing key. It fails with ErrUnknownKey, with
// ErrCompromised or ErrDestroyed and the key, or with the reason why the key
// cannot be unsealed.
func (s *snapshot) publicKey(kid string) (algorithm string, key crypto.PublicKey, err error) {
	if u, ok := s.unsealed[kid]; ok && u.public != nil {
		return u.signer.Algorithm, u.public, nil
	}
	i := s.ring.index(kid)
	if i < 0 || s.ring.Keys[i].Algorithm == MAC {
		return "", nil, ErrUnknownKey
	}
	if refused, ok := s.refused[kid]; ok {
		return s.ring.Keys[i].Algorithm, refused.public, refused.err
	}
	return "", nil, fmt.Errorf("the key %s cannot be unsealed: %w", kid, s.fault)
}

// mac returns a MAC key. It fails with ErrUnknownKey, with ErrCompromised and
// the secret, or with the reason why the key cannot be unsealed.
func (s *snapshot) mac(id string) ([]byte, error) {
	i := s.ring.index(id)
	if i < 0 || s.ring.Keys[i].Algorithm != MAC {
		return nil, ErrUnknownKey
	}
	if refused, ok := s.refused[id]; ok {
		return refused.secret, refused.err
	}
	u, ok := s.unsealed[id]
	if !ok {
		return nil, fmt.Errorf("the MAC key %s cannot be unsealed: %w", id, s.fault)
	}
	return u.secret, nil
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
