package grant

import (
	"time"

	"github.com/signetd/signet/internal/oauth"
)

// A Grant is one login's authorization to one client; all refresh tokens of that login belong to it. There is one row per
// grant, never one per token.
type Grant struct {
	ID oauth.GrantID
	// UserID is the subject: a user of ours, or whom a client that may mint subjects named.
	UserID   string
	ClientID string
	// Generation is that of the one refresh token which moves the grant on.
	Generation uint32
	// KeyHash is the hash of the idempotency key that came with the request which moved the grant; nil for none.
	KeyHash []byte
	// MACKey is the id of the MAC key under which the current generation's refresh token is made.
	MACKey string
	// RotatedAt is when the generation last rose, in store time.
	RotatedAt time.Time
	// IdleLifetime is how long after MovedAt the grant ends, in whole seconds; ExpiresAt is when it ends in any case.
	IdleLifetime time.Duration
	ExpiresAt    time.Time
	// SuspendedAt is set while the user is disabled; zero means it is not suspended.
	SuspendedAt time.Time
	// RevokedAt is when the grant was ended, zero if it was not, and RevokeReason says by what.
	RevokedAt    time.Time
	RevokeReason string
	Scope        oauth.Scope
	Audience     []string
	// AuthTime is when the subject proved who they are, and AMR how (RFC 8176).
	AuthTime    time.Time
	AMR         []string
	DeviceLabel string
	IP          string
	CreatedAt   time.Time
	// Claims are those that the client gave when it minted the grant; nil for every other grant.
	Claims map[string]any
}

// A State is what a grant is worth at a moment.
type State string

// The states. A suspended grant may become active again; a revoked or expired one has ended.
const (
	StateActive    State = "active"
	StateSuspended State = "suspended"
	StateRevoked   State = "revoked"
	StateExpired   State = "expired"
)

// State returns what the grant is worth at now.
func (g Grant) State(now time.Time) State {
	switch {
	case !g.RevokedAt.IsZero():
		return StateRevoked
	case !now.Before(g.EndsAt()):
		return StateExpired
	case !g.SuspendedAt.IsZero():
		return StateSuspended
	}
	return StateActive
}

// EndsAt is when the grant expires if it is not refreshed.
func (g Grant) EndsAt() time.Time {
	if idle := g.RotatedAt.Add(g.IdleLifetime); idle.Before(g.ExpiresAt) {
		return idle
	}
	return g.ExpiresAt
}

// A Filter says which grants of a subject are meant.
type Filter struct {
	// Subject is whose grants; it is never empty.
	Subject string
	// ClientID is the client's whose they are; empty means every client's.
	ClientID string
	// NotEndedAt, if it is not zero, leaves out those that are revoked, or expired at that moment.
	NotEndedAt time.Time
	// After is the id behind which the grants begin, and Limit how many there are at most.
	After oauth.GrantID
	Limit int
}
