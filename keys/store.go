package keys

import (
	"context"
	"errors"
	"time"
)

// A Version is what a poll reads: the version of the ring and the store's
// clock.
type Version struct {
	Version  int64
	Restored int64
	Now      time.Time
}

// ErrRaced is returned by SwapRing when the ring is no longer at the version
// that the change was computed from. Another server or command has changed the
// ring first.
var ErrRaced = errors.New("the key ring changed meanwhile")

// A Store stores the ring.
type Store interface {
	// RingVersion reads the version and the store's clock. It is one small
	// read.
	RingVersion(ctx context.Context) (Version, error)
	// Ring reads the whole ring as of one moment.
	Ring(ctx context.Context) (Ring, error)
	// SwapRing replaces the whole ring in one transaction, if its version
	// is still from. It deletes keys and KEKs that next does not have, and
	// sets Version to from+1 and Restored to next.Restored. If the version
	// is not from, it changes nothing and returns ErrRaced. The change is
	// durable when SwapRing returns, also on a replicated cluster.
	//
	// compromised are the ids of the signing keys that the change marks as
	// compromised. SwapRing writes them into the revocation log, so that
	// verifiers refuse their tokens at once.
	SwapRing(ctx context.Context, from int64, next Ring, compromised []string) error
}
