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
	// has that epoch. Otherwise it returns oauth.InvalidGrant and writes
	// nothing.
	CreateGrant(ctx context.Context, g Grant, epoch int64) error
	// MintGrant inserts the grant. Its subject need not be a user.
	MintGrant(ctx context.Context, g Grant) error
	// Grant returns the grant of that id, or oauth.NotFound.
	Grant(ctx context.Context, id oauth.GrantID) (Grant, error)
	// Grants returns the grants that the filter selects, sorted by id.
	Grants(ctx context.Context, f Filter) ([]Grant, error)
	// RefreshGrant decides a refresh attempt by the row of its grant,
	// atomically. Decisions about one grant are serialized: of any number of
	// attempts with the current token, exactly one gets Rotated. What Rotated
	// and Ahead write survives a crash of the process. An attempt may be
	// decided even if its context ends early.
	RefreshGrant(ctx context.Context, a RefreshAttempt) (RefreshResult, error)
	// RevokeGrant revokes the grant if it belongs to the client (to any client
	// if clientID is empty) and is not revoked yet. It returns the row as it
	// then is, and changed true if this call revoked it. It returns
	// oauth.NotFound for a missing grant and for a grant of another client.
	RevokeGrant(
		ctx context.Context, id oauth.GrantID, clientID, reason string, now time.Time,
	) (g Grant, changed bool, err error)
	// RevokeGrants revokes the subject's grants to the client (to any client if
	// clientID is empty) that are not revoked, except the grant of the id
	// except (the zero id excepts none). It returns the number of revoked
	// grants. If the subject is a user, it increases the user's epoch, so that
	// no login in progress, at any client, creates a grant.
	RevokeGrants(
		ctx context.Context, subject, clientID string, except oauth.GrantID, reason string, now time.Time,
	) (int, error)
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
