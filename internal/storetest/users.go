package storetest

import (
	"encoding/json"
	"math/big"
	"testing"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/login"
	"github.com/signetd/signet/internal/oauth"
)

var userCases = []singleCase{
	{"UserRoundTrip", userRoundTrip},
	{"CreateUserRejectsATakenNameOrID", createUserRejectsTaken},
	{"UsersArePagedInByteOrder", usersArePaged},
	{"MissingUserIsNotFound", missingUser},
	{"DisableSuspendsAndEnableLifts", disableAndEnable},
	{"SecondDisableChangesNothing", disableTwice},
	{"SetClaimsKeepsGrants", setClaims},
	{"NumbersInClaims", numbersInClaims},
	{"DeleteUserRevokes", deleteUser},
	{"TextIsData", textIsData},
}

func userRoundTrip(t *testing.T, s Store) {
	plain := login.User{ID: "usr_plain", Username: "plain", CreatedAt: start}
	must(t, s.CreateUser(t.Context(), plain))
	full := aUser("full")
	full.DisabledAt, full.Epoch = start.Add(time.Microsecond), 7
	must(t, s.CreateUser(t.Context(), full))
	for _, want := range []login.User{plain, full} {
		got, err := s.User(t.Context(), want.Username)
		must(t, err)
		equal(t, got, want)
		got, err = s.UserByID(t.Context(), want.ID)
		must(t, err)
		equal(t, got, want)
		if got.CreatedAt.Location() != time.UTC {
			t.Errorf("times are in %v, want UTC", got.CreatedAt.Location())
		}
	}
}

func createUserRejectsTaken(t *testing.T, s Store) {
	first := withUser(t, s, "ann")
	second := aUser("ann")
	second.ID = "usr_other"
	rejected(t, s.CreateUser(t.Context(), second), oauth.AlreadyExists)
	twin := aUser("twin")
	twin.ID = first.ID
	rejected(t, s.CreateUser(t.Context(), twin), oauth.AlreadyExists)
	_, err := s.User(t.Context(), "twin")
	rejected(t, err, oauth.NotFound)
	got, err := s.User(t.Context(), "ann")
	must(t, err)
	equal(t, got, first)
}

func usersArePaged(t *testing.T, s Store) {
	inOrder := []string{"B", "Z", "a", "a b", "ab", "z", "ä", "ö", "日本"}
	for _, name := range []string{"ö", "ab", "Z", "日本", "a", "z", "B", "ä", "a b"} {
		withUser(t, s, name)
	}
	var names []string
	for after := ""; ; {
		page, err := s.Users(t.Context(), after, 2)
		must(t, err)
		if len(page) == 0 {
			break
		}
		for _, u := range page {
			names = append(names, u.Username)
		}
		after = names[len(names)-1]
	}
	equal(t, names, inOrder)
}

func missingUser(t *testing.T, s Store) {
	_, err := s.User(t.Context(), "nobody")
	rejected(t, err, oauth.NotFound)
	_, err = s.UserByID(t.Context(), "usr_nobody")
	rejected(t, err, oauth.NotFound)
	rejected(t, ended(s.DisableUser(t.Context(), "nobody", operator)), oauth.NotFound)
	rejected(t, s.EnableUser(t.Context(), "nobody"), oauth.NotFound)
	rejected(t, ended(s.SetPassword(t.Context(), "nobody", "hash", operator)), oauth.NotFound)
	rejected(t, s.SetClaims(t.Context(), "nobody", nil), oauth.NotFound)
	rejected(t, ended(s.DeleteUser(t.Context(), "nobody", operator)), oauth.NotFound)
	must(t, s.Rehash(t.Context(), "usr_nobody", "old", "new"))
	rejected(t, changePasswordOf(t.Context(), s, "usr_nobody", "old", "new", oauth.GrantID{}), oauth.InvalidGrant)
}

// Rule 28: DisableUser suspends the grants of the user until EnableUser.
func disableAndEnable(t *testing.T, s Store) {
	u := withUser(t, s, "ann")
	mine, revoked, other := aGrant(1, u.ID), aGrant(2, u.ID), aGrant(3, "usr_bob")
	for _, g := range []grant.Grant{mine, revoked, other} {
		withGrant(t, s, g)
	}
	_, _, err := s.RevokeGrant(t.Context(), revoked.ID, "", audit.RevokedByAdmin, start)
	must(t, err)
	revoked = stored(t, s, revoked.ID)

	then := at(t)(s.DisableUser(t.Context(), "ann", operator))
	u.DisabledAt, u.Epoch = then, u.Epoch+1
	got, err := s.User(t.Context(), "ann")
	must(t, err)
	equal(t, got, u)
	mine.SuspendedAt, revoked.SuspendedAt = then, then
	for _, g := range []grant.Grant{mine, revoked, other} {
		equal(t, stored(t, s, g.ID), g)
	}
	rejected(t, createGrant(t.Context(), s, aGrant(4, u.ID), u.Epoch), oauth.InvalidGrant)

	_, _, err = s.RevokeGrant(t.Context(), mine.ID, "", audit.RevokedByAdmin, then)
	must(t, err)
	must(t, s.EnableUser(t.Context(), "ann"))
	u.DisabledAt, u.Epoch = time.Time{}, u.Epoch+1
	got, err = s.User(t.Context(), "ann")
	must(t, err)
	equal(t, got, u)
	mine.SuspendedAt, mine.RevokedAt, mine.RevokeReason = time.Time{}, then, audit.RevokedByAdmin
	equal(t, stored(t, s, mine.ID), mine)
}

