package admin

import (
	"context"
	"errors"
	"strings"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/login"
	"github.com/signetd/signet/internal/oauth"
)

// An ImportedUser is a user of another system.
type ImportedUser struct {
	Username string
	// PasswordHash is a hash that password.Hasher.Check accepts. If it is
	// empty, the user cannot log in until a password is set.
	PasswordHash string
	Claims       map[string]any
	Disabled     bool
	// ID is the id that the other system gave to the user: the sub of its
	// tokens. Empty means a new one.
	ID string
}

// ImportUser creates a user of another system. It does not check the password
// policy, because the password is not known.
func (a *Accounts) ImportUser(ctx context.Context, by audit.Actor, in ImportedUser) (login.User, error) {
	u := login.User{ID: in.ID, PasswordHash: in.PasswordHash, Claims: in.Claims, CreatedAt: a.events.now()}
	var err error
	if u.Username, err = a.newUsername(ctx, in.Username); err != nil {
		return login.User{}, err
	}
	if err := oauth.CheckClaims(in.Claims); err != nil {
		return login.User{}, err
	}
	if in.PasswordHash != "" {
		if err := a.passwords.Check(in.PasswordHash); err != nil {
			return login.User{}, oauth.Fail(oauth.InvalidRequest, err.Error())
		}
	}
	if in.ID == "" {
		u.ID = newUserID()
	} else if err := checkUserID(in.ID); err != nil {
		return login.User{}, err
	}
	if in.Disabled {
		u.DisabledAt = u.CreatedAt
	}

	e := audit.Event{Name: audit.UserCreated, Subject: u.ID, Reason: audit.Imported}
	err = a.events.recordIfDone(ctx, by, e, a.store.CreateUser(ctx, u))
	switch {
	case errors.Is(err, oauth.AlreadyExists) && !errors.Is(err, client.ErrIDTaken):
		return login.User{}, oauth.Fail(oauth.AlreadyExists, "A user has this name or this id already.")
	case err != nil:
		return login.User{}, err
	}
	return u, a.suspendEarlier(ctx, by, u)
}

// suspendEarlier suspends the grants that the subject of a new, disabled user
// has already, because a client minted them before.
func (a *Accounts) suspendEarlier(ctx context.Context, by audit.Actor, u login.User) error {
	if u.DisabledAt.IsZero() {
		return nil
	}
	p, err := a.store.Grants(ctx, grant.Filter{Subject: u.ID, NotEndedAt: u.CreatedAt, Limit: 1})
	if err != nil || len(p.Grants) == 0 {
		return oauth.FromStore(err)
	}
	return a.DisableUser(ctx, by, u.Username)
}

// checkUserID rejects an id that is malformed or could be another subject or
// actor. An id with oauth.UserIDPrefix must have the form that Signet gives it.
// The store rejects the id of a client.
func checkUserID(id string) error {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
	rest, ours := strings.CutPrefix(id, oauth.UserIDPrefix)
	switch {
	case ours && (rest == "" || len(rest) > 124 || strings.Trim(rest, letters) != ""):
		return oauth.Fail(oauth.InvalidRequest,
			"An id with usr_ has 1 to 124 letters, digits, hyphens and underscores after it.")
	case len(id) > oauth.MaxSubject || !oauth.ValidToken(id):
		return oauth.Fail(oauth.InvalidRequest,
			"An id has 1 to 255 printable ASCII characters without space, quote and backslash.")
	case isReservedActor(id):
		return oauth.Fail(oauth.InvalidRequest, "An id must not be server or begin with operator:, "+
			"because the audit log has other actors of these names.")
	}
	return nil
}
