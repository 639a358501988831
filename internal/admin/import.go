package admin

import (
	"context"
	"crypto/rand"
	"strings"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/login"
	"github.com/signetd/signet/internal/oauth"
)

// An ImportedUser is an account as another system had it.
type ImportedUser struct {
	Username string
	// PasswordHash is one that password.Hasher.Check takes; without one nobody logs in before a password is set.
	PasswordHash string
	Claims       map[string]any
	Disabled     bool
	// ID is one that Signet gave to the user elsewhere; empty means a fresh one.
	ID string
}

// ImportUser makes an account of what another system knew. The password policy is not asked: nobody knows the password.
func (a *Admin) ImportUser(ctx context.Context, by audit.Actor, in ImportedUser) (login.User, error) {
	u := login.User{ID: in.ID, PasswordHash: in.PasswordHash, Claims: in.Claims, CreatedAt: a.time()}
	var err error
	if u.Username, err = login.CanonicalUsername(in.Username); err != nil {
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
		return login.User{}, oauth.Fail(oauth.InvalidRequest, "An id is usr_ and 1 to 124 letters, digits, hyphens and underscores.")
	}
	if in.Disabled {
		u.DisabledAt = u.CreatedAt
	}
	return u, a.done(by, audit.Event{Name: audit.UserCreated, Subject: u.ID, Reason: audit.Imported}, a.store.CreateUser(ctx, u))
}

func newUserID() string { return oauth.UserIDPrefix + strings.ToLower(rand.Text()) }

func validUserID(id string) bool {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
	rest, ok := strings.CutPrefix(id, oauth.UserIDPrefix)
	return ok && rest != "" && len(rest) <= 124 && strings.Trim(rest, letters) == ""
}
