package oauth

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"
)

// A GrantID names a grant: the row's key, the grant_id of answers and the sid claim. It is computed from the secret
// handle that only refresh tokens carry, so that it yields no refresh token itself.
type GrantID [16]byte

// A Handle is the secret part of a grant's refresh tokens.
type Handle [16]byte

// GrantID returns the id of the grant that the handle belongs to: its SHA-256, cut to 128 bits.
func (h Handle) GrantID() GrantID {
	sum := sha256.Sum256(h[:])
	return GrantID(sum[:16])
}

// String returns 32 lower-case hexadecimal digits.
func (id GrantID) String() string {
	var text [2 * len(id)]byte
	hex.Encode(text[:], id[:])
	return string(text[:])
}

var errGrantID = Fail(InvalidRequest, "A grant id has 32 lower-case hexadecimal digits.")

// ParseGrantID reads what GrantID.String wrote, and nothing else.
func ParseGrantID(text string) (GrantID, error) {
	var id GrantID
	if len(text) != hex.EncodedLen(len(id)) || strings.Trim(text, "0123456789abcdef") != "" {
		return id, errGrantID
	}
	if _, err := hex.Decode(id[:], []byte(text)); err != nil {
		return GrantID{}, errGrantID
	}
	return id, nil
}

// A Grant is one login's authorization to one client; all refresh tokens of that login belong to it. There is one row per
// grant, never one per token.
type Grant struct {
	ID GrantID
	// UserID is the subject: a user of ours, or whom a client that may mint subjects named.
	UserID   string
	ClientID string
	// Generation is that of the one refresh token which moves the grant on.
	Generation uint32
	// KeyHash is the hash of the idempotency key that came with the request which moved the grant; nil for none.
	KeyHash []byte
	// MACKey is the id of the MAC key under which the current generation's refresh token is made.
	MACKey string
	// MovedAt is when the generation last rose, in store time.
	MovedAt time.Time
	// IdleLifetime is how long after MovedAt the grant ends, in whole seconds; ExpiresAt is when it ends in any case.
	IdleLifetime time.Duration
	ExpiresAt    time.Time
	// SuspendedAt is set while the user is disabled; zero means it is not suspended.
	SuspendedAt time.Time
	// RevokedAt is when the grant was ended, zero if it was not, and RevokeReason says by what.
	RevokedAt    time.Time
	RevokeReason string
	Scope        Scope
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

// The reasons for which a grant is revoked.
const (
	RevokedByClient   = "client"          // the client asked (RFC 7009)
	RevokedByReuse    = "reuse"           // a superseded refresh token was presented (RFC 9700 §4.14.2)
	RevokedByAdmin    = "admin"           // an operator asked
	RevokedByPassword = "password_change" // the password was set or changed
	RevokedByDeletion = "deletion"        // the user or the client was deleted
)

// A GrantState is what a grant is worth at a moment.
type GrantState string

// The states. A suspended grant may become active again; a revoked or expired one has ended.
const (
	GrantActive    GrantState = "active"
	GrantSuspended GrantState = "suspended"
	GrantRevoked   GrantState = "revoked"
	GrantExpired   GrantState = "expired"
)

// State returns what the grant is worth at now.
func (g Grant) State(now time.Time) GrantState {
	switch {
	case !g.RevokedAt.IsZero():
		return GrantRevoked
	case !now.Before(g.EndsAt()):
		return GrantExpired
	case !g.SuspendedAt.IsZero():
		return GrantSuspended
	}
	return GrantActive
}

// EndsAt is when the grant expires if it is not refreshed.
func (g Grant) EndsAt() time.Time {
	if idle := g.MovedAt.Add(g.IdleLifetime); idle.Before(g.ExpiresAt) {
		return idle
	}
	return g.ExpiresAt
}

// A GrantFilter says which grants of a subject are meant.
type GrantFilter struct {
	// Subject is whose grants; it is never empty.
	Subject string
	// ClientID is the client's whose they are; empty means every client's.
	ClientID string
	// Unended, if it is not zero, leaves out those that are revoked, or expired at that moment.
	Unended time.Time
	// After is the id behind which the grants begin, and Limit how many there are at most.
	After GrantID
	Limit int
}

// A Presented is a refresh token that arrived, already known to be ours by its MAC.
type Presented struct {
	Grant      GrantID
	ClientID   string
	Generation uint32
	// KeyHash is the hash of the request's idempotency key; never empty, since a request without one gets a random one
	// for the server's own retries.
	KeyHash []byte
	// MACKey is the id of the MAC key that signs now; the row takes it over if the generation moves.
	MACKey string
	// Arrived and Deadline are in store time. Leeway and expiry are judged at Arrived; past Deadline nothing moves and
	// nothing is revoked.
	Arrived  time.Time
	Deadline time.Time
	Leeway   time.Duration
}

// An Outcome is what a store found when a refresh token was presented: one row of the table in docs/protocol.md.
type Outcome string

// The outcomes. Only Moved, Repeated, SecondTab and Ahead leave the grant alive with an answer.
const (
	// Moved: the token was the current one; the generation rose.
	Moved Outcome = "moved"
	// Repeated: one behind, with the key that moved the grant; the answer had been lost.
	Repeated Outcome = "repeated"
	// SecondTab: one behind, with another key or none, within the leeway.
	SecondTab Outcome = "second_tab"
	// Ahead: the store had lost its tail; the grant went forward from the presented generation.
	Ahead Outcome = "ahead"
	// Reused: a superseded token; the statement that found it revoked the grant.
	Reused Outcome = "reused"
	// OtherClient, Suspended, Revoked and Expired: refused, nothing written.
	OtherClient Outcome = "other_client"
	Suspended   Outcome = "suspended"
	Revoked     Outcome = "revoked"
	Expired     Outcome = "expired"
	// Missing: there is no such row.
	Missing Outcome = "missing"
	// Late: the deadline had passed before the statement ran; nothing was decided.
	Late Outcome = "late"
)

// Alive says whether the outcome is answered with tokens.
func (o Outcome) Alive() bool {
	return o == Moved || o == Repeated || o == SecondTab || o == Ahead
}

// A Verdict answers one Presented. Grant is the row as the statement left it; it is zero for Missing, and for Late
// nothing but the id is promised.
type Verdict struct {
	Outcome Outcome
	Grant   Grant
}
