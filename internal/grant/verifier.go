package grant

import (
	"context"
	"time"

	"github.com/signetd/signet/internal/revocation"
)

// A Verifier is a verifier of access tokens that gives its name when it polls
// the feed of revocations. Operators see it in lists; nothing else depends on
// it. Several verifiers may have the same name.
type Verifier struct {
	Name string
	// Server is the server that the verifier polled last.
	Server string
	// Keys is the ETag of the JWK Set that the verifier has. It is empty if
	// the verifier has not sent it.
	Keys string
	// SeenAt is when it polled last, by the store's clock.
	SeenAt time.Time
	// Lag is how long the oldest entry that the verifier did not have when it
	// polled last had been available. It is zero if it had all of them.
	Lag time.Duration
}

// HasKeys reports whether the verifier has the keys of the JWK Set with an
// ETag.
func (v Verifier) HasKeys(etag string) bool { return revocation.SameKeys(v.Keys, etag) }

// A VerifierStore stores the verifiers that were seen lately.
type VerifierStore interface {
	// ReportVerifiers writes what a server has seen. It replaces what was
	// stored of the same name and server, unless that is later. Names and
	// ETags are valid UTF-8 without zero bytes.
	ReportVerifiers(ctx context.Context, seen []Verifier) error
	// Verifiers returns at most limit verifiers, by name and then by
	// server, that sort after the two names.
	Verifiers(ctx context.Context, afterName, afterServer string, limit int) ([]Verifier, error)
	// SweepVerifiers deletes the verifiers that were seen last longer ago
	// than age, and returns how many.
	SweepVerifiers(ctx context.Context, age time.Duration) (int, error)
}
