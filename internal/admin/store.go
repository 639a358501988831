package admin

import (
	"context"
	"time"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/login"
	"github.com/signetd/signet/internal/oauth"
)

// Store stores users, clients and audiences. Every method is one transaction
// and durable on return, also on a replicated cluster. A change of a client or
// an audience raises the version of the directory in the same transaction. An
// error that is an oauth.Code is an answer of the store: oauth.NotFound for a
// name or an id that does not exist. Every other error means that the store did
// not answer, except client.ErrRaced.
type Store interface {
	UserStore
	LockStore
	ClientStore
	AudienceStore
	DirectoryStore
	GrantStore
	RevocationStore
	VerifierStore
}

// UserStore stores users.
type UserStore interface {
	// CreateUser inserts the user. It returns oauth.AlreadyExists if the name
	// or the id is taken, and client.ErrIDTaken if a client has the id.
	CreateUser(ctx context.Context, u login.User) error
	// User returns the user of that canonical name, or oauth.NotFound.
	User(ctx context.Context, username string) (login.User, error)
	// UserByID returns the user of that id, or oauth.NotFound.
	UserByID(ctx context.Context, id string) (login.User, error)
	// Users returns at most limit users whose names sort after after, bytewise,
	// by name.
	Users(ctx context.Context, after string, limit int) ([]login.User, error)
	// SetPassword replaces the password hash and raises the epoch. It revokes
	// the user's grants with the reason audit.RevokedByPassword. actor is the
	// name of the actor in the audit event, also in the methods below.
	SetPassword(ctx context.Context, username, hash, actor string) (grant.Ended, error)
	// SetClaims replaces the user's claims. Grants stay.
	SetClaims(ctx context.Context, username string, claims map[string]any) error
	// DeleteUser deletes the user and revokes their grants with the reason
	// audit.RevokedByDeletion.
	DeleteUser(ctx context.Context, username, actor string) (grant.Ended, error)
}

// LockStore disables, enables and unlocks users.
type LockStore interface {
	// DisableUser sets DisabledAt and raises the epoch. It suspends the user's
	// grants. It changes nothing for a user who is disabled.
	DisableUser(ctx context.Context, username, actor string) (grant.Ended, error)
	// EnableUser clears DisabledAt and raises the epoch. It ends the suspension
	// of all the user's grants. It changes nothing for a user who is not
	// disabled.
	EnableUser(ctx context.Context, username string) error
	// DeleteAttempts deletes all counters of login attempts of an owner, which
	// is the login.AttemptOwner of a user. There may be none.
	DeleteAttempts(ctx context.Context, owner [16]byte) error
}

// ClientStore stores clients.
type ClientStore interface {
	// Directory reads all clients and audiences as of one version, sorted by
	// id.
	Directory(ctx context.Context) (client.Directory, error)
	// CreateClient inserts the client. It returns oauth.AlreadyExists if the id
	// is taken, and login.ErrIDTaken if a user has it.
	CreateClient(ctx context.Context, c client.Client) error
	// UpdateClient reads the client, calls edit to change it, and writes it
	// back. Updates of one client are serialized. If edit returns an error,
	// UpdateClient returns that error and writes nothing. edit may be called
	// more than once.
	UpdateClient(ctx context.Context, id string, edit func(*client.Client) error) error
	// DeleteClient deletes the client and revokes its grants with the reason
	// audit.RevokedByDeletion.
	DeleteClient(ctx context.Context, id, actor string) error
}

// DirectoryStore changes many clients and audiences together.
type DirectoryStore interface {
	// ChangeDirectory makes all changes if the directory still has their
	// version. Otherwise it makes none and returns client.ErrRaced. It returns
	// login.ErrIDTaken if a user has the id of a new client. It revokes the
	// grants of deleted clients, as DeleteClient does.
	ChangeDirectory(ctx context.Context, c client.Changes, actor string) error
}

// AudienceStore stores audiences.
type AudienceStore interface {
	// CreateAudience inserts the audience. It returns oauth.AlreadyExists if
	// the id is taken.
	CreateAudience(ctx context.Context, a client.Audience) error
	// UpdateAudience changes an audience as UpdateClient changes a client.
	UpdateAudience(ctx context.Context, id string, edit func(*client.Audience) error) error
	// DeleteAudience deletes the audience. Grants stay.
	DeleteAudience(ctx context.Context, id string) error
}

// GrantStore lists and revokes grants.
type GrantStore interface {
	// Grant returns the grant of that id, or oauth.NotFound.
	Grant(ctx context.Context, id oauth.GrantID) (grant.Grant, error)
	// Grants returns a page of the grants that the filter selects, the newest
	// first.
	Grants(ctx context.Context, f grant.Filter) (grant.Page, error)
	// RevokeGrants revokes the grants that the ending selects, as grant.Store
	// says.
	RevokeGrants(ctx context.Context, e grant.Ending) (grant.Ended, error)
	// RevokeGrant revokes one grant, as grant.Store says. It returns
	// oauth.NotFound if there is none of that id.
	RevokeGrant(
		ctx context.Context, id oauth.GrantID, clientID, reason string, now time.Time,
	) (g grant.Grant, changed bool, err error)
}

// RevocationStore writes and reads the revocation log.
type RevocationStore interface {
	// AddRevocations writes entries, as grant.LogStore says.
	AddRevocations(ctx context.Context, entries []grant.Revocation) (time.Time, error)
	// Revocations returns a part of the log, as grant.LogStore says.
	Revocations(ctx context.Context, from int64, limit int) (grant.LogPage, error)
}
