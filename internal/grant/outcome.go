package grant

import (
	"time"

	"github.com/signetd/signet/internal/oauth"
)

// A RefreshAttempt is a refresh request whose token has a valid MAC.
type RefreshAttempt struct {
	Grant      oauth.GrantID
	ClientID   string
	Generation uint32
	// KeyHash is the hash of the idempotency key. It is never zero: a request
	// without a key has a random one, for the server's own retry.
	KeyHash oauth.Digest
	// MACKey is the id of the current MAC key. The store writes it to the row
	// if it increases the generation.
	MACKey string
	// ReceivedAt is when the store received the attempt, by the store's clock.
	// The store compares the leeway and the expiry with it.
	ReceivedAt time.Time
	// Waited is how long the request had waited in the server by then. This
	// time does not count against the idle lifetime. Leeway and RetryWindow
	// include it.
	Waited time.Duration
	// Deadline is the time, by the store's clock, after which the store neither
	// rotates nor revokes the grant.
	Deadline time.Time
	// Leeway is how long after a rotation the previous token is accepted with
	// another idempotency key.
	Leeway time.Duration
	// RetryWindow is how long after a rotation the previous token is accepted
	// with the idempotency key that rotated the grant.
	RetryWindow time.Duration
	// Audience are the audiences for which the caller can issue a token. The
	// store rotates a grant only if all its audiences are among them.
	Audience []string
}

// An Outcome is the result of a refresh attempt.
type Outcome string

// The outcomes that a store decides. Each is one row of the table in
// docs/protocol.md.
const (
	// Rotated means that the token was the current one. The store increased the
	// generation.
	Rotated Outcome = "rotated"
	// Retried means that the token was the previous one, with the idempotency
	// key that rotated the grant, within the retry window. The client did not
	// receive the first response.
	Retried Outcome = "retried"
	// WithinLeeway means that the token was the previous one, with another key
	// or none, within the leeway.
	WithinLeeway Outcome = "within_leeway"
	// Ahead means that the token was newer than the row, because the store had
	// lost its last writes. The store set the generation of the row to that of
	// the token.
	Ahead Outcome = "ahead"
	// Reused means that the token was superseded. The store revoked the grant.
	Reused Outcome = "reused"
	// OtherClient means that the grant belongs to another client.
	OtherClient Outcome = "other_client"
	// Suspended means that the user is disabled.
	Suspended Outcome = "suspended"
	// Revoked means that the grant was revoked before.
	Revoked Outcome = "revoked"
	// Expired means that the grant has expired.
	Expired Outcome = "expired"
	// Missing means that there is no such grant.
	Missing Outcome = "missing"
	// Late means that the deadline passed before the store could decide. It
	// changed nothing.
	Late Outcome = "late"
	// Unchecked means that the store did not rotate the grant, because it has
	// an audience that is not in RefreshAttempt.Audience. It changed nothing.
	// The caller checks the grant and tries again, or refuses the request.
	Unchecked Outcome = "unchecked"
)

// The outcomes of requests whose attempt did not reach the store.
const (
	// Current means that the token is the current one, shown again with the key
	// that rotated the grant less than SameKeyGrace ago. Nothing changed.
	Current Outcome = "current"
	// Invalid means that the refresh token is malformed or has an invalid MAC.
	Invalid Outcome = "invalid"
	// UnknownKey means that the refresh token names an unknown, destroyed or
	// compromised MAC key.
	UnknownKey Outcome = "unknown_key"
	// Unavailable means that the store or the key ring was not available.
	Unavailable Outcome = "unavailable"
)

// Outcomes are the outcomes of requests. A request is Unchecked if the check
// refuses it. The metrics have a series for each.
var Outcomes = []Outcome{
	Rotated, Current, Retried, WithinLeeway, Ahead, Reused, OtherClient, Suspended, Revoked, Expired, Missing, Late,
	Unchecked, Invalid, UnknownKey, Unavailable,
}

// Accepted reports whether the server responds to the attempt with tokens.
func (o Outcome) Accepted() bool {
	return o == Rotated || o == Current || o == Retried || o == WithinLeeway || o == Ahead
}

// PromptRetry is how long after a rotation a retry is nothing to report: the
// second tab of a browser sends one, for example.
const PromptRetry = 10 * time.Second

// A RefreshResult is the result of one RefreshAttempt.
type RefreshResult struct {
	Outcome Outcome
	// Grant is the row as the statement left it. It is zero for Missing. For
	// Late only the id is set.
	Grant Grant
	// LateRetry is true for the first Retried that comes longer after the
	// rotation than the leeway and than PromptRetry.
	LateRetry bool
}

// A SweepBatch is the result of one batch of a sweep. The batches of a sweep
// cover all grants in the order of their ids.
type SweepBatch struct {
	// Last is the greatest id of the batch, zero if it was empty. The next
	// batch begins after it.
	Last oauth.GrantID
	// Examined is the number of grants that the batch examined.
	Examined int
	// Live is how many of them were active: neither revoked, suspended nor
	// expired.
	Live int
	// Deleted is how many of them were deleted, because they had ended long
	// ago.
	Deleted int
}
