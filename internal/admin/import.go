package admin

import (
	"context"
	"strings"

	"github.com/signetd/signet/internal/audit"
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
	// ID is the id that another Signet gave to the user. Empty means a new one.
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
	switch {
	case in.ID == "":
		u.ID = newUserID()
	case !validUserID(in.ID):
		return login.User{}, oauth.Fail(oauth.InvalidRequest,
			"An id must be usr_ followed by 1 to 124 letters, digits, hyphens and underscores.")
	}
	if in.Disabled {
		u.DisabledAt = u.CreatedAt
	}

	e := audit.Event{Name: audit.UserCreated, Subject: u.ID, Reason: audit.Imported}
	return u, a.events.recordIfDone(ctx, by, e, a.store.CreateUser(ctx, u))
}

func validUserID(id string) bool {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
	rest, ok := strings.CutPrefix(id, oauth.UserIDPrefix)
	return ok && rest != "" && len(rest) <= 124 && strings.Trim(rest, letters) == ""
}
