package admin

import (
	"context"
	"time"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/login"
	"github.com/signetd/signet/internal/oauth"
)

// Store keeps users, clients and audiences for administration. Every method is one transaction, durable on return (also on
// a replicated cluster). Changes of clients and audiences raise the directory's version in the same transaction. An error
// that is an oauth.Code is knowledge, oauth.NotFound for a name or id that does not exist; every other error means that the
// store could not be asked.
type Store interface {
	// CreateUser inserts the user; oauth.AlreadyExists if the name or the id is taken.
	CreateUser(ctx context.Context, u login.User) error
	// User returns the user of that canonical name, or oauth.NotFound.
	User(ctx context.Context, username string) (login.User, error)
	// UserByID returns the user of that id, or oauth.NotFound.
	UserByID(ctx context.Context, id string) (login.User, error)
	// Users returns at most limit users whose names sort (bytewise) after after, by name.
	Users(ctx context.Context, after string, limit int) ([]login.User, error)
	// DisableUser sets DisabledAt if it is not set, raises the epoch and suspends the user's grants that are neither
	// suspended nor revoked. It changes nothing for a user who is disabled already.
	DisableUser(ctx context.Context, username string, now time.Time) error
	// EnableUser undoes it: it clears DisabledAt, raises the epoch and lifts the suspension of all the user's grants. It
	// changes nothing for a user who is not disabled.
	EnableUser(ctx context.Context, username string) error
	// SetPassword replaces the password hash, raises the epoch and revokes the user's grants that are not revoked, for
	// audit.RevokedByPassword.
	SetPassword(ctx context.Context, username, hash string, now time.Time) error
	// SetClaims replaces the user's claims. Grants stay.
	SetClaims(ctx context.Context, username string, claims map[string]any) error
	// DeleteAttempts deletes all counters of an owner, as throttle.Owner names it; there may be none.
	DeleteAttempts(ctx context.Context, owner [16]byte) error
	// DeleteUser deletes the user and revokes their grants for audit.RevokedByDeletion.
	DeleteUser(ctx context.Context, username string, now time.Time) error

	// Directory reads all clients and audiences as of one version, sorted by id.
	Directory(ctx context.Context) (client.Directory, error)
	// CreateClient inserts the client; oauth.AlreadyExists if the id is taken.
	CreateClient(ctx context.Context, c client.Client) error
	// UpdateClient reads the client, lets edit change it, and writes it back, serialized against every other update of
	// it. An error from edit is returned and nothing is written. edit may run more than once.
	UpdateClient(ctx context.Context, id string, edit func(*client.Client) error) error
	// DeleteClient deletes the client and revokes its grants for audit.RevokedByDeletion.
	DeleteClient(ctx context.Context, id string, now time.Time) error
	// CreateAudience inserts the audience; oauth.AlreadyExists if the id is taken.
	CreateAudience(ctx context.Context, a client.Audience) error
	// UpdateAudience edits an audience as UpdateClient edits a client.
	UpdateAudience(ctx context.Context, id string, edit func(*client.Audience) error) error
	// DeleteAudience deletes the audience. No grant is touched.
	DeleteAudience(ctx context.Context, id string) error

	// Grant returns the grant of that id, or oauth.NotFound.
	Grant(ctx context.Context, id oauth.GrantID) (grant.Grant, error)
	// Grants returns the grants that the filter means, by id.
	Grants(ctx context.Context, f grant.Filter) ([]grant.Grant, error)
	// RevokeGrants ends a subject's grants, as issuer.Store has it.
	RevokeGrants(ctx context.Context, subject, clientID string, except oauth.GrantID, reason string, now time.Time) (int, error)
	// RevokeGrant ends one grant, as issuer.Store has it; oauth.NotFound if there is none of that id.
	RevokeGrant(ctx context.Context, id oauth.GrantID, clientID, reason string, now time.Time) (g grant.Grant, changed bool, err error)
}
