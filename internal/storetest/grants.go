package storetest

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/throttle"
	"github.com/signetd/signet/keys"
)

var grantCases = []singleCase{
	{"GrantRoundTrip", grantRoundTrip},
	{"CreateGrantNeedsTheUsersEpoch", createGrantNeedsEpoch},
	{"MintGrantNeedsNoUser", mintGrantNeedsNoUser},
	{"GrantsArePaged", grantsArePaged},
	{"GrantsOfOneClient", grantsOfOneClient},
	{"GrantsThatHaveNotEnded", grantsNotEnded},
	{"Rule33_RevokeGrantNeedsTheClient", revokeGrantNeedsClient},
	{"SecondRevokeGrantChangesNothing", revokeGrantTwice},
	{"RevokeGrantsKeepsOtherGrants", revokeGrantsKeepsOthers},
	{"Rule32_ClosedStoreGivesNoAnswer", closedStore},
}

func grantRoundTrip(t *testing.T, s Store) {
	full := aGrant(1, "usr_ann")
	full.Generation = 1<<32 - 1
	full.Claims = map[string]any{"roles": []any{"a", "b"}, "level": 2.5, "tenant": "t", "staff": true}
	full.SuspendedAt = start.Add(1)
	full.RevokedAt, full.RevokeReason = start.Add(2*time.Microsecond), audit.RevokedByReuse
	bare := grant.Grant{
		ID: oauth.GrantID{0, 255}, UserID: "usr_bob", RotatedAt: start, ExpiresAt: start, CreatedAt: start,
	}
	withGrant(t, s, full)
	withGrant(t, s, bare)
	full.SuspendedAt = start // The store truncates times to microseconds.
	equal(t, stored(t, s, full.ID), full)
	equal(t, stored(t, s, bare.ID), bare)
	_, err := s.Grant(t.Context(), oauth.GrantID{9})
	rejected(t, err, oauth.NotFound)
}

func createGrantNeedsEpoch(t *testing.T, s Store) {
	rejected(t, createGrant(t.Context(), s, aGrant(1, "usr_nobody"), 0), oauth.InvalidGrant)
	u := withUser(t, s, "ann")
	rejected(t, createGrant(t.Context(), s, aGrant(1, u.ID), 1), oauth.InvalidGrant)
	rejected(t, createGrant(t.Context(), s, aGrant(1, u.Username), 0), oauth.InvalidGrant)
	must(t, ended(s.DisableUser(t.Context(), "ann", operator)))
	rejected(t, createGrant(t.Context(), s, aGrant(1, u.ID), 0), oauth.InvalidGrant)
	rejected(t, createGrant(t.Context(), s, aGrant(1, u.ID), 1), oauth.InvalidGrant)
	_, err := s.Grant(t.Context(), oauth.GrantID{1})
	rejected(t, err, oauth.NotFound)
	must(t, s.EnableUser(t.Context(), "ann"))
	must(t, createGrant(t.Context(), s, aGrant(1, u.ID), 2))
	err = createGrant(t.Context(), s, aGrant(1, u.ID), 2)
	var code oauth.Code
	if err == nil || errors.As(err, &code) {
		t.Errorf("the same id twice: %v, want an error that is no oauth.Code", err)
	}
}

func mintGrantNeedsNoUser(t *testing.T, s Store) {
	g := aGrant(1, "customer 7")
	g.Claims = map[string]any{"roles": []any{"a"}}
	must(t, mintGrant(t.Context(), s, g))
	equal(t, stored(t, s, g.ID), g)
	v := refresh(t, s, currentToken(g))
	equal(t, v.Outcome, grant.Rotated)
	equal(t, v.Grant.Claims, g.Claims)
	err := mintGrant(t.Context(), s, g)
	var code oauth.Code
	if err == nil || errors.As(err, &code) {
		t.Errorf("the same id twice: %v, want an error that is no oauth.Code", err)
	}
	n, err := revokeAll(t.Context(), s, g.UserID, g.ClientID, oauth.GrantID{}, audit.RevokedByClient)
	must(t, err)
	equal(t, n.Live, 1)
}

