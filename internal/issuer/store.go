package issuer

import (
	"context"
	"time"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/login"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/throttle"
)

// Store keeps users, grants and the directory. Every method is one whole state change or one consistent read. An error
// that is an oauth.Code is knowledge; every other error means that the store could not be asked, and is never taken for an
// answer. Times that go in and come out have microseconds.
type Store interface {
	// DirectoryVersion reads the version of the clients and audiences and the store's clock. It is one small read.
	DirectoryVersion(ctx context.Context) (version int64, now time.Time, err error)
	// Directory reads all clients and audiences as of one version.
	Directory(ctx context.Context) (client.Directory, error)

	// User returns the user of that canonical name, or oauth.NotFound.
	User(ctx context.Context, username string) (login.User, error)
	// UserByID returns the user of that id, or oauth.NotFound.
	UserByID(ctx context.Context, id string) (login.User, error)
	// Rehash replaces the user's password hash if it is still old; otherwise it does nothing. Grants and the epoch stay.
	Rehash(ctx context.Context, userID, old, next string) error
	// ChangePassword replaces the user's password hash if the user is enabled and the hash is still old, raises the epoch and
	// revokes the user's grants that are not revoked, all but except (the zero id excepts none), for audit.RevokedByPassword;
	// else it returns oauth.InvalidGrant and writes nothing. It is durable on return, also on a replicated cluster.
	ChangePassword(ctx context.Context, userID, old, next string, except oauth.GrantID, now time.Time) error

	// ReserveAttempt lets the counters take one more guess, one after the other until one refuses, and returns how many took it.
	// Each takes and refuses as throttle.Counter.Take has it, and all guesses at one counter are serialized: of any number at
	// once it takes no more than it has left. There are one or two counters. A guess has its counters in the same order as
	// every other, an address or a device before an account.
	ReserveAttempt(ctx context.Context, counters []throttle.Counter, now time.Time) (taken int, err error)
	// RefundAttempt undoes a ReserveAttempt of that now, as far as the counters still exist: what it added is taken off, and
	// unless there was another guess since, the next wait counts from the guess before it.
	RefundAttempt(ctx context.Context, counters []throttle.Counter, now time.Time) error
	// SweepAttempts deletes at most limit counters that have drained at now or before, and returns how many it deleted. They
	// say no more than counters that do not exist.
	SweepAttempts(ctx context.Context, now time.Time, limit int) (int, error)

	// CreateGrant inserts the grant if its user exists, is enabled and still has that epoch; else it returns
	// oauth.InvalidGrant and writes nothing. It is durable on return, also on a replicated cluster.
	CreateGrant(ctx context.Context, g grant.Grant, epoch int64) error
	// MintGrant inserts the grant, whose subject need not be a user. It is durable on return, also on a replicated cluster.
	MintGrant(ctx context.Context, g grant.Grant) error
	// Grant returns the grant of that id, or oauth.NotFound.
	Grant(ctx context.Context, id oauth.GrantID) (grant.Grant, error)
	// Grants returns the grants that the filter means, by id.
	Grants(ctx context.Context, f grant.Filter) ([]grant.Grant, error)
	// RefreshGrant decides a presented refresh token by its grant's row, atomically. Decisions for one grant are serialized:
	// of any number of requests with the current token exactly one finds Moved. What Moved and Ahead write survives a crash
	// of the process. A request whose context ends while it is under way may be decided all the same.
	RefreshGrant(ctx context.Context, p grant.RefreshAttempt) (grant.RefreshResult, error)
	// RevokeGrant ends the grant if it belongs to the client (any client if clientID is empty) and is not revoked yet,
	// and returns the row as it stands then, with changed true if this call ended it. Missing grants and those of other
	// clients are oauth.NotFound. It is durable on return, also on a replicated cluster.
	RevokeGrant(ctx context.Context, id oauth.GrantID, clientID, reason string, now time.Time) (g grant.Grant, changed bool, err error)
	// RevokeGrants revokes the subject's grants to the client (to any client if clientID is empty) that are not revoked, all
	// but except (the zero id excepts none), and returns how many it revoked. If the subject is a user it raises the user's
	// epoch, so that no login which is still under way, at whatever client, ends in a grant. It is durable on return, also
	// on a replicated cluster.
	RevokeGrants(ctx context.Context, subject, clientID string, except oauth.GrantID, reason string, now time.Time) (int, error)

	// UseAssertion notes that the client has presented the assertion of that id, until expires; oauth.AlreadyExists if it
	// has been noted before. Of any number of calls with one id at once exactly one returns nil. It is durable on return.
	UseAssertion(ctx context.Context, clientID string, id []byte, expires time.Time) error
	// SweepAssertions forgets at most limit assertions that expired at now or before, and returns how many it forgot.
	SweepAssertions(ctx context.Context, now time.Time, limit int) (int, error)

	// SweepGrants looks at the first limit grants whose ids sort after after, tells how many are live at now, and deletes
	// those whose life, idle or absolute, ended at over or before, whether they were revoked or not; with the zero time none.
	// A grant that anybody changes at the same moment is judged as it then is, or left for the next walk. It waits for no
	// lock on a grant, and holds up the writers of other grants no longer than one slice takes.
	SweepGrants(ctx context.Context, after oauth.GrantID, limit int, now, over time.Time) (grant.SweepBatch, error)
}
