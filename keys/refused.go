package keys

import (
	"crypto"
	"crypto/x509"
	"fmt"

	"github.com/signetd/signet/internal/seal"
)

// A refusedKey is a compromised or destroyed key. It verifies tokens only to
// show whether they are tokens of this issuer.
type refusedKey struct {
	public crypto.PublicKey // nil for a MAC key
	secret []byte           // of a MAC key
	// err is the reason why the tokens of the key are refused: ErrCompromised,
	// ErrDestroyed, or ErrUnknownKey for a MAC key without a secret. Any other
	// err means that the key cannot be opened.
	err error
}

// openRefused opens a compromised or destroyed key. It needs no private key:
// the row of a signing key keeps the public key. A key that cannot be opened is
// no fault of the ring, because the server does not sign with it.
func openRefused(k Key, keks *seal.KEKs) refusedKey {
	switch {
	case k.Algorithm != MAC:
		return parseRefused(k)
	case !k.DestroyedAt.IsZero():
		return refusedKey{err: ErrUnknownKey}
	}
	u, err := unseal(k, keks)
	if err != nil {
		return refusedKey{err: fmt.Errorf("the compromised MAC key %s cannot be unsealed: %w", k.ID, err)}
	}
	return refusedKey{secret: u.secret, err: ErrCompromised}
}

// parseRefused parses the public key of a row.
func parseRefused(k Key) refusedKey {
	public, err := x509.ParsePKIXPublicKey(k.Public)
	if err == nil {
		err = checkRow(k, public)
	}
	switch {
	case err != nil:
		return refusedKey{err: fmt.Errorf("the public key of %s: %w", k.ID, err)}
	case !k.CompromisedAt.IsZero():
		return refusedKey{public: public, err: ErrCompromised}
	default:
		return refusedKey{public: public, err: ErrDestroyed}
	}
}
