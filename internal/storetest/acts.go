package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/login"
	"github.com/signetd/signet/internal/oauth"
)

// An actFixture has a user with the grants 1 and 2 to the client "app" and 3 to
// "other".
type actFixture struct {
	*testing.T
	Store
	user login.User
	n    byte
}

// newActFixture creates the n-th user and the grants.
func newActFixture(t *testing.T, s Store, n byte) actFixture {
	f := actFixture{t, s, withUser(t, s, string('a'+rune(n))), n}
	for id, clientID := range []string{1: "app", 2: "app", 3: "other"} {
		if g := f.grant(byte(id)); id > 0 {
			g.ClientID = clientID
			withGrant(t, s, g)
		}
	}
	return f
}

// id returns the id of a grant. The grant 0 is none.
func (f actFixture) id(grant byte) oauth.GrantID {
	if grant == 0 {
		return oauth.GrantID{}
	}
	return oauth.GrantID{f.n + 1, grant}
}

func (f actFixture) grant(id byte) grant.Grant {
	g := aGrant(0, f.user.ID)
	g.ID = f.id(id)
	return g
}

// An act returns its moment, or the zero time.
type act func(actFixture) (time.Time, error)

// refused makes an act succeed if it returns that code.
func refused(code oauth.Code, a act) act {
	return func(f actFixture) (time.Time, error) {
		at, err := a(f)
		if !errors.Is(err, code) {
			return at, errors.Join(errors.New("not refused"), err)
		}
		return time.Time{}, nil
	}
}

func revokeOne(id byte, clientID string) act {
	return func(f actFixture) (time.Time, error) {
		_, _, err := f.RevokeGrant(f.Context(), f.id(id), clientID, audit.RevokedByClient, start)
		return time.Time{}, err
	}
}

// refreshOne refreshes the grant 1 with a token of that generation.
func refreshOne(generation uint32, want grant.Outcome) act {
	return func(f actFixture) (time.Time, error) {
		a := currentToken(f.grant(1))
		a.Generation = generation
		r, err := f.RefreshGrant(f.Context(), a)
		equal(f.T, r.Outcome, want)
		return time.Time{}, err
	}
}

func revokeOldest(limit int) act {
	return func(f actFixture) (time.Time, error) {
		_, err := f.RevokeOldest(f.Context(), f.user.ID, "app", f.id(2), limit, audit.RevokedByLimit)
		return time.Time{}, err
	}
}

func revokeMany(clientID string, except byte) act {
	return func(f actFixture) (time.Time, error) {
		ended, err := revokeAll(f.Context(), f, f.user.ID, clientID, f.id(except), audit.RevokedByAdmin)
		return ended.At, err
	}
}

func ownPassword(old string, except byte) act {
	return func(f actFixture) (time.Time, error) {
		old := old + f.user.Username
		_, at, err := f.ChangePassword(f.Context(), f.user.ID, old, "$argon2id$new", f.id(except), operator)
		return at, err
	}
}

func newPassword(f actFixture) (time.Time, error) {
	ended, err := f.SetPassword(f.Context(), f.user.Username, "$argon2id$new", operator)
	return ended.At, err
}

func disable(f actFixture) (time.Time, error) {
	ended, err := f.DisableUser(f.Context(), f.user.Username, operator)
	return ended.At, err
}

func enable(f actFixture) (time.Time, error) {
	return time.Time{}, f.EnableUser(f.Context(), f.user.Username)
}

func removeUser(f actFixture) (time.Time, error) {
	ended, err := f.DeleteUser(f.Context(), f.user.Username, operator)
	return ended.At, err
}

// applyAndSweep writes all pending endings into the grants, and deletes the
// grants that have ended.
func applyAndSweep(f actFixture) (time.Time, error) {
	revoked, _ := apply(f.T, f, 100, 0)
	if revoked == 0 {
		f.Error("no pending ending")
	}
	_, err := f.SweepGrants(f.Context(), oauth.GrantID{}, 100, start, start.Add(100*time.Hour))
	return time.Time{}, err
}

func changeNoGrant(f actFixture) (time.Time, error) {
	return time.Time{}, errors.Join(
		f.SetClaims(f.Context(), f.user.Username, nil), f.Rehash(f.Context(), f.user.ID, "x", "y"))
}