func disableTwice(t *testing.T, s Store) {
	withUser(t, s, "ann")
	must(t, s.EnableUser(t.Context(), "ann"))
	first := at(t)(s.DisableUser(t.Context(), "ann", operator))
	equal(t, at(t)(s.DisableUser(t.Context(), "ann", operator)), first)
	u, err := s.User(t.Context(), "ann")
	must(t, err)
	if !u.DisabledAt.Equal(first) || u.Epoch != 1 {
		t.Errorf("disabled at %v with epoch %d, want %v and 1", u.DisabledAt, u.Epoch, first)
	}
}

func setClaims(t *testing.T, s Store) {
	u := withUser(t, s, "ann")
	g := aGrant(1, u.ID)
	withGrant(t, s, g)
	for _, claims := range []map[string]any{{"big": 9007199254740991.0, "none": nil, "empty": []any{}}, nil} {
		must(t, s.SetClaims(t.Context(), "ann", claims))
		u.Claims = claims
		got, err := s.User(t.Context(), "ann")
		must(t, err)
		equal(t, got, u)
	}
	equal(t, stored(t, s, g.ID), g)
}

// A number in the claims of a user or a grant has the same value after it was
// stored, in any form that oauth.CheckClaims accepts.
func numbersInClaims(t *testing.T, s Store) {
	ann := withUser(t, s, "ann")
	for n, number := range []any{
		json.Number("9007199254740991"), json.Number("-9007199254740991.0"), json.Number("0.1"), json.Number("1E5"),
		json.Number("-0"), json.Number("5e-324"), json.Number("0.30000000000000004"), 2.5, 1<<53 - 1.0, 1e-7,
	} {
		claims := map[string]any{"n": number}
		must(t, oauth.CheckClaims(claims))
		must(t, s.SetClaims(t.Context(), "ann", claims))
		g := aGrant(byte(n+1), ann.ID)
		g.Claims = claims
		withGrant(t, s, g)

		u, err := s.User(t.Context(), "ann")
		must(t, err)
		for _, got := range []map[string]any{u.Claims, stored(t, s, g.ID).Claims} {
			equal(t, exactly(t, got["n"]), exactly(t, number))
		}
	}
}

// exactly returns the exact value of a number as a token has it.
func exactly(t *testing.T, number any) string {
	t.Helper()
	text, err := json.Marshal(number)
	must(t, err)
	value, ok := new(big.Rat).SetString(string(text))
	if !ok {
		t.Fatalf("%s is not a number", text)
	}
	return value.String()
}

// Rule 28: DeleteUser revokes the grants of the user.
func deleteUser(t *testing.T, s Store) {
	u := withUser(t, s, "ann")
	mine, other := aGrant(1, u.ID), aGrant(2, "usr_bob")
	withGrant(t, s, mine)
	withGrant(t, s, other)
	then := at(t)(s.DeleteUser(t.Context(), "ann", operator))
	_, err := s.User(t.Context(), "ann")
	rejected(t, err, oauth.NotFound)
	mine.RevokedAt, mine.RevokeReason = then, audit.RevokedByDeletion
	equal(t, stored(t, s, mine.ID), mine)
	equal(t, stored(t, s, other.ID), other)
	rejected(t, createGrant(t.Context(), s, aGrant(3, u.ID), u.Epoch), oauth.InvalidGrant)
	withUser(t, s, "ann")
}

// Rule 70: the store does not change text that would do harm as a part of a
// statement.
func textIsData(t *testing.T, s Store) {
	for i, text := range []string{
		`'; DROP TABLE users; --`, `" OR 1=1 --`, `$1 ? :a @b %s \' \\`, "a\tb\nc\r", "\u202eevil", "日本 🗝", `{"a":1}`, `{a,b}`, `NULL`,
	} {
		u := login.User{
			ID: "usr_" + text, Username: text, PasswordHash: text, Claims: map[string]any{text: text}, CreatedAt: start,
		}
		must(t, s.CreateUser(t.Context(), u))
		got, err := s.User(t.Context(), text)
		must(t, err)
		equal(t, got, u)

		g := aGrant(byte(i), u.ID)
		g.ClientID, g.MACKey, g.DeviceLabel, g.IP = text, text, text, text
		g.Audience, g.AMR = []string{text, text}, []string{text}
		must(t, createGrant(t.Context(), s, g, 0))
		equal(t, stored(t, s, g.ID), g)
		result := refresh(t, s, grant.RefreshAttempt{
			Grant: g.ID, ClientID: text, Generation: g.Generation, KeyHash: digest(text), MACKey: text,
			ReceivedAt: start, Deadline: time.Now().Add(time.Hour), Audience: g.Audience,
		})
		if result.Outcome != grant.Rotated {
			t.Errorf("%q: %s, want rotated", text, result.Outcome)
		}
		equal(t, stored(t, s, g.ID), result.Grant)

		c := client.Client{ID: text, Name: text, CreatedAt: start}
		must(t, s.CreateClient(t.Context(), c))
		must(t, s.UpdateClient(t.Context(), text, func(got *client.Client) error {
			equal(t, *got, c)
			return nil
		}))
	}
}
