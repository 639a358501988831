package storetest

import (
	"sync"
	"testing"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
)

var touchCases = []singleCase{
	{"TouchBeginsTheIdleLifetimeAgain", touchBeginsIdle},
	{"TouchOfAnEndedGrantChangesNothing", touchOfEnded},
	{"TouchKeepsTheLateRetry", touchKeepsLateRetry},
	{"TouchAfterARestore", touchAfterRestore},
}

// touchBeginsIdle touches a grant: only RotatedAt changes, and never to an
// earlier time.
func touchBeginsIdle(t *testing.T, s Store) {
	g, other := aGrant(1, "usr_ann"), aGrant(2, "usr_ann")
	g.Claims = map[string]any{"level": 2.5}
	withGrant(t, s, g)
	withGrant(t, s, other)

	for _, later := range []time.Duration{6 * time.Minute, time.Hour, 2*time.Hour - 2*aMicro} {
		at := start.Add(later - aMicro)
		must(t, s.TouchGrant(t.Context(), g.ID, at.Add(aMicro-1))) // The store truncates times to microseconds.
		g.RotatedAt = at
		equal(t, stored(t, s, g.ID), g)
		must(t, s.TouchGrant(t.Context(), g.ID, at.Add(-time.Minute)))
		equal(t, stored(t, s, g.ID), g)
	}
	equal(t, stored(t, s, other.ID), other)

	a := currentToken(g) // It is received more than an idle lifetime after start.
	r := refresh(t, s, a)
	equal(t, r.Outcome, grant.Rotated)
	equal(t, r.Grant, after(grant.Rotated, g, a))
}

// touchOfEnded touches grants that are not active at that time, and one that
// does not exist.
func touchOfEnded(t *testing.T, s Store) {
	live := aGrant(1, "usr_ann")
	revoked, suspended, expired := live, live, live
	revoked.ID, revoked.RevokedAt, revoked.RevokeReason = oauth.GrantID{2}, start, audit.RevokedByClient
	suspended.ID, suspended.UserID, suspended.SuspendedAt = oauth.GrantID{3}, "usr_bob", start
	expired.ID, expired.ExpiresAt = oauth.GrantID{4}, start.Add(time.Minute)
	for _, g := range []grant.Grant{live, revoked, suspended, expired} {
		withGrant(t, s, g)
	}
	touch := func(g grant.Grant, at time.Time) {
		t.Helper()
		want := stored(t, s, g.ID)
		must(t, s.TouchGrant(t.Context(), g.ID, at))
		equal(t, stored(t, s, g.ID), want)
	}
	touch(revoked, start.Add(time.Second))
	touch(suspended, start.Add(time.Second))
	touch(expired, start.Add(time.Minute))
	touch(live, start.Add(time.Hour)) // The idle lifetime has ended.
	must(t, s.TouchGrant(t.Context(), oauth.GrantID{9}, start))
	_, err := s.Grant(t.Context(), oauth.GrantID{9})
	rejected(t, err, oauth.NotFound)

	at(t)(revokeAll(t.Context(), s, "usr_ann", "", oauth.GrantID{}, audit.RevokedByAdmin))
	touch(live, start.Add(time.Second)) // The ending is not written into the grant yet.
	apply(t, s, 100, 0)
	touch(live, start.Add(time.Second))
}

// touchKeepsLateRetry touches a grant between two late retries. Only the first
// of them is late.
func touchKeepsLateRetry(t *testing.T, s Store) {
	g := aGrant(1, "usr_ann")
	withGrant(t, s, g)
	retry := func(received time.Time) bool {
		t.Helper()
		a := currentToken(g)
		a.Generation, a.KeyHash, a.ReceivedAt = g.Generation-1, g.KeyHash, received
		r := refresh(t, s, a)
		equal(t, r.Outcome, grant.Retried)
		return r.LateRetry
	}
	equal(t, retry(start.Add(time.Minute)), true)
	must(t, s.TouchGrant(t.Context(), g.ID, start.Add(2*time.Minute)))
	equal(t, retry(start.Add(3*time.Minute)), false)
}

