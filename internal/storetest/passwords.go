package storetest

import (
	"testing"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/login"
	"github.com/signetd/signet/internal/oauth"
)

var passwordCases = []singleCase{
	{"Rule49_PasswordHashesAreOfASample", passwordHashes},
	{"RehashNeedsTheOldHash", rehash},
	{"SetPasswordRevokes", setPassword},
	{"ChangePasswordNeedsTheOldHash", changePassword},
	{"ChangePasswordRevokesOtherGrants", changePasswordRevokes},
}

func rehash(t *testing.T, s Store) {
	want := withUser(t, s, "ann")
	withGrant(t, s, aGrant(1, want.ID))
	must(t, s.Rehash(t.Context(), want.ID, "another hash", "new"))
	got, err := s.User(t.Context(), "ann")
	must(t, err)
	equal(t, got, want)
	must(t, s.Rehash(t.Context(), want.ID, want.PasswordHash, "new"))
	got, err = s.User(t.Context(), "ann")
	must(t, err)
	want.PasswordHash = "new"
	equal(t, got, want)
	equal(t, stored(t, s, oauth.GrantID{1}), aGrant(1, want.ID))
}

// Rule 49: the sample has users of other issuers, whose ids may all be before
// those that Signet makes, and users that Signet made.
func passwordHashes(t *testing.T, s Store) {
	all := []string{"auth0|1", "auth0|2", "auth0|3", "usr_a", "usr_b", "usr_c", "z1", "z2"}
	hashes := map[string]login.StoredHash{}
	for _, id := range all {
		u := login.User{ID: id, Username: "name of " + id, PasswordHash: "hash of " + id, CreatedAt: start}
		if id == "usr_b" {
			u.PasswordHash = ""
		}
		must(t, s.CreateUser(t.Context(), u))
		hashes[id] = login.StoredHash{UserID: u.ID, PasswordHash: u.PasswordHash}
	}
	for limit, ids := range map[int][]string{
		1: {"auth0|1", "usr_a", "z2"}, 2: {"auth0|1", "auth0|2", "usr_a", "usr_b", "z1", "z2"}, 3: all, 100: all,
	} {
		got, err := s.PasswordHashes(t.Context(), limit)
		must(t, err)
		var want []login.StoredHash
		for _, id := range ids {
			want = append(want, hashes[id])
		}
		equal(t, got, want)
	}
}

// Rule 28: SetPassword revokes the grants of the user.
func setPassword(t *testing.T, s Store) {
	u := withUser(t, s, "ann")
	revoked, other, live := aGrant(1, u.ID), aGrant(2, "usr_bob"), aGrant(3, u.ID)
	revoked.RevokedAt, revoked.RevokeReason = start, audit.RevokedByClient
	for _, g := range []grant.Grant{revoked, other, live} {
		withGrant(t, s, g)
	}
	then := at(t)(s.SetPassword(t.Context(), "ann", "new", operator))
	u.PasswordHash, u.Epoch = "new", u.Epoch+1
	got, err := s.User(t.Context(), "ann")
	must(t, err)
	equal(t, got, u)
	live.RevokedAt, live.RevokeReason = then, audit.RevokedByPassword
	for _, g := range []grant.Grant{revoked, other, live} {
		equal(t, stored(t, s, g.ID), g)
	}
	rejected(t, createGrant(t.Context(), s, aGrant(5, u.ID), u.Epoch-1), oauth.InvalidGrant)
	must(t, createGrant(t.Context(), s, aGrant(5, u.ID), u.Epoch))
}

func changePassword(t *testing.T, s Store) {
	want := withUser(t, s, "ann")
	withGrant(t, s, aGrant(1, want.ID))
	old := want.PasswordHash
	err := changePasswordOf(t.Context(), s, want.ID, "another hash", "new", oauth.GrantID{})
	rejected(t, err, oauth.InvalidGrant)
	rejected(t, changePasswordOf(t.Context(), s, want.Username, old, "new", oauth.GrantID{}), oauth.InvalidGrant)
	equal(t, stored(t, s, oauth.GrantID{1}), aGrant(1, want.ID))
	must(t, ended(s.DisableUser(t.Context(), "ann", operator)))
	rejected(t, changePasswordOf(t.Context(), s, want.ID, old, "new", oauth.GrantID{}), oauth.InvalidGrant)
	must(t, s.EnableUser(t.Context(), "ann"))
	must(t, changePasswordOf(t.Context(), s, want.ID, old, "new", oauth.GrantID{}))
	rejected(t, changePasswordOf(t.Context(), s, want.ID, old, "newer", oauth.GrantID{}), oauth.InvalidGrant)
	got, err := s.User(t.Context(), "ann")
	must(t, err)
	want.PasswordHash, want.Epoch = "new", want.Epoch+3
	equal(t, got, want)
}

func changePasswordRevokes(t *testing.T, s Store) {
	u := withUser(t, s, "ann")
	excepted, live, revoked, other := aGrant(1, u.ID), aGrant(2, u.ID), aGrant(3, u.ID), aGrant(4, "usr_bob")
	revoked.RevokedAt, revoked.RevokeReason = start, audit.RevokedByClient
	for _, g := range []grant.Grant{excepted, live, revoked, other} {
		withGrant(t, s, g)
	}
	_, then, err := s.ChangePassword(t.Context(), u.ID, u.PasswordHash, "new", excepted.ID, operator)
	must(t, err)
	live.RevokedAt, live.RevokeReason = then, audit.RevokedByPassword
	for _, g := range []grant.Grant{excepted, live, revoked, other} {
		equal(t, stored(t, s, g.ID), g)
	}
	rejected(t, createGrant(t.Context(), s, aGrant(5, u.ID), u.Epoch), oauth.InvalidGrant)
	_, then, err = s.ChangePassword(t.Context(), u.ID, "new", "newer", oauth.GrantID{}, operator)
	must(t, err)
	excepted.RevokedAt, excepted.RevokeReason = then, audit.RevokedByPassword
	equal(t, stored(t, s, excepted.ID), excepted)
}
