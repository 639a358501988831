package verify

import (
	"context"
	"time"
)

// NewWithClock is New with another wall clock.
func NewWithClock(ctx context.Context, issuer string, o Options, now func() time.Time) (*Verifier, error) {
	return newVerifier(ctx, issuer, o, now)
}
