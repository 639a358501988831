package storetest

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
)

var sweepCases = []single{
	{"SweepDeletesWhatIsOverForLong", sweepDeletes},
	{"SweepWalksInSlices", sweepWalks},
}

// sweep looks at one slice and wants it so.
func sweep(t *testing.T, s Store, after oauth.GrantID, limit int, now, over time.Time, want grant.SweepBatch) {
	t.Helper()
	got, err := s.SweepGrants(t.Context(), after, limit, now, over)
	must(t, err)
	equal(t, got, want)
}

// sweepDeletes: each end of life counts, also of a grant that was revoked or suspended meanwhile, and nothing else does.
func sweepDeletes(t *testing.T, s Store) {
	over := start.Add(3 * time.Hour)
	var kept, gone []grant.Grant
	put := func(to *[]grant.Grant, change func(*grant.Grant)) {
		g := aGrant(byte(1+len(kept)+len(gone)), "usr_ann")
		g.RotatedAt, g.IdleLifetime, g.ExpiresAt = start, 4*time.Hour, start.Add(10*time.Hour)
		change(&g)
		withGrant(t, s, g)
		*to = append(*to, g)
	}
	put(&kept, func(*grant.Grant) {})
	put(&gone, func(g *grant.Grant) { g.ExpiresAt = over })
	put(&kept, func(g *grant.Grant) { g.ExpiresAt = over.Add(time.Microsecond) })
	put(&gone, func(g *grant.Grant) { g.IdleLifetime = 3 * time.Hour })
	put(&kept, func(g *grant.Grant) { g.IdleLifetime = 3*time.Hour + time.Second })
	put(&gone, func(g *grant.Grant) { g.ExpiresAt, g.RevokedAt = over, start })
	put(&kept, func(g *grant.Grant) { g.RevokedAt, g.RevokeReason = start, audit.RevokedByReuse })
	put(&gone, func(g *grant.Grant) { g.IdleLifetime, g.SuspendedAt = time.Hour, start })
	put(&kept, func(g *grant.Grant) { g.SuspendedAt = start })

	all := len(kept) + len(gone)
	sweep(t, s, oauth.GrantID{}, 100, start, time.Time{}, grant.SweepBatch{Last: oauth.GrantID{byte(all)}, Examined: all, Live: 5})
	sweep(t, s, oauth.GrantID{}, 100, over, over, grant.SweepBatch{Last: oauth.GrantID{byte(all)}, Examined: all, Live: 3, Deleted: len(gone)})
	for _, g := range kept {
		equal(t, stored(t, s, g.ID), g)
	}
	for _, g := range gone {
		_, err := s.Grant(t.Context(), g.ID)
		refused(t, err, oauth.NotFound)
		equal(t, refresh(t, s, present(g)), grant.RefreshResult{Outcome: grant.Missing})
	}
	sweep(t, s, oauth.GrantID{}, 100, over, over, grant.SweepBatch{Last: oauth.GrantID{byte(all)}, Examined: len(kept), Live: 3})
}

func sweepWalks(t *testing.T, s Store) {
	sweep(t, s, oauth.GrantID{}, 2, start, start, grant.SweepBatch{})
	for _, id := range []byte{9, 3, 200, 4, 5} {
		g := aGrant(id, "usr_ann")
		if id == 4 || id == 200 {
			g.ExpiresAt = start
		}
		withGrant(t, s, g)
	}
	sweep(t, s, oauth.GrantID{}, 2, start, start, grant.SweepBatch{Last: oauth.GrantID{4}, Examined: 2, Live: 1, Deleted: 1})
	sweep(t, s, oauth.GrantID{4}, 2, start, start, grant.SweepBatch{Last: oauth.GrantID{9}, Examined: 2, Live: 2})
	sweep(t, s, oauth.GrantID{9}, 2, start, start, grant.SweepBatch{Last: oauth.GrantID{200}, Examined: 1, Deleted: 1})
	sweep(t, s, oauth.GrantID{200}, 2, start, start, grant.SweepBatch{})
}

// sweepMeetsRefresh: servers sweep by a border that lies behind the end of all grants as they are, while the refreshes, which
// arrived before, move every other one far beyond it. Whatever a refresh moved is there afterwards; whatever was swept
// answered nobody.
func sweepMeetsRefresh(t *testing.T, servers [2]Store) {
	const grants = 60
	arrived := start.Add(time.Hour)
	border := arrived.Add(2 * time.Second)
	all := make([]grant.Grant, grants)
	for i := range all {
		all[i] = aGrant(byte(i+1), "usr_ann")
		all[i].IdleLifetime = time.Hour + time.Duration(i%2)*time.Second // every other is over when its token arrives
		withGrant(t, servers[0], all[i])
	}
	var racers sync.WaitGroup
	verdicts, errs := make([]grant.RefreshResult, grants), make([]error, grants+len(servers))
	for i, g := range all {
		racers.Go(func() {
			p := present(g)
			p.ReceivedAt = arrived
			verdicts[i], errs[i] = servers[i%2].RefreshGrant(t.Context(), p)
		})
	}
	for i, s := range servers {
		racers.Go(func() {
			for range 5 {
				_, err := s.SweepGrants(t.Context(), oauth.GrantID{}, 100, border, border)
				errs[grants+i] = errors.Join(errs[grants+i], err)
			}
		})
	}
	racers.Wait()
	must(t, errors.Join(errs...))
	for i, g := range all {
		now, err := servers[0].Grant(t.Context(), g.ID)
		swept := errors.Is(err, oauth.NotFound)
		switch outcome := verdicts[i].Outcome; {
		case outcome == grant.Rotated && i%2 == 1 && err == nil && now.Generation == g.Generation+1:
		case outcome == grant.Missing && swept, outcome == grant.Expired && i%2 == 0 && swept:
		default:
			t.Errorf("grant %d: the refresh found it %s, and afterwards it is at generation %d (%v)", i, outcome, now.Generation, err)
		}
	}
}

// sweepIsShared: of two servers that sweep at once each grant is deleted by one.
func sweepIsShared(t *testing.T, servers [2]Store) {
	const grants = 100
	for i := range byte(grants) {
		g := aGrant(i+1, "usr_ann")
		g.ExpiresAt = start
		withGrant(t, servers[0], g)
	}
	var racers sync.WaitGroup
	deleted, errs := make([]int, len(servers)), make([]error, len(servers))
	for i, s := range servers {
		racers.Go(func() {
			for range 3 {
				slice, err := s.SweepGrants(t.Context(), oauth.GrantID{}, grants, start, start)
				deleted[i], errs[i] = deleted[i]+slice.Deleted, errors.Join(errs[i], err)
			}
		})
	}
	racers.Wait()
	must(t, errors.Join(errs...))
	equal(t, deleted[0]+deleted[1], grants)
	sweep(t, servers[0], oauth.GrantID{}, grants, start, start, grant.SweepBatch{})
}
