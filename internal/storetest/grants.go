package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
)

var grantCases = []single{
	{"GrantComesBackAsItWent", grantComesBack},
	{"CreateGrantNeedsTheUserAsRead", createGrantNeedsUser},
	{"MintGrantNeedsNoUser", mintGrantNeedsNoUser},
	{"GrantsArePaged", grantsArePaged},
	{"GrantsOfOneClient", grantsOfOneClient},
	{"GrantsThatHaveNotEnded", grantsNotEnded},
	{"Rule33_RevokeGrantIsTheClients", revokeGrantIsTheClients},
	{"RevokeGrantTwiceIsOnce", revokeGrantTwice},
	{"RevokeGrantsLeavesOthers", revokeGrantsLeavesOthers},
	{"Rule32_AClosedStoreAnswersNothing", closedStore},
}

func grantComesBack(t *testing.T, s Store) {
	full := aGrant(1, "usr_ann")
	full.Generation = 1<<32 - 1
	full.Claims = map[string]any{"roles": []any{"a", "b"}, "level": 2.5, "tenant": "t", "staff": true}
	full.SuspendedAt, full.RevokedAt, full.RevokeReason = start.Add(1), start.Add(2*time.Microsecond), audit.RevokedByReuse
	bare := grant.Grant{ID: oauth.GrantID{0, 255}, UserID: "usr_ann", RotatedAt: start, ExpiresAt: start, CreatedAt: start}
	withGrant(t, s, full)
	withGrant(t, s, bare)
	full.SuspendedAt = start // what is finer than a microsecond is cut off
	equal(t, stored(t, s, full.ID), full)
	equal(t, stored(t, s, bare.ID), bare)
	_, err := s.Grant(t.Context(), oauth.GrantID{9})
	refused(t, err, oauth.NotFound)
}

func createGrantNeedsUser(t *testing.T, s Store) {
	refused(t, s.CreateGrant(t.Context(), aGrant(1, "usr_nobody"), 0), oauth.InvalidGrant)
	u := withUser(t, s, "ann")
	refused(t, s.CreateGrant(t.Context(), aGrant(1, u.ID), 1), oauth.InvalidGrant)
	refused(t, s.CreateGrant(t.Context(), aGrant(1, u.Username), 0), oauth.InvalidGrant)
	must(t, s.DisableUser(t.Context(), "ann", start))
	refused(t, s.CreateGrant(t.Context(), aGrant(1, u.ID), 0), oauth.InvalidGrant)
	refused(t, s.CreateGrant(t.Context(), aGrant(1, u.ID), 1), oauth.InvalidGrant)
	_, err := s.Grant(t.Context(), oauth.GrantID{1})
	refused(t, err, oauth.NotFound)
	must(t, s.EnableUser(t.Context(), "ann"))
	must(t, s.CreateGrant(t.Context(), aGrant(1, u.ID), 2))
	err = s.CreateGrant(t.Context(), aGrant(1, u.ID), 2)
	var code oauth.Code
	if err == nil || errors.As(err, &code) {
		t.Errorf("the same id twice: %v, want an error that is no answer", err)
	}
}

func mintGrantNeedsNoUser(t *testing.T, s Store) {
	g := aGrant(1, "customer 7")
	g.Claims = map[string]any{"roles": []any{"a"}}
	must(t, s.MintGrant(t.Context(), g))
	equal(t, stored(t, s, g.ID), g)
	v := refresh(t, s, present(g))
	equal(t, v.Outcome, grant.Rotated)
	equal(t, v.Grant.Claims, g.Claims)
	err := s.MintGrant(t.Context(), g)
	var code oauth.Code
	if err == nil || errors.As(err, &code) {
		t.Errorf("the same id twice: %v, want an error that is no answer", err)
	}
	n, err := s.RevokeGrants(t.Context(), g.UserID, g.ClientID, oauth.GrantID{}, audit.RevokedByClient, start)
	must(t, err)
	equal(t, n, 1)
}

