package keys

import (
	"context"
	"errors"
	"time"
)

// The algorithms of a key. MAC keys (HMAC-SHA-256) live in the same ring as the signing keys and are never published.
const (
	RS256 = "RS256"
	ES256 = "ES256"
	EdDSA = "EdDSA"
	MAC   = "mac"
)

// A Key is one row of the ring: an id, an algorithm, a sealed private half and dates. Its state is computed from the dates
// and the time, see Ring.
type Key struct {
	// ID is the kid: the RFC 7638 thumbprint of a signing key, 16 random hexadecimal digits for a MAC key.
	ID        string
	Algorithm string
	// Public is the public half in PKIX DER; nil for a MAC key.
	Public []byte
	// Sealed is the private half (PKCS #8 DER) or the MAC secret, sealed by the KEK named in KEK; nil once destroyed.
	Sealed []byte
	KEK    string
	// CreatedAt is when the key came into the ring, and so into the JWK Set.
	CreatedAt time.Time
	// ActivateAt is when it begins to sign; zero for a spare, which has no date yet; Always for the first key of an
	// algorithm.
	ActivateAt time.Time
	// RetiredAt is when an algorithm that nothing asks for any more stopped signing; zero for all others, since a key
	// otherwise stops when its successor starts.
	RetiredAt time.Time
	// DestroyedAt is when the private half was wiped and the public half left the set; zero until then.
	DestroyedAt time.Time
	// CompromisedAt is when the key was declared compromised; zero if it never was.
	CompromisedAt time.Time
}

// Always is the activation date of an algorithm's first key: nobody can hold a JWK Set from before it, so it signs at once.
var Always = time.Unix(0, 0).UTC()

// A KEK is what the store keeps of a key-encryption key: never the key, only its id and a check value.
type KEK struct {
	ID        string
	Check     []byte
	CreatedAt time.Time
}

// A Ring is all keys at one version.
type Ring struct {
	// Version rises by one with every change. Restored rises when an operator accepts a version that fell.
	Version  int64
	Restored int64
	Keys     []Key
	// KEKs are ordered by CreatedAt; the newest seals.
	KEKs []KEK
}

// A Version is the small read of a poll: where the ring stands, and the store's clock.
type Version struct {
	Version  int64
	Restored int64
	Now      time.Time
}

// ErrRaced is what SwapRing returns when the ring is no longer at the version that the change was made for. To a tick it
// means that somebody else did the work.
var ErrRaced = errors.New("the key ring changed meanwhile")

// Store keeps the ring.
type Store interface {
	// RingVersion reads the version and the store's clock. It is one small read.
	RingVersion(ctx context.Context) (Version, error)
	// Ring reads the whole ring as of one moment.
	Ring(ctx context.Context) (Ring, error)
	// SwapRing replaces the whole content of the ring (keys and KEKs that next does not hold are deleted) and sets
	// Version to from+1 and Restored to next.Restored, in one transaction, if the version is still from; else it changes
	// nothing and returns ErrRaced. It is durable on return, also on a replicated cluster.
	SwapRing(ctx context.Context, from int64, next Ring) error
}
