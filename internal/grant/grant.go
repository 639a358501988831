package grant

import (
	"strconv"
	"strings"
	"time"

	"github.com/signetd/signet/internal/oauth"
)

// A Grant is one login's authorization to one client. All refresh tokens of
// that login belong to it. A store has one row for each grant and no rows for
// tokens.
type Grant struct {
	ID oauth.GrantID
	// UserID is the subject: the id of a user, or the subject that a client
	// minted for.
	UserID   string
	ClientID string
	// ClientCreatedAt is when the client was created, as the caller has read
	// it. The store compares it when it creates a grant, and does not store it.
	// The zero time is not compared.
	ClientCreatedAt time.Time
	// Generation is the generation of the current refresh token.
	Generation uint32
	// KeyHash is the hash of the idempotency key of the request that rotated
	// the grant, zero before the first rotation.
	KeyHash oauth.Digest
	// MACKey is the id of the MAC key of the current refresh token.
	MACKey string
	// RotatedAt is when the generation last increased, by the store's clock.
	// After a restore that an operator accepted, reads return at least the time
	// of the restore.
	RotatedAt time.Time
	// StoredRotatedAt is RotatedAt as the row has it, if RotatedAt is the time
	// of a restore. Otherwise it is zero. Only Store.Grant sets it.
	StoredRotatedAt time.Time
	// IdleLifetime is how long after RotatedAt the grant expires, in whole
	// seconds.
	IdleLifetime time.Duration
	// ExpiresAt is when the grant expires in any case.
	ExpiresAt time.Time
	// SuspendedAt is set while the user is disabled.
	SuspendedAt time.Time
	// RevokedAt is when the grant was revoked, zero if it was not.
	RevokedAt time.Time
	// RevokeReason is one of the audit.RevokedBy constants, or empty.
	RevokeReason string
	Scope        oauth.Scope
	Audience     []string
	// AuthTime is when the subject authenticated.
	AuthTime time.Time
	// AMR is how the subject authenticated (RFC 8176).
	AMR         []string
	DeviceLabel string
	IP          string
	CreatedAt   time.Time
	// Claims are the extra claims of a minted grant. They are nil for every
	// other grant.
	Claims map[string]any
}

// A State is the state of a grant at one time.
type State string

// The states. A suspended grant may become active again. A revoked or expired
// grant has ended.
const (
	StateActive    State = "active"
	StateSuspended State = "suspended"
	StateRevoked   State = "revoked"
	StateExpired   State = "expired"
)

// State returns the state of the grant at now.
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

// EndsAt returns when the grant expires if it is not refreshed.
func (g Grant) EndsAt() time.Time {
	if idle := g.RotatedAt.Add(g.IdleLifetime); idle.Before(g.ExpiresAt) {
		return idle
	}
	return g.ExpiresAt
}

// AsStored returns the grant without the effect of a restore on its idle
// lifetime. A token that is not ahead of the row is decided by it.
func (g Grant) AsStored() Grant {
	if !g.StoredRotatedAt.IsZero() {
		g.RotatedAt = g.StoredRotatedAt
	}
	return g
}

// ExpiresIn returns how long the current refresh token is still valid at now.
func (g Grant) ExpiresIn(now time.Time) time.Duration {
	return max(g.EndsAt().Sub(now), 0)
}

// A Filter selects grants of a subject.
type Filter struct {
	// Subject is the subject of the grants. It is never empty.
	Subject string
	// ClientID selects the grants to one client. Empty selects all clients.
	ClientID string
	// NotEndedAt selects the grants that are neither revoked nor, at that time,
	// expired. The zero time selects all.
	NotEndedAt time.Time
	// After selects the grants that come after this position in a list. The
	// zero position selects all.
	After Position
	// Limit is the maximum number of grants.
	Limit int
}

// A Position is a place in a list of grants. A list begins with the newest
// grant. Of the grants that were created at the same time, it begins with the
// greatest id.
type Position struct {
	CreatedAt time.Time
	ID        oauth.GrantID
}

// Position returns the position of the grant in a list.
func (g Grant) Position() Position { return Position{g.CreatedAt, g.ID} }

// IsZero reports whether the position is the beginning of a list.
func (p Position) IsZero() bool { return p == Position{} }

// String returns the position as ParsePosition reads it.
func (p Position) String() string {
	return strconv.FormatInt(p.CreatedAt.UnixMicro(), 10) + "." + p.ID.String()
}

var errPosition = oauth.Fail(oauth.InvalidRequest, "The position in the list is malformed.")

// ParsePosition reads a position that String has written.
func ParsePosition(text string) (Position, error) {
	at, id, ok := strings.Cut(text, ".")
	micros, err := strconv.ParseInt(at, 10, 64)
	if !ok || err != nil {
		return Position{}, errPosition
	}
	p := Position{CreatedAt: time.UnixMicro(micros).UTC()}
	if p.ID, err = oauth.ParseGrantID(id); err != nil {
		return Position{}, errPosition
	}
	return p, nil
}

// A Page is a part of a list of grants.
type Page struct {
	Grants []Grant
	// Next is where the next page begins. It is the zero position if there is
	// no next page. A page with a next page may have fewer grants than the
	// limit, or none.
	Next Position
}
