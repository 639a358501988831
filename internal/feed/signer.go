package feed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/signetd/signet/internal/revocation"
	"github.com/signetd/signet/internal/token"
	"github.com/signetd/signet/keys"
)

// A signer signs heads.
type signer struct {
	issuer   string
	keys     *keys.Manager
	table    *revocation.Table
	only     string // Options.SigningAlgorithm
	observer Observer
}

// byCost are the signing algorithms, that with the least expensive signatures
// first.
var byCost = []string{keys.EdDSA, keys.ES256, keys.RS256}

// sign completes the head of a segment and signs it. kind is for the observer.
func (s signer) sign(segment *Segment, kind string) error {
	key, err := s.key()
	if err != nil {
		return fmt.Errorf("sign a segment of revocations: %w", err)
	}
	h := &segment.head
	h.Issuer, h.IssuedAt, h.Keys = s.issuer, s.keys.Now().Unix(), s.keys.Set().ETag
	payload, err := json.Marshal(h)
	if err != nil {
		return fmt.Errorf("encode the head of a segment: %w", err)
	}
	segment.keyID = key.KeyID
	if segment.Head, err = token.SignPayload(key, revocation.HeadType, payload); err != nil {
		return err
	}
	s.observer.signed(kind)
	return nil
}

// key returns the active key of the first algorithm that has one. It returns no
// key that an entry revokes: another server may have marked it as compromised
// before this server's next read of the ring.
func (s signer) key() (keys.Signer, error) {
	algorithms := byCost
	if s.only != "" {
		algorithms = []string{s.only}
	}
	failure := error(keys.ErrNoKey)
	for _, algorithm := range algorithms {
		key, err := s.keys.Signer(algorithm)
		if err == nil && !s.revoked(key.KeyID) {
			return key, nil
		}
		if err != nil && !errors.Is(err, keys.ErrNoKey) {
			failure = err
		}
	}
	return keys.Signer{}, failure
}

// revoked reports whether an entry revokes the key.
func (s signer) revoked(kid string) bool {
	_, ok := s.table.Get(revocation.Key.Hash(kid))
	return ok
}

// valid reports whether verifiers accept the signature of a segment: the key is
// in the JWK Set and no entry revokes it.
func (s signer) valid(ctx context.Context, segment *Segment) bool {
	_, _, err := s.keys.PublicKey(ctx, segment.keyID)
	return err == nil && !s.revoked(segment.keyID)
}