func grantsArePaged(t *testing.T, s Store) {
	var want []grant.Grant
	for _, id := range []byte{200, 3, 90, 1} {
		withGrant(t, s, aGrant(id, "usr_ann"))
	}
	withGrant(t, s, aGrant(4, "usr_bob"))
	for _, id := range []byte{1, 3, 90, 200} {
		want = append(want, aGrant(id, "usr_ann"))
	}
	_, _, err := s.RevokeGrant(t.Context(), oauth.GrantID{3}, "", audit.RevokedByAdmin, start)
	must(t, err)
	want[1].RevokedAt, want[1].RevokeReason = start, audit.RevokedByAdmin
	equal(t, grants(t, s, grant.Filter{Subject: "usr_ann", Limit: 3}), want[:3])
	equal(t, grants(t, s, grant.Filter{Subject: "usr_ann", After: want[2].ID, Limit: 3}), want[3:])
	equal(t, grants(t, s, grant.Filter{Subject: "usr_nobody", Limit: 3}), []grant.Grant(nil))
}

// grants returns those that the filter means.
func grants(t *testing.T, s Store, f grant.Filter) []grant.Grant {
	t.Helper()
	found, err := s.Grants(t.Context(), f)
	must(t, err)
	return found
}

func grantsOfOneClient(t *testing.T, s Store) {
	mine, others := aGrant(1, "usr_ann"), aGrant(2, "usr_ann")
	others.ClientID = "other"
	withGrant(t, s, mine)
	withGrant(t, s, others)
	equal(t, grants(t, s, grant.Filter{Subject: "usr_ann", ClientID: "app", Limit: 9}), []grant.Grant{mine})
	equal(t, grants(t, s, grant.Filter{Subject: "usr_ann", ClientID: "nobody", Limit: 9}), []grant.Grant(nil))
	n, err := s.RevokeGrants(t.Context(), "usr_ann", "app", oauth.GrantID{}, audit.RevokedByClient, start)
	must(t, err)
	equal(t, n, 1)
	equal(t, stored(t, s, mine.ID).RevokeReason, audit.RevokedByClient)
	equal(t, stored(t, s, others.ID), others)
}

// grantsNotEnded leaves out what is revoked, and what has expired to the microsecond; what is suspended may come back.
func grantsNotEnded(t *testing.T, s Store) {
	suspended, revoked, idle, old := aGrant(1, "usr_ann"), aGrant(2, "usr_ann"), aGrant(3, "usr_ann"), aGrant(4, "usr_ann")
	suspended.SuspendedAt = start
	suspended.IdleLifetime = 10 * time.Hour
	revoked.RevokedAt, revoked.RevokeReason = start, audit.RevokedByClient
	old.IdleLifetime, old.ExpiresAt = 10*time.Hour, start.Add(2*time.Hour)
	for _, g := range []grant.Grant{suspended, revoked, idle, old} {
		withGrant(t, s, g)
	}
	for at, want := range map[time.Duration][]grant.Grant{
		0:                              {suspended, idle, old},
		time.Hour - time.Microsecond:   {suspended, idle, old},
		time.Hour:                      {suspended, old},
		2*time.Hour - time.Microsecond: {suspended, old},
		2 * time.Hour:                  {suspended},
	} {
		equal(t, grants(t, s, grant.Filter{Subject: "usr_ann", NotEndedAt: start.Add(at), Limit: 9}), want)
	}
}

func revokeGrantIsTheClients(t *testing.T, s Store) {
	g := aGrant(1, "usr_ann")
	withGrant(t, s, g)
	got, changed, err := s.RevokeGrant(t.Context(), g.ID, "other", audit.RevokedByClient, start)
	refused(t, err, oauth.NotFound)
	equal(t, got, grant.Grant{})
	equal(t, changed, false)
	equal(t, stored(t, s, g.ID), g)
	_, _, err = s.RevokeGrant(t.Context(), oauth.GrantID{9}, "", audit.RevokedByAdmin, start)
	refused(t, err, oauth.NotFound)
	_, _, err = s.RevokeGrant(t.Context(), oauth.GrantID{9}, "app", audit.RevokedByClient, start)
	refused(t, err, oauth.NotFound)
}

