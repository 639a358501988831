package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
)

var endingScanCases = []singleCase{
	{"EndingWithoutGrantsStaysForTheDelay", endingWithoutGrants},
	{"ManyEndingsAreAppliedTogether", manyEndings},
	{"EndingIsDeletedByAScanThatRevokesNothing", endingIsScannedAgain},
	{"EndingIsDeletedByAScanThatBeganAfterTheDelay", scanBeforeTheDelay},
	{"FirstOfTwoEndingsCounts", firstEndingCounts},
	{"Rule28_MintDuringASuspension", mintDuringSuspension},
	{"ClientIsDeletedTwice", clientDeletedTwice},
	{"OldestGrantsAreRevokedInParts", oldestAreBounded},
	{"CountOfALogin", countsOfALogin},
	{"CountsAfterARestore", countsAfterARestore},
}

// someGrants creates n grants of a subject. The first live of them are live,
// and the others expired long ago.
func someGrants(t *testing.T, s Store, subject string, n, live byte) {
	t.Helper()
	for id := range n {
		g := aGrant(id+1, subject)
		if id >= live {
			g.ExpiresAt = start.Add(-48 * time.Hour)
		}
		must(t, mintGrant(t.Context(), s, g))
	}
}

// endingWithoutGrants: an ending that concerns no grant yet stays, because a
// request in progress may still create one. The worker does not continue with
// it before the delay is over.
func endingWithoutGrants(t *testing.T, s Store) {
	for _, subject := range []string{"customer 7", "customer 8"} {
		must(t, ended(revokeAll(t.Context(), s, subject, "", oauth.GrantID{}, audit.RevokedByAdmin)))
		for _, want := range []grant.AppliedEndings{{Continued: 1}, {}} {
			got, err := s.ApplyEndings(t.Context(), 100, time.Hour)
			must(t, err)
			equal(t, got, want)
		}
	}
}

// manyEndings: a call continues with a limited number of endings. It examines
// some grants for each of them, even if they are more than its limit of grants.
func manyEndings(t *testing.T, s Store) {
	const endings, together = 70, 64
	for i := range byte(endings) {
		subject := fmt.Sprint("customer ", i)
		if i%10 == 0 {
			must(t, mintGrant(t.Context(), s, aGrant(i+1, subject)))
		}
		must(t, ended(revokeAll(t.Context(), s, subject, "", oauth.GrantID{}, audit.RevokedByAdmin)))
	}
	first, err := s.ApplyEndings(t.Context(), 8, time.Hour)
	must(t, err)
	if first.Continued > together {
		t.Errorf("a call continued with %d endings, want at most %d", first.Continued, together)
	}
	equal(t, first.Revoked+applyAll(t, s, 8, time.Hour).Revoked, endings/10)
}

// endingIsScannedAgain: after a scan that revoked a grant, in any of its
// batches, the worker scans all grants again.
func endingIsScannedAgain(t *testing.T, s Store) {
	someGrants(t, s, "customer 7", 20, 5)
	must(t, ended(revokeAll(t.Context(), s, "customer 7", "", oauth.GrantID{}, audit.RevokedByAdmin)))
	equal(t, applyAll(t, s, 8, 0), grant.AppliedEndings{Examined: 2 * 20, Revoked: 5, Done: 1})
}

// scanBeforeTheDelay: a scan that began before the delay was over does not
// delete the ending, even if it ends later.
func scanBeforeTheDelay(t *testing.T, s Store) {
	someGrants(t, s, "customer 7", 20, 0)
	then := at(t)(revokeAll(t.Context(), s, "customer 7", "", oauth.GrantID{}, audit.RevokedByAdmin))
	_, err := s.ApplyEndings(t.Context(), 8, time.Hour)
	must(t, err)
	// The delay ends at the moment of another act, in the middle of the scan.
	delay := at(t)(revokeAll(t.Context(), s, "customer 8", "", oauth.GrantID{}, audit.RevokedByAdmin)).Sub(then)
	if sum := applyAll(t, s, 8, delay); sum.Examined != 2*20-8 {
		t.Errorf("the worker examined %d grants, want the rest of one scan and a second scan", sum.Examined)
	}
}

// firstEndingCounts: of several endings that concern a grant, the first has
// effect. The worker does not change that.
func firstEndingCounts(t *testing.T, s Store) {
	g, later := aGrant(1, "usr_ann"), aGrant(2, "usr_ann")
	g.RevokedAt, g.RevokeReason = start, audit.RevokedByReuse
	withGrant(t, s, g)
	withGrant(t, s, later)
	later.RevokedAt = at(t)(revokeAll(t.Context(), s, "usr_ann", "app", oauth.GrantID{}, audit.RevokedByClient))
	later.RevokeReason = audit.RevokedByClient
	must(t, ended(revokeAll(t.Context(), s, "usr_ann", "", oauth.GrantID{}, audit.RevokedByAdmin)))
	must(t, ended(s.DeleteUser(t.Context(), "ann", operator)))
	for range 2 {
		equal(t, stored(t, s, g.ID), g)
		equal(t, stored(t, s, later.ID), later)
		apply(t, s, 100, 0)
	}
}