func grantsArePaged(t *testing.T, s Store) {
	var want []grant.Grant
	for _, id := range []byte{200, 3, 90, 1} {
		withGrant(t, s, aGrant(id, "usr_ann"))
	}
	withGrant(t, s, aGrant(4, "usr_bob"))
	for _, id := range []byte{1, 90, 3, 200} { // the newest first
		want = append(want, aGrant(id, "usr_ann"))
	}
	_, _, err := s.RevokeGrant(t.Context(), oauth.GrantID{3}, "", audit.RevokedByAdmin, start)
	must(t, err)
	want[2].RevokedAt, want[2].RevokeReason = start, audit.RevokedByAdmin
	first, err := s.Grants(t.Context(), grant.Filter{Subject: "usr_ann", Limit: 3})
	must(t, err)
	equal(t, first.Grants, want[:3])
	second, err := s.Grants(t.Context(), grant.Filter{Subject: "usr_ann", After: first.Next, Limit: 3})
	must(t, err)
	equal(t, second, grant.Page{Grants: want[3:]})
	equal(t, grants(t, s, grant.Filter{Subject: "usr_nobody", Limit: 3}), []grant.Grant(nil))
}

// grants returns the grants that the filter selects.
func grants(t *testing.T, s Store, f grant.Filter) []grant.Grant {
	t.Helper()
	found, err := s.Grants(t.Context(), f)
	must(t, err)
	return found.Grants
}

func grantsOfOneClient(t *testing.T, s Store) {
	mine, others := aGrant(1, "usr_ann"), aGrant(2, "usr_ann")
	others.ClientID = "other"
	withGrant(t, s, mine)
	withGrant(t, s, others)
	equal(t, grants(t, s, grant.Filter{Subject: "usr_ann", ClientID: "app", Limit: 9}), []grant.Grant{mine})
	equal(t, grants(t, s, grant.Filter{Subject: "usr_ann", ClientID: "nobody", Limit: 9}), []grant.Grant(nil))
	n, err := revokeAll(t.Context(), s, "usr_ann", "app", oauth.GrantID{}, audit.RevokedByClient)
	must(t, err)
	equal(t, n.Live, 1)
	equal(t, stored(t, s, mine.ID).RevokeReason, audit.RevokedByClient)
	equal(t, stored(t, s, others.ID), others)
}

// grantsNotEnded: the filter leaves out revoked grants, and expired grants from
// the microsecond of their expiry. It does not leave out suspended grants.
func grantsNotEnded(t *testing.T, s Store) {
	long, revoked := aGrant(1, "usr_ann"), aGrant(2, "usr_ann")
	idle, old := aGrant(3, "usr_ann"), aGrant(4, "usr_ann")
	long.IdleLifetime = 10 * time.Hour
	revoked.RevokedAt, revoked.RevokeReason = start, audit.RevokedByClient
	old.IdleLifetime, old.ExpiresAt = 10*time.Hour, start.Add(2*time.Hour)
	for _, g := range []grant.Grant{long, revoked, idle, old} {
		withGrant(t, s, g)
	}
	for at, want := range map[time.Duration][]grant.Grant{
		0:                              {old, idle, long},
		time.Hour - time.Microsecond:   {old, idle, long},
		time.Hour:                      {old, long},
		2*time.Hour - time.Microsecond: {old, long},
		2 * time.Hour:                  {long},
	} {
		equal(t, grants(t, s, grant.Filter{Subject: "usr_ann", NotEndedAt: start.Add(at), Limit: 9}), want)
	}

	must(t, ended(s.DisableUser(t.Context(), "ann", operator)))
	long.SuspendedAt = start
	f := grant.Filter{Subject: "usr_ann", NotEndedAt: start.Add(2 * time.Hour), Limit: 9}
	equal(t, grants(t, s, f), []grant.Grant{long})
	must(t, ended(revokeAll(t.Context(), s, "usr_ann", "", oauth.GrantID{}, audit.RevokedByAdmin)))
	equal(t, grants(t, s, f), []grant.Grant(nil))
}