func revokeGrantTwice(t *testing.T, s Store) {
	for id, clientID := range []string{"app", ""} {
		g := aGrant(byte(id), "usr_ann")
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

func revokeGrantsLeavesOthers(t *testing.T, s Store) {
	u := withUser(t, s, "ann")
	ended, kept, mine, other := aGrant(1, u.ID), aGrant(2, u.ID), aGrant(3, u.ID), aGrant(4, "usr_bob")
	ended.RevokedAt, ended.RevokeReason = start, audit.RevokedByClient
	for _, g := range []grant.Grant{ended, kept, mine, other} {
		withGrant(t, s, g)
	}
	then := start.Add(time.Minute)
	revoke := func(userID string, except oauth.GrantID, want int) {
		t.Helper()
		n, err := s.RevokeGrants(t.Context(), userID, "", except, audit.RevokedByAdmin, then)
		must(t, err)
		equal(t, n, want)
	}
	revoke("usr_nobody", oauth.GrantID{}, 0)
	revoke(u.ID, kept.ID, 1)
	mine.RevokedAt, mine.RevokeReason = then, audit.RevokedByAdmin
	for _, g := range []grant.Grant{ended, kept, mine, other} {
		equal(t, stored(t, s, g.ID), g)
	}
	refused(t, s.CreateGrant(t.Context(), aGrant(5, u.ID), u.Epoch), oauth.InvalidGrant)
	must(t, s.CreateGrant(t.Context(), aGrant(5, u.ID), u.Epoch+1))
	revoke(u.ID, oauth.GrantID{}, 2)
	equal(t, stored(t, s, kept.ID).RevokeReason, audit.RevokedByAdmin)
}

// closedStore stands for every store that cannot be asked: what it says is never knowledge.
func closedStore(t *testing.T, s Store) {
	g := aGrant(1, "usr_ann")
	withGrant(t, s, g)
	must(t, s.Close())
	ctx := t.Context()
	_, errUser := s.User(ctx, "ann")
	_, errByID := s.UserByID(ctx, "usr_nobody")
	_, errGrant := s.Grant(ctx, oauth.GrantID{9})
	_, errRefresh := s.RefreshGrants(ctx, []grant.RefreshAttempt{present(g)})
	_, _, errRevoke := s.RevokeGrant(ctx, oauth.GrantID{9}, "", "", start)
	_, errAll := s.RevokeGrants(ctx, "usr_ann", "", oauth.GrantID{}, "", start)
	_, errGrants := s.Grants(ctx, grant.Filter{Subject: "usr_nobody", Limit: 1})
	_, _, errVersion := s.DirectoryVersion(ctx)
	_, errDirectory := s.Directory(ctx)
	_, errRingVersion := s.RingVersion(ctx)
	_, errRing := s.Ring(ctx)
	_, errSweep := s.SweepGrants(ctx, oauth.GrantID{}, 1, start, start)
	for what, err := range map[string]error{
		"SweepGrants": errSweep,
		"User":        errUser, "UserByID": errByID, "Grant": errGrant, "RefreshGrants": errRefresh, "RevokeGrant": errRevoke,
		"RevokeGrants": errAll, "DirectoryVersion": errVersion, "Directory": errDirectory, "RingVersion": errRingVersion,
		"Grants": errGrants, "MintGrant": s.MintGrant(ctx, aGrant(2, "x")),
		"Ring": errRing, "CreateGrant": s.CreateGrant(ctx, g, 0), "CreateUser": s.CreateUser(ctx, aUser("ann")),
		"UseAssertion": s.UseAssertion(ctx, "app", []byte("id"), start),
		"CreateClient": s.CreateClient(ctx, client.Client{ID: "c"}), "DisableUser": s.DisableUser(ctx, "nobody", start),
	} {
		var code oauth.Code
		if err == nil || errors.As(err, &code) {
			t.Errorf("%s of a closed store: %v, want an error that is no answer", what, err)
		}
	}
}
