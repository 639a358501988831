package grant

import (
	"context"
	"time"

	"github.com/signetd/signet/internal/oauth"
)

// Store stores grants. Every method is one whole state change or one consistent
// read. An error that is an oauth.Code is an answer of the store. Every other
// error means that the store did not answer. Times have microseconds. Each
// write is durable on return, also on a replicated cluster, unless its comment
// says otherwise.
type Store interface {
	// CreateGrant inserts the grant if its user exists, is enabled and still
	// has that epoch, and if its client exists and was created at
	// ClientCreatedAt. A client with another time was created after the
	// caller's client was deleted. If ClientCreatedAt is zero, the client must
	// not have been deleted within the last minute. Otherwise the method
	// returns oauth.InvalidGrant and writes nothing. The store sets CreatedAt.
	// If limit is not zero, it counts the user's live grants to the client.
	CreateGrant(ctx context.Context, g Grant, epoch int64, limit int) (Created, error)
	// MintGrant inserts the grant if its client is as for CreateGrant.
	// Otherwise it returns oauth.InvalidGrant. Its subject need not be a user.
	// The store sets CreatedAt.
	MintGrant(ctx context.Context, g Grant) (Created, error)
	// Grant returns the grant of that id, or oauth.NotFound.
	Grant(ctx context.Context, id oauth.GrantID) (Grant, error)
	// Grants returns a page of the grants that the filter selects, the newest
	// first. It examines at most MaxExamined grants of the subject.
	Grants(ctx context.Context, f Filter) (Page, error)
	// RefreshGrant decides a refresh attempt by the row of its grant,
	// atomically. Decisions about one grant are serialized: of any number of
	// attempts with the current token, exactly one gets Rotated. What Rotated
	// and Ahead write survives a crash of the process. What Reused writes is
	// durable. An attempt may be decided even if its context ends early.
	RefreshGrant(ctx context.Context, a RefreshAttempt) (RefreshResult, error)
	// TouchGrant sets RotatedAt to at, if that is later, so that the idle
	// lifetime begins again. It does so only for a grant that is active at that
	// time by its row: a restore does not extend the idle lifetime. Otherwise
	// it changes nothing and returns nil. It changes nothing else of the grant.
	// It does not wait for a lock on the grant: if the grant is being changed,
	// its time may stay as it is. It need not be durable, and may be lost with
	// a crash.
	TouchGrant(ctx context.Context, id oauth.GrantID, at time.Time) error
	// RevokeGrant revokes the grant if it belongs to the client (to any client
	// if clientID is empty) and is not revoked yet. It returns the row as it
	// then is, and changed true if this call revoked it. It returns
	// oauth.NotFound for a missing grant and for a grant of another client.
	RevokeGrant(
		ctx context.Context, id oauth.GrantID, clientID, reason string, now time.Time,
	) (g Grant, changed bool, err error)
	// RevokeGrants revokes the grants that the ending selects: it stores the
	// ending, whatever their number. No refresh that begins after it returns
	// rotates one of them, and every method returns them as revoked. If the
	// ending concerns all clients and grants of a user created until now, it
	// increases the user's epoch, so that no login in progress creates a grant.
	RevokeGrants(ctx context.Context, e Ending) (Ended, error)
	// RevokeOldest revokes the user's least recently used live grants to the
	// client, at most MaxOldest of them, so that limit remain. If there is a
	// grant of the id keep, it neither counts nor revokes grants that were
	// created later, and does not revoke that grant. So of concurrent logins,
	// no two revoke each other's grants. It returns the grants that it revoked.
	RevokeOldest(ctx context.Context, userID, clientID string, keep oauth.GrantID, limit int, reason string) (
		[]Grant, error)
}

// MaxExamined is the maximum number of grants that Store.Grants examines.
const MaxExamined = 1000

// MaxOldest is the maximum number of grants that Store.RevokeOldest revokes.
const MaxOldest = 100

// EndingStore writes pending endings into the grants.
type EndingStore interface {
	// ApplyEndings continues with the pending endings that are due, in one
	// transaction. It examines at most about limit grants, and revokes those
	// that an ending selects and whose absolute lifetime did not end more than
	// a day ago. It deletes an ending after a scan of the grants that began at
	// least delay after the ending and that revoked none. Several servers may
	// call it at the same time.
	ApplyEndings(ctx context.Context, limit int, delay time.Duration) (AppliedEndings, error)
}

// SweepStore deletes rows that are no longer needed.
type SweepStore interface {
	// SweepGrants examines the first limit grants whose ids sort after after.
	// It counts those that are active at now, and deletes those whose lifetime,
	// idle or absolute, ended at endedBy or before, revoked or not. The zero
	// endedBy deletes none. It does not wait for a lock on a grant: it uses the
	// new state of a grant that is being changed, or skips it until the next
	// sweep.
	SweepGrants(ctx context.Context, after oauth.GrantID, limit int, now, endedBy time.Time) (SweepBatch, error)
	// SweepAssertions deletes at most limit used assertions that expired at now
	// or before, and returns how many it deleted.
	SweepAssertions(ctx context.Context, now time.Time, limit int) (int, error)
	// SweepAttempts deletes at most limit counters of login attempts that have
	// drained at now or before, and returns how many it deleted. A drained
	// counter has the same effect as none.
	SweepAttempts(ctx context.Context, now time.Time, limit int) (int, error)
}
