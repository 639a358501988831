package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
)

var loggedActCases = []singleCase{
	{"ActsAndTheirRevocations", actsAndTheirRevocations},
	{"ExceptedGrantWithRefusedTokensIsNotExempt", exemptGrants},
}

// A loggedAct is an act and the entries that it writes.
type loggedAct struct {
	name string
	act  act
	want func(actFixture) []grant.Revocation
}

func nothing(actFixture) []grant.Revocation { return nil }

// entriesOf returns the entries about grants.
func entriesOf(ids ...byte) func(actFixture) []grant.Revocation {
	return func(f actFixture) (entries []grant.Revocation) {
		for _, id := range ids {
			entries = append(entries, grant.RevokedGrant(f.id(id)))
		}
		return entries
	}
}

// subjectAt returns the entry about the tokens of the user at a client, after
// those of exempted grants.
func subjectAt(clientID string, lag time.Duration, exempt ...byte) func(actFixture) []grant.Revocation {
	return func(f actFixture) (entries []grant.Revocation) {
		for _, id := range exempt {
			entries = append(entries, grant.ExemptGrant(f.id(id)))
		}
		subject := grant.RevokedSubject(f.user.ID, clientID)
		subject.Lag = lag
		return append(entries, subject)
	}
}

// loggedActs are sequences of acts, each on a user of its own.
var loggedActs = [][]loggedAct{
	{
		{"one grant of another client", refused(oauth.NotFound, revokeOne(1, "other")), nothing},
		{"a missing grant", refused(oauth.NotFound, revokeOne(9, "")), nothing},
		{"one grant of the client", revokeOne(1, "app"), entriesOf(1)},
		{"one grant again", revokeOne(1, "app"), nothing},
		{"one grant of any client", revokeOne(3, ""), entriesOf(3)},
	},
	{
		{"refresh with the current token", refreshOne(5, grant.Rotated), nothing},
		{"refresh with a token that is ahead", refreshOne(9, grant.Ahead), nothing},
		{"refresh with a superseded token", refreshOne(5, grant.Reused), entriesOf(1)},
		{"refresh of a revoked grant", refreshOne(5, grant.Revoked), nothing},
	},
	{
		{"oldest grants within the limit", revokeOldest(2), nothing},
		{"oldest grants above the limit", revokeOldest(1), entriesOf(1)},
		{"oldest grants again", revokeOldest(1), nothing},
	},
	{
		{"all grants", revokeMany("", 0), subjectAt("", 0)},
		{"one of the grants", revokeOne(1, ""), nothing},
		{"refresh of one of the grants", refreshOne(5, grant.Revoked), nothing},
		{"pending endings and sweep", applyAndSweep, nothing},
		{"all grants, and none is left", revokeMany("", 0), subjectAt("", 0)},
	},
	{
		{"all grants at a client", revokeMany("app", 0), subjectAt("app", 0)},
		{"all grants at a client except one of another", revokeMany("app", 3), subjectAt("app", 0)},
		{"one of the grants", revokeOne(2, ""), nothing},
	},
	{
		{"all grants except one", revokeMany("", 1), subjectAt("", 0, 1)},
		{"all grants except one again", revokeMany("", 1), subjectAt("", 0, 1)},
		{"the excepted grant", revokeOne(1, ""), entriesOf(1)},
	},
	{
		{"wrong password", refused(oauth.InvalidGrant, ownPassword("wrong", 1)), nothing},
		{"password changed", ownPassword("$argon2id$", 1), subjectAt("", 0, 1)},
		{"password set", newPassword, subjectAt("", 0)},
	},
	{{"password changed without an exception", ownPassword("$argon2id$", 0), subjectAt("", 0)}},
	{
		{"user disabled", disable, subjectAt("", grant.MintLag)},
		{"user disabled again", disable, nothing},
		{"one grant of the disabled user", revokeOne(1, ""), entriesOf(1)},
		{"user enabled", enable, nothing},
		{"user enabled again", enable, nothing},
		{"claims and hash", changeNoGrant, nothing},
		{"user disabled a second time", disable, subjectAt("", grant.MintLag)},
		{"user deleted", removeUser, subjectAt("", grant.MintLag)},
	},
}

// actsAndTheirRevocations: each act writes its entries and no others. The
// moment of an entry is that of the act, plus its lag. An act that changes
// nothing writes none.
func actsAndTheirRevocations(t *testing.T, s Store) {
	for n, acts := range loggedActs {
		f := newActFixture(t, s, byte(n))
		for _, a := range acts {
			before := len(readLog(t, s))
			at, err := a.act(f)
			if err != nil {
				t.Fatalf("%s: %v", a.name, err)
			}
			logged, want := readLog(t, s)[before:], a.want(f)
			equalEntries(t, a.name, logged, want)
			for i, e := range logged {
				if e.Mark != logged[0].Mark {
					t.Errorf("%s: an entry has the mark of another act", a.name)
				}
				if !at.IsZero() && e.Entry.Before != at.Add(want[i].Lag).UnixMicro() {
					t.Errorf("%s: an entry has the moment %d, and the act %v", a.name, e.Entry.Before, at)
				}
			}
		}
	}
}

// equalEntries compares kinds and hashes.
func equalEntries(t *testing.T, name string, got []grant.LoggedRevocation, want []grant.Revocation) {
	t.Helper()
	same := slices.EqualFunc(got, want, func(e grant.LoggedRevocation, r grant.Revocation) bool {
		return e.Kind == r.Kind && e.Entry.Hash == r.Hash
	})
	if !same {
		t.Fatalf("%s: wrote %+v, want %+v", name, got, want)
	}
}

// exemptGrants: a grant is exempt from an act if it is live and verifiers
// accept all its tokens. Otherwise the entry would make a token valid again
// that was refused.
func exemptGrants(t *testing.T, s Store) {
	add := func(before time.Time) act {
		return func(f actFixture) (time.Time, error) {
			e := grant.RevokedSubject(f.user.ID, "")
			e.Before = before
			return f.AddRevocations(f.Context(), []grant.Revocation{e})
		}
	}
	for n, c := range []struct {
		name   string
		before []act
		exempt bool
	}{
		{"nothing", nil, true},
		{"the same act", []act{revokeMany("", 1)}, true},
		{"an act at its client", []act{revokeMany("app", 1)}, true},
		{"an act at another client", []act{revokeMany("other", 0)}, true},
		{"its revocation", []act{revokeOne(1, "")}, false},
		{"an act without it", []act{revokeMany("", 2)}, false},
		{"an act without it that was applied", []act{revokeMany("", 2), applyAndSweep}, false},
		{"an act at its client without it", []act{revokeMany("app", 2)}, false},
		{"the user was disabled", []act{disable}, false},
		{"the user was disabled and enabled", []act{disable, enable}, false},
		{"all tokens of the subject were revoked", []act{add(time.Time{})}, false},
		{"older tokens of the subject were revoked", []act{add(start)}, true},
	} {
		f := newActFixture(t, s, byte(n))
		for _, a := range c.before {
			_, err := a(f)
			must(t, err)
		}
		before := len(readLog(t, s))
		_, err := revokeMany("", 1)(f)
		must(t, err)
		want := subjectAt("", 0)(f)
		if c.exempt {
			want = subjectAt("", 0, 1)(f)
		}
		equalEntries(t, "after "+c.name, readLog(t, s)[before:], want)
	}
}
