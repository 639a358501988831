package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
)

// Rule 31: after a restore, a token that is ahead of its row is accepted
// although the row's idle lifetime is over, for one idle lifetime. The absolute
// lifetime counts, and so does a revocation. For reads, the grant is live, too.
func idleAfterRestore(t *testing.T, s Store) {
	idle := aGrant(1, "usr_ann")
	idle.IdleLifetime, idle.RotatedAt = time.Hour, start.Add(-24*time.Hour)
	expired, revoked := idle, idle
	expired.ID, expired.ExpiresAt = oauth.GrantID{2}, start
	revoked.ID, revoked.RevokedAt = oauth.GrantID{3}, start
	for _, g := range []grant.Grant{idle, expired, revoked} {
		withGrant(t, s, g)
	}
	attempt := func(g grant.Grant, generations uint32, received time.Time) grant.Outcome {
		a := currentToken(g)
		a.Generation, a.ReceivedAt = a.Generation+generations, received
		return refresh(t, s, a).Outcome
	}
	now := time.Now()
	state := func(g grant.Grant, now time.Time) grant.State {
		read, err := s.Grant(t.Context(), g.ID)
		must(t, err)
		return read.State(now)
	}
	notEnded := func(now time.Time) []oauth.GrantID {
		page, err := s.Grants(t.Context(), grant.Filter{Subject: "usr_ann", NotEndedAt: now, Limit: 10})
		must(t, err)
		var ids []oauth.GrantID
		for _, g := range page.Grants {
			equal(t, g.State(now), grant.StateActive)
			ids = append(ids, g.ID)
		}
		return ids
	}
	equal(t, attempt(idle, 2, now), grant.Expired)
	equal(t, state(idle, now), grant.StateExpired)
	equal(t, len(notEnded(now)), 0)

	ring, err := s.Ring(t.Context())
	must(t, err)
	must(t, s.SwapRing(t.Context(), ring.Version, ring, nil)) // Another change of the ring is no restore.
	equal(t, attempt(idle, 2, now), grant.Expired)
	ring.Version++
	ring.Restored++
	must(t, s.SwapRing(t.Context(), ring.Version, ring, nil))
	equal(t, attempt(idle, 0, now), grant.Expired)
	equal(t, attempt(idle, 2, now.Add(time.Hour+time.Minute)), grant.Expired)
	equal(t, attempt(expired, 2, now), grant.Expired)
	equal(t, attempt(revoked, 2, now), grant.Revoked)
	equal(t, state(idle, now), grant.StateActive)
	equal(t, state(idle, now.Add(time.Hour+time.Minute)), grant.StateExpired)
	equal(t, state(expired, now), grant.StateExpired)
	equal(t, state(revoked, now), grant.StateRevoked)
	equal(t, notEnded(now), []oauth.GrantID{idle.ID})
	equal(t, len(notEnded(now.Add(time.Hour+time.Minute))), 0)

	// The sweeper and the worker take the row for live, too.
	batch, err := s.SweepGrants(t.Context(), oauth.GrantID{}, 100, now, now)
	must(t, err)
	equal(t, batch.Live, 1)
	if _, err := s.Grant(t.Context(), expired.ID); !errors.Is(err, oauth.NotFound) {
		t.Errorf("the grant at the end of its absolute lifetime: %v", err)
	}
	equal(t, attempt(idle, 2, now), grant.Ahead)
	equal(t, attempt(idle, 3, now), grant.Rotated)
}

// Rule 31: an ending from before an operator accepts a restore, such as one of
// a replay, also revokes the grants whose rows look idle. Later, a token that
// is ahead of such a row does not continue the grant.
func endingBeforeRestore(t *testing.T, s Store) {
	g := aGrant(1, "usr_ann")
	g.IdleLifetime, g.RotatedAt = time.Hour, start.Add(-48*time.Hour)
	withGrant(t, s, g)
	at(t)(revokeAll(t.Context(), s, "usr_ann", "", oauth.GrantID{}, audit.RevokedByAdmin))
	_, done := apply(t, s, 100, 0)
	equal(t, done, 1)

	ring, err := s.Ring(t.Context())
	must(t, err)
	ring.Restored++
	must(t, s.SwapRing(t.Context(), ring.Version, ring, nil))
	a := currentToken(g)
	a.Generation, a.ReceivedAt = a.Generation+2, time.Now()
	equal(t, refresh(t, s, a).Outcome, grant.Revoked)
}
