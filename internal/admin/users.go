package admin

import (
	"context"
	"errors"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/login"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/password"
	"github.com/signetd/signet/internal/throttle"
)

// CreateUser makes an account. The name gets its one spelling; a name that is taken is already_exists.
func (a *Admin) CreateUser(ctx context.Context, by audit.Actor, name, secret string, claims map[string]any) (login.User, error) {
	name, err := login.CanonicalUsername(name)
	if err != nil {
		return login.User{}, err
	}
	if err := oauth.CheckClaims(claims); err != nil {
		return login.User{}, err
	}
	hash, err := a.hash(ctx, name, secret)
	if err != nil {
		return login.User{}, err
	}
	u := login.User{
		ID: newUserID(), Username: name, PasswordHash: hash, Claims: claims, CreatedAt: a.time(),
	}
	return u, a.done(by, audit.Event{Name: audit.UserCreated, Subject: u.ID}, a.store.CreateUser(ctx, u))
}

// hash returns what is stored of a new password of the user of that name.
func (a *Admin) hash(ctx context.Context, name, secret string) (string, error) {
	if err := a.policy.Check(secret, name); err != nil {
		return "", oauth.Fail(oauth.InvalidRequest, err.Error())
	}
	hash, err := a.passwords.Hash(ctx, secret)
	if busy, ok := errors.AsType[*password.Busy](err); ok {
		return "", &oauth.Error{
			Code: oauth.SlowDown, Sentence: "Too many passwords at once; try again.", Cause: err, RetryAfter: busy.RetryAfter,
		}
	}
	return hash, err
}

// User returns the account of that name, or not_found.
func (a *Admin) User(ctx context.Context, name string) (login.User, error) {
	name, err := login.CanonicalUsername(name)
	if err != nil {
		return login.User{}, err
	}
	u, err := a.store.User(ctx, name)
	return u, oauth.FromStore(err)
}

// Users returns at most limit accounts, by name, beginning behind after.
func (a *Admin) Users(ctx context.Context, after string, limit int) ([]login.User, error) {
	users, err := a.store.Users(ctx, after, limit)
	return users, oauth.FromStore(err)
}

// DisableUser refuses the user's logins and suspends their grants. EnableUser undoes both.
func (a *Admin) DisableUser(ctx context.Context, by audit.Actor, name string) error {
	u, err := a.User(ctx, name)
	if err != nil {
		return err
	}
	return a.done(by, audit.Event{Name: audit.UserDisabled, Subject: u.ID}, a.store.DisableUser(ctx, u.Username, a.time()))
}

// EnableUser lets the user log in again and lifts the suspension of their grants.
func (a *Admin) EnableUser(ctx context.Context, by audit.Actor, name string) error {
	u, err := a.User(ctx, name)
	if err != nil {
		return err
	}
	return a.done(by, audit.Event{Name: audit.UserEnabled, Subject: u.ID}, a.store.EnableUser(ctx, u.Username))
}

// UnlockUser forgets the failed logins of the user, so that the next ones are not throttled.
func (a *Admin) UnlockUser(ctx context.Context, by audit.Actor, name string) error {
	u, err := a.User(ctx, name)
	if err != nil {
		return err
	}
	return a.done(by, audit.Event{Name: audit.UserUnlocked, Subject: u.ID}, a.store.DeleteAttempts(ctx, throttle.Owner(u.ID)))
}

// SetPassword replaces the password and revokes the user's grants.
func (a *Admin) SetPassword(ctx context.Context, by audit.Actor, name, secret string) error {
	u, err := a.User(ctx, name)
	if err != nil {
		return err
	}
	hash, err := a.hash(ctx, u.Username, secret)
	if err != nil {
		return err
	}
	return a.done(by, audit.Event{Name: audit.PasswordSet, Subject: u.ID}, a.store.SetPassword(ctx, u.Username, hash, a.time()))
}

// SetClaims replaces the user's claims. Tokens that are made from now on carry them.
func (a *Admin) SetClaims(ctx context.Context, by audit.Actor, name string, claims map[string]any) error {
	u, err := a.User(ctx, name)
	if err != nil {
		return err
	}
	if err := oauth.CheckClaims(claims); err != nil {
		return err
	}
	return a.done(by, audit.Event{Name: audit.ClaimsSet, Subject: u.ID}, a.store.SetClaims(ctx, u.Username, claims))
}

// DeleteUser deletes the account and revokes its grants.
func (a *Admin) DeleteUser(ctx context.Context, by audit.Actor, name string) error {
	u, err := a.User(ctx, name)
	if err != nil {
		return err
	}
	return a.done(by, audit.Event{Name: audit.UserDeleted, Subject: u.ID}, a.store.DeleteUser(ctx, u.Username, a.time()))
}

// Grants returns at most limit grants of the user, by id, beginning behind after; the ended ones too.
func (a *Admin) Grants(ctx context.Context, name string, after oauth.GrantID, limit int) ([]grant.Grant, error) {
	u, err := a.User(ctx, name)
	if err != nil {
		return nil, err
	}
	grants, err := a.store.Grants(ctx, grant.Filter{Subject: u.ID, After: after, Limit: limit})
	return grants, oauth.FromStore(err)
}

// RevokeGrants ends all grants of the user, and returns how many there were to end.
func (a *Admin) RevokeGrants(ctx context.Context, by audit.Actor, name string) (int, error) {
	u, err := a.User(ctx, name)
	if err != nil {
		return 0, err
	}
	n, err := a.store.RevokeGrants(ctx, u.ID, "", oauth.GrantID{}, audit.RevokedByAdmin, a.time())
	return n, a.done(by, audit.Event{Name: audit.GrantRevoked, Subject: u.ID, Reason: audit.RevokedByAdmin, Count: n}, err)
}

// RevokeGrant ends one grant, whoever's it is; not_found if there is none of that id.
func (a *Admin) RevokeGrant(ctx context.Context, by audit.Actor, id oauth.GrantID) error {
	g, changed, err := a.store.RevokeGrant(ctx, id, "", audit.RevokedByAdmin, a.time())
	e := audit.Event{Name: audit.GrantRevoked, Subject: g.UserID, Grant: id.String(), Reason: audit.RevokedByAdmin}
	if changed {
		e.Count = 1
	}
	return a.done(by, e, err) // also if it had ended before: that may not have been written
}
