package storetest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
)

var sweepCases = []singleCase{
	{"SweepDeletesEndedGrants", sweepDeletes},
	{"SweepExaminesBatches", sweepBatches},
}

// sweep sweeps one batch and fails the test if the result is not want.
func sweep(t *testing.T, s Store, after oauth.GrantID, limit int, now, endedBy time.Time, want grant.SweepBatch) {
	t.Helper()
	got, err := s.SweepGrants(t.Context(), after, limit, now, endedBy)
	must(t, err)
	equal(t, got, want)
}

// sweepDeletes: a grant is deleted if either lifetime has ended, even if it is
// revoked or suspended. No other grant is deleted.
func sweepDeletes(t *testing.T, s Store) {
	endedBy := start.Add(3 * time.Hour)
	var remaining, deleted []grant.Grant
	create := func(list *[]grant.Grant, change func(*grant.Grant)) {
		g := aGrant(byte(1+len(remaining)+len(deleted)), "usr_ann")
		g.RotatedAt, g.IdleLifetime, g.ExpiresAt = start, 4*time.Hour, start.Add(10*time.Hour)
		change(&g)
		if !g.SuspendedAt.IsZero() { // All grants of a user are suspended together.
			g.UserID = fmt.Sprint("usr_suspended", g.ID)
		}
		withGrant(t, s, g)
		*list = append(*list, g)
	}
	create(&remaining, func(*grant.Grant) {})
	create(&deleted, func(g *grant.Grant) { g.ExpiresAt = endedBy })
	create(&remaining, func(g *grant.Grant) { g.ExpiresAt = endedBy.Add(time.Microsecond) })
	create(&deleted, func(g *grant.Grant) { g.IdleLifetime = 3 * time.Hour })
	create(&remaining, func(g *grant.Grant) { g.IdleLifetime = 3*time.Hour + time.Second })
	create(&deleted, func(g *grant.Grant) { g.ExpiresAt, g.RevokedAt = endedBy, start })
	create(&remaining, func(g *grant.Grant) { g.RevokedAt, g.RevokeReason = start, audit.RevokedByReuse })
	create(&deleted, func(g *grant.Grant) { g.IdleLifetime, g.SuspendedAt = time.Hour, start })
	create(&remaining, func(g *grant.Grant) { g.SuspendedAt = start })

	all := len(remaining) + len(deleted)
	last := oauth.GrantID{byte(all)}
	sweep(t, s, oauth.GrantID{}, 100, start, time.Time{}, grant.SweepBatch{Last: last, Examined: all, Live: 5})
	sweep(t, s, oauth.GrantID{}, 100, endedBy, endedBy,
		grant.SweepBatch{Last: last, Examined: all, Live: 3, Deleted: len(deleted)})
	for _, g := range remaining {
		equal(t, stored(t, s, g.ID), g)
	}
	for _, g := range deleted {
		_, err := s.Grant(t.Context(), g.ID)
		rejected(t, err, oauth.NotFound)
		equal(t, refresh(t, s, currentToken(g)), grant.RefreshResult{Outcome: grant.Missing})
	}
	sweep(t, s, oauth.GrantID{}, 100, endedBy, endedBy,
		grant.SweepBatch{Last: last, Examined: len(remaining), Live: 3})
}

func sweepBatches(t *testing.T, s Store) {
	sweep(t, s, oauth.GrantID{}, 2, start, start, grant.SweepBatch{})
	for _, id := range []byte{9, 3, 200, 4, 5} {
		g := aGrant(id, "usr_ann")
		if id == 4 || id == 200 {
			g.ExpiresAt = start
		}
		withGrant(t, s, g)
	}
	sweep(t, s, oauth.GrantID{}, 2, start, start,
		grant.SweepBatch{Last: oauth.GrantID{4}, Examined: 2, Live: 1, Deleted: 1})
	sweep(t, s, oauth.GrantID{4}, 2, start, start,
		grant.SweepBatch{Last: oauth.GrantID{9}, Examined: 2, Live: 2})
	sweep(t, s, oauth.GrantID{9}, 2, start, start,
		grant.SweepBatch{Last: oauth.GrantID{200}, Examined: 1, Deleted: 1})
	sweep(t, s, oauth.GrantID{200}, 2, start, start, grant.SweepBatch{})
}

// concurrentSweepsAndRefreshes: servers sweep by a time after the end of all
// grants. Concurrent refreshes, received before, rotate every second grant so
// that it ends long after that time. A rotated grant must not be deleted, and
// no refresh of a deleted grant may succeed.
func concurrentSweepsAndRefreshes(t *testing.T, servers [2]Store) {
	const grants = 60
	received := start.Add(time.Hour)
	endedBy := received.Add(2 * time.Second)
	all := make([]grant.Grant, grants)
	for i := range all {
		// The even ones have expired at received.
		all[i] = aGrant(byte(i+1), "usr_ann")
		all[i].IdleLifetime = time.Hour + time.Duration(i%2)*time.Second
		withGrant(t, servers[0], all[i])
	}
	var calls sync.WaitGroup
	results, errs := make([]grant.RefreshResult, grants), make([]error, grants+len(servers))
	for i, g := range all {
		calls.Go(func() {
			a := currentToken(g)
			a.ReceivedAt = received
			results[i], errs[i] = servers[i%2].RefreshGrant(t.Context(), a)
		})
	}
	for i, s := range servers {
		calls.Go(func() {
			for range 5 {
				_, err := s.SweepGrants(t.Context(), oauth.GrantID{}, 100, endedBy, endedBy)
				errs[grants+i] = errors.Join(errs[grants+i], err)
			}
		})
	}
	calls.Wait()
	must(t, errors.Join(errs...))
	for i, g := range all {
		now, err := servers[0].Grant(t.Context(), g.ID)
		swept := errors.Is(err, oauth.NotFound)
		switch outcome := results[i].Outcome; {
		case outcome == grant.Rotated && i%2 == 1 && err == nil && now.Generation == g.Generation+1:
		case outcome == grant.Missing && swept, outcome == grant.Expired && i%2 == 0 && swept:
		default:
			t.Errorf("grant %d: the outcome of the refresh is %s, and afterwards the generation is %d (%v)",
				i, outcome, now.Generation, err)
		}
	}
}

// concurrentSweeps: if two servers sweep at the same time, each grant is
// deleted by one of them.
func concurrentSweeps(t *testing.T, servers [2]Store) {
	const grants = 100
	for i := range byte(grants) {
		g := aGrant(i+1, "usr_ann")
		g.ExpiresAt = start
		withGrant(t, servers[0], g)
	}
	var calls sync.WaitGroup
	deleted, errs := make([]int, len(servers)), make([]error, len(servers))
	for i, s := range servers {
		calls.Go(func() {
			for range 3 {
				batch, err := s.SweepGrants(t.Context(), oauth.GrantID{}, grants, start, start)
				deleted[i], errs[i] = deleted[i]+batch.Deleted, errors.Join(errs[i], err)
			}
		})
	}
	calls.Wait()
	must(t, errors.Join(errs...))
	equal(t, deleted[0]+deleted[1], grants)
	sweep(t, servers[0], oauth.GrantID{}, grants, start, start, grant.SweepBatch{})
}
