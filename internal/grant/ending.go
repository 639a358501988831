package grant

import (
	"time"

	"github.com/signetd/signet/internal/oauth"
)

// An Ending is an act that revokes many grants. It is pending until a worker
// has written it into each of them.
type Ending struct {
	// Subject and ClientID select the grants of a subject, those to a client,
	// or those of a subject to a client. One of them may be empty.
	Subject, ClientID string
	// Except is the id of a grant that is not revoked. The zero id excepts
	// none.
	Except oauth.GrantID
	// Reason is one of the audit.RevokedBy constants.
	Reason string
	// Actor is the name of the actor in the audit event.
	Actor string
	// CreatedUntil selects the grants that were created until then, by the
	// store's clock. The zero time selects all grants that exist.
	CreatedUntil time.Time
}

// Ended is the result of an act that revokes or suspends many grants.
type Ended struct {
	// Live is how many live grants the act concerns. It is counted to at most
	// MaxCounted, among at most MaxCountExamined grants of the subject.
	Live int
	// At is the time of the act, by the store's clock. The act concerns the
	// grants that were created until then.
	At time.Time
}

// The limits of the count of live grants.
const (
	MaxCounted       = 1000
	MaxCountExamined = 10_000
)

// Created is the result of the creation of a grant.
type Created struct {
	// At is CreatedAt of the grant.
	At time.Time
	// Live is how many live grants the user has at the client, with the new
	// one. It is counted to at most limit+1, among at most MaxCountExamined
	// grants of the user. It is zero if there is no limit.
	Live int
}

// AppliedEndings is the result of one call of ApplyEndings.
type AppliedEndings struct {
	// Examined is how many grants the call examined.
	Examined int
	// Revoked is how many of them it revoked.
	Revoked int
	// Continued is how many endings it worked on.
	Continued int
	// Done is how many of them it deleted, because nothing is left to revoke.
	Done int
}
