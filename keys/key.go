package keys

import (
	"slices"
	"time"

	"github.com/signetd/signet/internal/seal"
)

// The algorithms of keys. MAC keys (HMAC-SHA-256) are in the same ring as the
// signing keys. They are never published.
const (
	RS256 = "RS256"
	ES256 = "ES256"
	EdDSA = "EdDSA"
	MAC   = "mac"
)

var (
	signingAlgorithms = []string{RS256, ES256, EdDSA}
	allAlgorithms     = []string{RS256, ES256, EdDSA, MAC}
)

// A Key is one row of the ring: an id, an algorithm, a sealed private key and
// dates. Its State follows from the dates and the time.
type Key struct {
	// ID is the kid: the RFC 7638 thumbprint of a signing key or, if it was
	// imported, perhaps the kid that it had before; of a MAC key, 16 random
	// hexadecimal digits.
	ID        string
	Algorithm string
	// Public is the public key in PKIX DER; nil for a MAC key.
	Public []byte
	// Sealed is the private key (PKCS #8 DER) or the MAC key, sealed by the
	// KEK. It is nil once the key is destroyed.
	Sealed []byte
	// KEK is the id of the KEK that sealed the key.
	KEK string
	// CreatedAt is when the key was added to the ring and, if it is a signing
	// key, to the JWK Set.
	CreatedAt time.Time
	// ActivateAt is when the key starts to sign. It is zero for a spare, which
	// has no date yet, and Always for the first key of an algorithm.
	ActivateAt time.Time
	// RetiredAt is when the key stopped signing because no audience used its
	// algorithm any more. It is zero for all other keys: they stop signing when
	// their successor starts.
	RetiredAt time.Time
	// DestroyedAt is when the private key was erased and the public key left
	// the JWK Set. It is zero until then.
	DestroyedAt time.Time
	// CompromisedAt is when the key was reported as compromised. It is zero if
	// it never was.
	CompromisedAt time.Time
	// Lifetime is the longest Policy.MaxLifetime (of a MAC key, the longest
	// Policy.MaxRefreshLifetime) while the key could sign. It is zero in a row
	// of an earlier version, until a server with the present version records
	// it.
	Lifetime time.Duration
}

// Always is the activation date of an algorithm's first key. No verifier can
// hold a JWK Set with an earlier key, so the first key signs at once.
var Always = time.Unix(0, 0).UTC()

// label returns the seal label, which binds a sealed private key to its row.
func (k Key) label() seal.Label { return seal.Label{Table: "keys", ID: k.ID, Algorithm: k.Algorithm} }

// canSign reports whether the key is neither compromised, retired nor
// destroyed.
func (k Key) canSign() bool {
	return k.CompromisedAt.IsZero() && k.RetiredAt.IsZero() && k.DestroyedAt.IsZero()
}

func latest(times ...time.Time) time.Time { return slices.MaxFunc(times, time.Time.Compare) }
