package admin

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/login"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/password"
)

// Accounts creates, changes and deletes users, and revokes their grants. A user
// is named by any spelling of the user name.
type Accounts struct {
	store interface {
		UserStore
		LockStore
		GrantStore
	}
	passwords *password.Hasher
	policy    password.Policy
	events    recorder
}

// CreateUser creates a user. It returns already_exists if the name is taken.
func (a *Accounts) CreateUser(
	ctx context.Context, by audit.Actor, name, secret string, claims map[string]any,
) (login.User, error) {
	name, err := a.newUsername(ctx, name)
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
		ID: newUserID(), Username: name, PasswordHash: hash, Claims: claims, CreatedAt: a.events.now(),
	}
	e := audit.Event{Name: audit.UserCreated, Subject: u.ID}
	return u, a.events.recordIfDone(ctx, by, e, a.store.CreateUser(ctx, u))
}

func newUserID() string { return oauth.UserIDPrefix + strings.ToLower(rand.Text()) }

// hash returns the hash of a new password for the user of that name. It rejects
// a password that the policy does not allow.
func (a *Accounts) hash(ctx context.Context, name, secret string) (string, error) {
	if err := a.policy.Check(secret, name); err != nil {
		return "", oauth.Fail(oauth.InvalidRequest, err.Error())
	}
	hash, err := a.passwords.Hash(ctx, secret)
	if busy, ok := errors.AsType[*password.BusyError](err); ok {
		return "", &oauth.Error{
			Code: oauth.SlowDown, Sentence: "Too many passwords at once; try again.",
			Cause: err, RetryAfter: busy.RetryAfter,
		}
	}
	return hash, err
}

// User returns the user of that name, or not_found. The user whose stored name
// is exactly that name comes first, so that a name from a list names the listed
// user.
func (a *Accounts) User(ctx context.Context, name string) (login.User, error) {
	names, err := login.StoredUsernames(name)
	if err != nil {
		return login.User{}, err
	}
	for _, stored := range slices.Compact(append([]string{name}, names...)) {
		u, err := a.store.User(ctx, stored)
		if !errors.Is(err, oauth.NotFound) {
			return u, oauth.FromStore(err)
		}
	}
	return login.User{}, oauth.NotFound
}

// newUsername returns the canonical form of the name of a new user. It returns
// already_exists if the name belongs to a user whom an earlier version stored.
func (a *Accounts) newUsername(ctx context.Context, name string) (string, error) {
	names, err := login.StoredUsernames(name)
	if err != nil {
		return "", err
	}
	if len(names) > 1 {
		_, err := a.User(ctx, name)
		switch {
		case err == nil:
			return "", oauth.AlreadyExists
		case !errors.Is(err, oauth.NotFound):
			return "", err
		}
	}
	return login.CanonicalUsername(name)
}

// Users returns at most limit users whose names sort after after, by name.
func (a *Accounts) Users(ctx context.Context, after string, limit int) ([]login.User, error) {
	users, err := a.store.Users(ctx, after, limit)
	return users, oauth.FromStore(err)
}

// DisableUser refuses the user's logins and suspends their grants.
func (a *Accounts) DisableUser(ctx context.Context, by audit.Actor, name string) error {
	u, err := a.User(ctx, name)
	if err != nil {
		return err
	}
	ended, err := a.store.DisableUser(ctx, u.Username, by.Name)
	return a.events.recordEnded(ctx, by, audit.Event{Name: audit.UserDisabled, Subject: u.ID}, ended, err)
}

// EnableUser undoes DisableUser: the user may log in again, and their grants
// are no longer suspended.
func (a *Accounts) EnableUser(ctx context.Context, by audit.Actor, name string) error {
	u, err := a.User(ctx, name)
	if err != nil {
		return err
	}
	e := audit.Event{Name: audit.UserEnabled, Subject: u.ID}
	return a.events.recordIfDone(ctx, by, e, a.store.EnableUser(ctx, u.Username))
}

// UnlockUser deletes the counters of the user's failed and successful logins,
// so that the next login is not throttled.
func (a *Accounts) UnlockUser(ctx context.Context, by audit.Actor, name string) error {
	u, err := a.User(ctx, name)
	if err != nil {
		return err
	}
	e := audit.Event{Name: audit.UserUnlocked, Subject: u.ID}
	return a.events.recordIfDone(ctx, by, e, a.store.DeleteAttempts(ctx, login.AttemptOwner(u.ID)))
}

// SetPassword replaces the password and revokes the user's grants.
func (a *Accounts) SetPassword(ctx context.Context, by audit.Actor, name, secret string) error {
	u, err := a.User(ctx, name)
	if err != nil {
		return err
	}
	hash, err := a.hash(ctx, u.Username, secret)
	if err != nil {
		return err
	}
	ended, err := a.store.SetPassword(ctx, u.Username, hash, by.Name)
	return a.events.recordEnded(ctx, by, audit.Event{Name: audit.PasswordSet, Subject: u.ID}, ended, err)
}

// SetClaims replaces the user's claims. New tokens carry them.
func (a *Accounts) SetClaims(ctx context.Context, by audit.Actor, name string, claims map[string]any) error {
	u, err := a.User(ctx, name)
	if err != nil {
		return err
	}
	if err := oauth.CheckClaims(claims); err != nil {
		return err
	}
	e := audit.Event{Name: audit.ClaimsSet, Subject: u.ID}
	return a.events.recordIfDone(ctx, by, e, a.store.SetClaims(ctx, u.Username, claims))
}

// DeleteUser deletes the user and revokes their grants.
func (a *Accounts) DeleteUser(ctx context.Context, by audit.Actor, name string) error {
	u, err := a.User(ctx, name)
	if err != nil {
		return err
	}
	ended, err := a.store.DeleteUser(ctx, u.Username, by.Name)
	return a.events.recordEnded(ctx, by, audit.Event{Name: audit.UserDeleted, Subject: u.ID}, ended, err)
}