// Rule 33: a client cannot revoke the grant of another client.
func revokeGrantNeedsClient(t *testing.T, s Store) {
	g := aGrant(1, "usr_ann")
	withGrant(t, s, g)
	got, changed, err := s.RevokeGrant(t.Context(), g.ID, "other", audit.RevokedByClient, start)
	rejected(t, err, oauth.NotFound)
	equal(t, got, grant.Grant{})
	equal(t, changed, false)
	equal(t, stored(t, s, g.ID), g)
	_, _, err = s.RevokeGrant(t.Context(), oauth.GrantID{9}, "", audit.RevokedByAdmin, start)
	rejected(t, err, oauth.NotFound)
	_, _, err = s.RevokeGrant(t.Context(), oauth.GrantID{9}, "app", audit.RevokedByClient, start)
	rejected(t, err, oauth.NotFound)
}

func revokeGrantTwice(t *testing.T, s Store) {
	for id, clientID := range []string{"app", ""} {
		g := aGrant(byte(id), "usr_ann"+clientID)
		g.SuspendedAt = start
		withGrant(t, s, g)
		g.RevokedAt, g.RevokeReason = start.Add(time.Minute), audit.RevokedByClient
		for i, want := range []bool{true, false} {
			got, changed, err := s.RevokeGrant(t.Context(), g.ID, clientID,
				[]string{audit.RevokedByClient, audit.RevokedByAdmin}[i], start.Add(time.Duration(i+1)*time.Minute))
			must(t, err)
			equal(t, changed, want)
			equal(t, got, g)
			equal(t, stored(t, s, g.ID), g)
		}
	}
}

func revokeGrantsKeepsOthers(t *testing.T, s Store) {
	u := withUser(t, s, "ann")
	ended, excepted, mine, other := aGrant(1, u.ID), aGrant(2, u.ID), aGrant(3, u.ID), aGrant(4, "usr_bob")
	ended.RevokedAt, ended.RevokeReason = start, audit.RevokedByClient
	for _, g := range []grant.Grant{ended, excepted, mine, other} {
		withGrant(t, s, g)
	}
	revoke := func(userID string, except oauth.GrantID, want int) time.Time {
		t.Helper()
		e, err := revokeAll(t.Context(), s, userID, "", except, audit.RevokedByAdmin)
		must(t, err)
		equal(t, e.Live, want)
		return e.At
	}
	revoke("usr_nobody", oauth.GrantID{}, 0)
	then := revoke(u.ID, excepted.ID, 1)
	mine.RevokedAt, mine.RevokeReason = then, audit.RevokedByAdmin
	for _, g := range []grant.Grant{ended, excepted, mine, other} {
		equal(t, stored(t, s, g.ID), g)
	}
	rejected(t, createGrant(t.Context(), s, aGrant(5, u.ID), u.Epoch), oauth.InvalidGrant)
	must(t, createGrant(t.Context(), s, aGrant(5, u.ID), u.Epoch+1))
	revoke(u.ID, oauth.GrantID{}, 2)
	equal(t, stored(t, s, excepted.ID).RevokeReason, audit.RevokedByAdmin)
}

