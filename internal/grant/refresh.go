package grant

import (
	"time"

	"github.com/signetd/signet/internal/oauth"
)

// A RefreshAttempt is a refresh token that arrived, already known to be ours by its MAC.
type RefreshAttempt struct {
	Grant      oauth.GrantID
	ClientID   string
	Generation uint32
	// KeyHash is the hash of the request's idempotency key; never empty, since a request without one gets a random one
	// for the server's own retries.
	KeyHash []byte
	// MACKey is the id of the MAC key that signs now; the row takes it over if the generation moves.
	MACKey string
	// ReceivedAt and Deadline are in store time. Leeway and expiry are judged at ReceivedAt; past Deadline nothing moves and
	// nothing is revoked.
	ReceivedAt time.Time
	Deadline   time.Time
	Leeway     time.Duration
}

// An Outcome is what a store found when a refresh token was presented: one row of the table in docs/protocol.md.
type Outcome string

// The outcomes. Only Rotated, Retried, WithinGrace and Ahead leave the grant alive with an answer.
const (
	// Rotated: the token was the current one; the generation rose.
	Rotated Outcome = "moved"
	// Retried: one behind, with the key that moved the grant; the answer had been lost.
	Retried Outcome = "repeated"
	// WithinGrace: one behind, with another key or none, within the leeway.
	WithinGrace Outcome = "second_tab"
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

// Accepted says whether the outcome is answered with tokens.
func (o Outcome) Accepted() bool {
	return o == Rotated || o == Retried || o == WithinGrace || o == Ahead
}

// A RefreshResult answers one Presented. Grant is the row as the statement left it; it is zero for Missing, and for Late
// nothing but the id is promised.
type RefreshResult struct {
	Outcome Outcome
	Grant   Grant
}
