package admin_test

import (
	"testing"
	"time"

	"github.com/signetd/signet/internal/admin"
	"github.com/signetd/signet/internal/login"
	"github.com/signetd/signet/internal/oauth"
)

// withOldUser stores a user under a name as earlier versions stored it.
func (f *fixture) withOldUser(t *testing.T, id, stored string) {
	t.Helper()
	u := login.User{ID: id, Username: stored, CreatedAt: time.Now().Truncate(time.Microsecond)}
	must(t, f.store.CreateUser(t.Context(), u))
}

// Earlier versions stored a name with every Cherokee letter in the other case.
// A name as listed acts on the listed user, and every list entry is reachable.
func TestUsers_NameAsListed(t *testing.T) {
	f := newFixture(t)
	f.withOldUser(t, "usr_upper", "\uab70\uab71")
	f.withOldUser(t, "usr_lower", "\u13a0\u13a1")
	f.withOldUser(t, "usr_mixed", "\uab70\u13a1")
	listed, err := f.Users(t.Context(), "", 10)
	must(t, err)
	for _, want := range listed {
		got, err := f.User(t.Context(), want.Username)
		must(t, err)
		if got.ID != want.ID {
			t.Errorf("%+q is %s, want %s", want.Username, got.ID, want.ID)
		}
	}

	must(t, f.DisableUser(t.Context(), by, "\uab70\uab71"))
	must(t, f.DeleteUser(t.Context(), by, "\u13a0\u13a1"))
	_, err = f.store.UserByID(t.Context(), "usr_lower")
	wantCode(t, err, oauth.NotFound)
	for id, disabled := range map[string]bool{"usr_upper": true, "usr_mixed": false} {
		u, err := f.store.UserByID(t.Context(), id)
		must(t, err)
		if u.DisabledAt.IsZero() == disabled {
			t.Errorf("%s: disabled is %v, want %v", id, !disabled, disabled)
		}
	}
}

// A new user cannot take the name of a user whom an earlier version stored.
func TestCreateUser_NameOfAnEarlierVersion(t *testing.T) {
	f := newFixture(t)
	f.withOldUser(t, "usr_upper", "\uab70\uab71")
	f.withOldUser(t, "usr_mixed", "\uab72\u13a3")
	for _, name := range []string{
		"\u13a0\u13a1", "\uab70\uab71", "\u13a0\uab71", "\uab70\u13a1", // all spellings of the first
		"\u13a2\uab73", "\uab72\u13a3", // the second as registered and as stored
	} {
		_, err := f.CreateUser(t.Context(), by, name, secret, nil)
		wantCode(t, err, oauth.AlreadyExists)
		_, err = f.ImportUser(t.Context(), by, admin.ImportedUser{Username: name})
		wantCode(t, err, oauth.AlreadyExists)
	}
	u, err := f.CreateUser(t.Context(), by, "\uab74", secret, nil)
	must(t, err)
	if u.Username != "\u13a4" {
		t.Errorf("a new user is stored as %+q, want upper case", u.Username)
	}
}
