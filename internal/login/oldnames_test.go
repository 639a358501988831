package login_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/signetd/signet/internal/issuertest"
	"github.com/signetd/signet/internal/login"
)

// withOldUser stores a user under a name as earlier versions stored it.
func (f *fixture) withOldUser(t *testing.T, stored, secret string) login.User {
	t.Helper()
	hash, err := f.Passwords.Hash(t.Context(), secret)
	must(t, err)
	u := login.User{ID: fmt.Sprintf("usr_%x", stored), Username: stored, PasswordHash: hash, CreatedAt: time.Now()}
	must(t, f.Store.CreateUser(t.Context(), u))
	return u
}

// Earlier versions stored a name with every Cherokee letter in the other case.
// Such a user logs in with the name as registered, as stored, and in one case.
func TestLogin_NameOfAnEarlierVersion(t *testing.T) {
	f := newFixture(t)
	for stored, names := range map[string][]string{
		"\uab70\uab71": {"\u13a0\u13a1", "\uab70\uab71", " \u13a0\u13a1 "}, // registered in upper case
		"\u13a2\u13a3": {"\uab72\uab73", "\u13a2\u13a3", "\uab72\u13a3"},   // registered in lower case
		"\uab74\u13a5": {"\u13a4\uab75", "\uab74\u13a5"},                   // registered as a word with a capital
		"\u13f0-ada":   {"\u13f8-Ada", "\u13f0-ADA"},
	} {
		f.withOldUser(t, stored, rightWord)
		for _, name := range names {
			f.want(t, f.Caller, issuertest.LoginRequest{Username: name, Password: rightWord}, success)
		}
	}
}

// If two users of an earlier version now have one name, each of them logs in
// with the name that they registered, and with their own password only.
func TestLogin_TwoUsersOfOneName(t *testing.T) {
	f := newFixture(t)
	f.withOldUser(t, "\uab70\uab71", "the one who registered in upper case")
	f.withOldUser(t, "\u13a0\u13a1", "the one who registered in lower case")
	upper := issuertest.LoginRequest{Username: "\u13a0\u13a1", Password: "the one who registered in upper case"}
	lower := issuertest.LoginRequest{Username: "\uab70\uab71", Password: "the one who registered in lower case"}
	f.want(t, f.Caller, upper, success)
	f.want(t, f.Caller, lower, success)
	upper.Password, lower.Password = lower.Password, upper.Password
	f.want(t, f.Caller, upper, "wrong_password")
	f.want(t, f.Caller, lower, "wrong_password")
}