// touchAfterRestore touches grants after a restore. Reads return both of them
// as active. But a session token never shows that its row is old, so the touch
// does not revive the grant whose idle lifetime had ended.
func touchAfterRestore(t *testing.T, s Store) {
	idle, live := aGrant(1, "usr_ann"), aGrant(2, "usr_ann")
	idle.RotatedAt = start.Add(-24 * time.Hour)
	withGrant(t, s, idle)
	withGrant(t, s, live)
	ring, err := s.Ring(t.Context())
	must(t, err)
	ring.Restored++
	must(t, s.SwapRing(t.Context(), ring.Version, ring, nil))

	at := start.Add(30 * time.Minute)
	for _, g := range []grant.Grant{idle, live} {
		equal(t, stored(t, s, g.ID).State(at), grant.StateActive)
		must(t, s.TouchGrant(t.Context(), g.ID, at))
	}
	equal(t, stored(t, s, idle.ID).AsStored().RotatedAt, idle.RotatedAt)
	equal(t, stored(t, s, live.ID).AsStored().RotatedAt, at)
}

// touchesAndRefreshes touches and refreshes grants concurrently. No touch loses
// a rotation, and the time of a grant never goes back.
func touchesAndRefreshes(t *testing.T, servers [2]Store) {
	const grants, rounds = 8, 12
	for i := range byte(grants) {
		withGrant(t, servers[0], aGrant(i+1, "usr_ann"))
	}
	moment := func(round int) time.Time { return start.Add(time.Duration(round) * time.Second) }
	atOnce(servers, 3*grants, func(n int, s Store) {
		g := aGrant(byte(n%grants)+1, "usr_ann")
		for round := 1; round <= rounds; round++ {
			if n >= grants {
				if err := s.TouchGrant(t.Context(), g.ID, moment(round)); err != nil {
					t.Error(err)
				}
				continue
			}
			before := g.RotatedAt
			a := currentToken(g)
			a.ReceivedAt = moment(round)
			r, err := s.RefreshGrant(t.Context(), a)
			if err != nil || r.Outcome != grant.Rotated {
				t.Errorf("refresh: %s, %v", r.Outcome, err)
				return
			}
			if g = r.Grant; g.RotatedAt.Before(before) || g.RotatedAt.Before(a.ReceivedAt) {
				t.Errorf("the time went from %s to %s, received at %s", before, g.RotatedAt, a.ReceivedAt)
			}
		}
	})
	for i := range byte(grants) {
		row := stored(t, servers[1], oauth.GrantID{i + 1})
		equal(t, row.Generation, uint32(5+rounds))
		equal(t, row.RotatedAt, moment(rounds))
	}
}

// touchesAndRevocations touches grants while they are revoked. None is active
// afterwards.
func touchesAndRevocations(t *testing.T, servers [2]Store) {
	const grants = 16
	for i := range byte(grants) {
		withGrant(t, servers[0], aGrant(i+1, "usr_ann"))
	}
	var revoking sync.WaitGroup
	revoking.Add(grants)
	atOnce(servers, 2*grants, func(n int, s Store) {
		id := oauth.GrantID{byte(n%grants) + 1}
		if n >= grants {
			defer revoking.Done()
			_, changed, err := s.RevokeGrant(t.Context(), id, "", audit.RevokedByClient, start)
			if err != nil || !changed {
				t.Errorf("revoke: %v, %v", changed, err)
			}
			return
		}
		for i := range 10 {
			if err := s.TouchGrant(t.Context(), id, start.Add(time.Duration(i)*time.Second)); err != nil {
				t.Error(err)
			}
		}
		revoking.Wait()
		before := stored(t, s, id)
		must(t, s.TouchGrant(t.Context(), id, start.Add(time.Minute)))
		equal(t, stored(t, s, id), before)
		equal(t, before.State(start), grant.StateRevoked)
	})
}