// Rule 32: an error of a store that cannot be reached is never an oauth.Code.
// It names the operation.
func closedStore(t *testing.T, s Store) {
	g := aGrant(1, "usr_ann")
	withGrant(t, s, g)
	must(t, s.Close())

	ctx := t.Context()
	_, errUser := s.User(ctx, "ann")
	_, errByID := s.UserByID(ctx, "usr_nobody")
	_, errUsers := s.Users(ctx, "", 1)
	_, errGrant := s.Grant(ctx, oauth.GrantID{9})
	_, errRefresh := s.RefreshGrant(ctx, currentToken(g))
	_, _, errRevoke := s.RevokeGrant(ctx, oauth.GrantID{9}, "", "", start)
	_, errRevokeAll := revokeAll(ctx, s, "usr_ann", "", oauth.GrantID{}, "")
	_, errGrants := s.Grants(ctx, grant.Filter{Subject: "usr_nobody", Limit: 1})
	_, _, errVersion := s.DirectoryVersion(ctx)
	_, errDirectory := s.Directory(ctx)
	_, errRingVersion := s.RingVersion(ctx)
	_, errRing := s.Ring(ctx)
	_, errSweep := s.SweepGrants(ctx, oauth.GrantID{}, 1, start, start)
	_, errSweepAssertions := s.SweepAssertions(ctx, start, 1)
	_, errSweepAttempts := s.SweepAttempts(ctx, start, 1)
	counters := []throttle.Counter{throttle.Account("usr_ann")}
	_, errReserve := s.ReserveAttempt(ctx, counters, start)
	editClient, editAudience := func(*client.Client) error { return nil }, func(*client.Audience) error { return nil }

	for _, c := range []struct {
		operation string
		err       error
	}{
		{"read user", errUser},
		{"read user", errByID},
		{"list users", errUsers},
		{"create user", s.CreateUser(ctx, aUser("ann"))},
		{"rehash password", s.Rehash(ctx, "usr_ann", "old", "new")},
		{"change password", changePasswordOf(ctx, s, "usr_ann", "old", "new", oauth.GrantID{})},
		{"disable user", ended(s.DisableUser(ctx, "nobody", operator))},
		{"enable user", s.EnableUser(ctx, "nobody")},
		{"set password", ended(s.SetPassword(ctx, "nobody", "new", operator))},
		{"set claims", s.SetClaims(ctx, "nobody", nil)},
		{"delete user", ended(s.DeleteUser(ctx, "nobody", operator))},
		{"read grant", errGrant},
		{"list grants", errGrants},
		{"create grant", createGrant(ctx, s, g, 0)},
		{"mint grant", mintGrant(ctx, s, aGrant(2, "x"))},
		{"refresh grant", errRefresh},
		{"revoke grant", errRevoke},
		{"revoke grants", errRevokeAll},
		{"sweep grants", errSweep},
		{"read directory version", errVersion},
		{"read directory", errDirectory},
		{"create client", s.CreateClient(ctx, client.Client{ID: "c"})},
		{"update client", s.UpdateClient(ctx, "c", editClient)},
		{"delete client", s.DeleteClient(ctx, "c", operator)},
		{"create audience", s.CreateAudience(ctx, client.Audience{ID: "a"})},
		{"update audience", s.UpdateAudience(ctx, "a", editAudience)},
		{"delete audience", s.DeleteAudience(ctx, "a")},
		{"use assertion", s.UseAssertion(ctx, "app", []byte("id"), start)},
		{"sweep assertions", errSweepAssertions},
		{"reserve attempt", errReserve},
		{"refund attempt", s.RefundAttempt(ctx, counters, start)},
		{"delete attempts", s.DeleteAttempts(ctx, throttle.Owner("usr_ann"))},
		{"sweep attempts", errSweepAttempts},
		{"read ring version", errRingVersion},
		{"read ring", errRing},
		{"swap ring", s.SwapRing(ctx, 0, keys.Ring{}, nil)},
	} {
		var code oauth.Code
		if c.err == nil || errors.As(c.err, &code) {
			t.Errorf("%s on a closed store: %v, want an error that is no oauth.Code", c.operation, c.err)
		} else if !strings.HasPrefix(c.err.Error(), c.operation+": ") {
			t.Errorf("error %q, want one that begins with %q", c.err, c.operation)
		}
	}
}