// Rule 28: a grant that is created while its user is disabled is suspended
// until the user is enabled.
func mintDuringSuspension(t *testing.T, s Store) {
	u := withUser(t, s, "ann")
	must(t, ended(s.DisableUser(t.Context(), u.Username, operator)))
	g := aGrant(1, u.ID)
	must(t, mintGrant(t.Context(), s, g))
	equal(t, refresh(t, s, currentToken(g)).Outcome, grant.Suspended)
	must(t, s.EnableUser(t.Context(), u.Username))
	if created := stored(t, s, g.ID).CreatedAt; time.Since(created).Abs() > time.Hour {
		t.Errorf("the grant was created at %v", created)
	}
	equal(t, refresh(t, s, currentToken(g)).Outcome, grant.Rotated)
}

// clientDeletedTwice: each deletion of a client revokes the grants that were
// created since the one before, even if both are pending.
func clientDeletedTwice(t *testing.T, s Store) {
	for id := range byte(3) {
		must(t, s.CreateClient(t.Context(), aClient("app")))
		withGrant(t, s, aGrant(id+1, "usr_ann"))
		if id < 2 {
			must(t, s.DeleteClient(t.Context(), "app", operator))
		}
	}
	for id := range byte(3) {
		g := stored(t, s, oauth.GrantID{id + 1})
		if g.RevokedAt.IsZero() != (id == 2) || id < 2 && g.RevokedAt.Before(g.CreatedAt) {
			t.Errorf("the grant %d of %v was revoked at %v", id+1, g.CreatedAt, g.RevokedAt)
		}
	}
}

// oldestAreBounded: RevokeOldest revokes at most MaxOldest grants, and neither
// counts nor revokes those that have ended.
func oldestAreBounded(t *testing.T, s Store) {
	const live, limit = grant.MaxOldest + 5, 2
	mint := func(first byte, n int, change func(*grant.Grant)) {
		for i := range n {
			g := aGrant(0, "customer 7")
			g.ID = oauth.GrantID{first, byte(i)}
			change(&g)
			must(t, mintGrant(t.Context(), s, g))
		}
	}
	// All of these were used less recently than the live ones.
	old := start.Add(-30 * time.Minute)
	mint(1, 3, func(g *grant.Grant) { g.RotatedAt = old })
	must(t, ended(revokeAll(t.Context(), s, "customer 7", "", oauth.GrantID{}, audit.RevokedByAdmin))) // pending
	mint(2, 3, func(g *grant.Grant) { g.RotatedAt, g.ExpiresAt = old, start })
	mint(3, 3, func(g *grant.Grant) { g.RotatedAt, g.IdleLifetime = old, time.Minute })
	mint(4, 3, func(g *grant.Grant) { g.RotatedAt, g.RevokedAt = old, start })
	mint(5, live, func(*grant.Grant) {})

	for _, want := range []int{grant.MaxOldest, live - grant.MaxOldest - limit, 0} {
		revoked, err := s.RevokeOldest(t.Context(), "customer 7", "app", oauth.GrantID{}, limit, audit.RevokedByLimit)
		must(t, err)
		equal(t, len(revoked), want)
		for _, g := range revoked {
			equal(t, g.ID[0], byte(5))
		}
	}
}

// countsOfALogin: CreateGrant counts the live grants of the user at the client.
func countsOfALogin(t *testing.T, s Store) {
	u := withUser(t, s, "ann")
	pending, expired, idle := aGrant(1, u.ID), aGrant(2, u.ID), aGrant(3, u.ID)
	revoked, other, live := aGrant(4, u.ID), aGrant(5, u.ID), aGrant(6, u.ID)
	expired.ExpiresAt = start
	idle.IdleLifetime = time.Minute
	revoked.RevokedAt = start
	other.ClientID = "other"
	must(t, mintGrant(t.Context(), s, pending))
	must(t, ended(revokeAll(t.Context(), s, u.ID, "app", oauth.GrantID{}, audit.RevokedByClient)))
	for _, g := range []grant.Grant{expired, idle, revoked, other, live} {
		must(t, mintGrant(t.Context(), s, g))
	}
	created, err := s.CreateGrant(t.Context(), aGrant(7, u.ID), u.Epoch, 100)
	must(t, err)
	equal(t, created.Live, 2)
}

// countsAfterARestore: after a restore, a grant counts as live although its
// idle lifetime is over, because its client may have a newer token.
func countsAfterARestore(t *testing.T, s Store) {
	u := withUser(t, s, "ann")
	for id := range byte(3) {
		g := aGrant(id+1, u.ID)
		g.IdleLifetime = time.Minute
		must(t, mintGrant(t.Context(), s, g))
	}
	ring, err := s.Ring(t.Context())
	must(t, err)
	ring.Restored++
	must(t, s.SwapRing(t.Context(), ring.Version, ring, nil))
	ring.Version++
	must(t, s.SwapRing(t.Context(), ring.Version, ring, nil)) // A later change of the ring is no restore.

	created, err := s.CreateGrant(t.Context(), aGrant(4, u.ID), u.Epoch, 100)
	must(t, err)
	equal(t, created.Live, 4)
	revoked, err := s.RevokeOldest(t.Context(), u.ID, "app", oauth.GrantID{4}, 3, audit.RevokedByLimit)
	must(t, err)
	equal(t, len(revoked), 1)
	n, err := revokeAll(t.Context(), s, u.ID, "", oauth.GrantID{}, audit.RevokedByAdmin)
	must(t, err)
	equal(t, n.Live, 3)
}
