package storetest

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
)

// contend refreshes a grant with its current token from 64 goroutines, and
// returns the results. change changes the attempt of each.
func contend(
	t *testing.T, servers [2]Store, g grant.Grant, change func(i int, a *grant.RefreshAttempt),
) [64]grant.RefreshResult {
	t.Helper()
	withGrant(t, servers[0], g)
	var results [64]grant.RefreshResult
	atOnce(servers, len(results), func(i int, s Store) {
		a := currentToken(g)
		a.KeyHash, a.MACKey = digest(fmt.Sprintf("key %d", i)), fmt.Sprintf("mac %d", i)
		change(i, &a)
		var err error
		if results[i], err = s.RefreshGrant(t.Context(), a); err != nil {
			t.Error(err)
		}
	})
	return results
}

// counted returns how many results have each outcome.
func counted(results [64]grant.RefreshResult) map[grant.Outcome]int {
	n := map[grant.Outcome]int{}
	for _, r := range results {
		n[r.Outcome]++
	}
	return n
}

// oneSuccessor fails the test if the accepted results do not all have the token
// of the row.
func oneSuccessor(t *testing.T, s Store, g grant.Grant, results [64]grant.RefreshResult) {
	t.Helper()
	row := stored(t, s, g.ID)
	if row.Generation != g.Generation+1 {
		t.Errorf("the generation is %d, want %d", row.Generation, g.Generation+1)
	}
	for i, r := range results {
		if r.Outcome.Accepted() && (r.Grant.Generation != row.Generation || r.Grant.MACKey != row.MACKey) {
			t.Errorf("client %d got generation %d with %q, and the row has %d with %q",
				i, r.Grant.Generation, r.Grant.MACKey, row.Generation, row.MACKey)
		}
	}
}

// Rule 23: concurrent refreshes with one token get one successor.
func oneTokenManyClients(t *testing.T, servers [2]Store) {
	g := aGrant(1, "usr_ann")
	results := contend(t, servers, g, func(int, *grant.RefreshAttempt) {})
	equal(t, counted(results), map[grant.Outcome]int{grant.Rotated: 1, grant.WithinLeeway: 63})
	oneSuccessor(t, servers[0], g, results)
}

// Rule 23: without a leeway, the second of several concurrent refreshes revokes
// the grant.
func oneTokenWithoutLeeway(t *testing.T, servers [2]Store) {
	g := aGrant(1, "usr_ann")
	results := contend(t, servers, g, func(_ int, a *grant.RefreshAttempt) { a.Leeway = 0 })
	equal(t, counted(results), map[grant.Outcome]int{grant.Rotated: 1, grant.Reused: 1, grant.Revoked: 62})
	oneSuccessor(t, servers[0], g, results)
	equal(t, stored(t, servers[1], g.ID).RevokeReason, audit.RevokedByReuse)
}

// Rule 24: concurrent refreshes with one idempotency key get one successor.
func oneTokenOneKey(t *testing.T, servers [2]Store) {
	g := aGrant(1, "usr_ann")
	results := contend(t, servers, g, func(_ int, a *grant.RefreshAttempt) {
		a.KeyHash, a.Leeway = digest("one key"), 0
	})
	equal(t, counted(results), map[grant.Outcome]int{grant.Rotated: 1, grant.Retried: 63})
	oneSuccessor(t, servers[0], g, results)
}

// eachRefreshGetsItsOwnResult refreshes many grants concurrently, each twice,
// so that the refreshes share batches. The grants are live, revoked, reused or
// missing. Each refresh gets the result of its own grant.
func eachRefreshGetsItsOwnResult(t *testing.T, servers [2]Store) {
	const grants = 96
	change := []func(*grant.Grant){
		func(*grant.Grant) {},
		func(g *grant.Grant) { g.RevokedAt, g.RevokeReason = start, audit.RevokedByAdmin },
		func(g *grant.Grant) { g.Generation = 9 },
	}
	want := []map[grant.Outcome]int{
		{grant.Rotated: 1, grant.WithinLeeway: 1},
		{grant.Revoked: 2},
		{grant.Reused: 1, grant.Revoked: 1},
		{grant.Missing: 2},
	}
	for i := range grants {
		if kind := i % len(want); kind < len(change) {
			g := aGrant(byte(i), "usr_ann")
			change[kind](&g)
			withGrant(t, servers[0], g)
		}
	}
	var mu sync.Mutex
	var outcomes [grants]map[grant.Outcome]int
	atOnce(servers, 2*grants, func(n int, s Store) {
		i := n / 2
		a := currentToken(aGrant(byte(i), "usr_ann"))
		a.KeyHash = digest(fmt.Sprintf("key %d", n))
		r, err := s.RefreshGrant(t.Context(), a)
		if err != nil || r.Outcome != grant.Missing && r.Grant.ID != a.Grant {
			t.Errorf("%s of grant %v, error %v; want a result for %v", r.Outcome, r.Grant.ID, err, a.Grant)
		}
		mu.Lock()
		defer mu.Unlock()
		if outcomes[i] == nil {
			outcomes[i] = map[grant.Outcome]int{}
		}
		outcomes[i][r.Outcome]++
	})
	for i := range grants {
		equal(t, outcomes[i], want[i%len(want)])
	}
}

// refreshesInDifferentOrders refreshes the same grants from both servers in
// random orders, so that the refreshes share batches. Of all attempts with the
// token of a generation exactly one rotates the grant. No call returns the
// error of a deadlock.
func refreshesInDifferentOrders(t *testing.T, servers [2]Store) {
	const grants, clients, rounds = 16, 4, 25
	for i := range grants {
		g := aGrant(byte(i), "usr_ann")
		g.Generation = 0
		withGrant(t, servers[0], g)
	}
	for round := range rounds {
		var mu sync.Mutex
		rotated := map[oauth.GrantID]int{}
		atOnce(servers, clients, func(i int, s Store) {
			attempts := make([]grant.RefreshAttempt, grants)
			for at, id := range rand.Perm(grants) {
				attempts[at] = currentToken(aGrant(byte(id), "usr_ann"))
				attempts[at].Generation, attempts[at].KeyHash = uint32(round), digest(fmt.Sprintf("key %d", i))
			}
			results, err := refreshTogether(t.Context(), s, attempts)
			if err != nil {
				t.Error(err)
				return
			}

			mu.Lock()
			defer mu.Unlock()
			for at, r := range results {
				if r.Grant.ID != attempts[at].Grant || r.Outcome != grant.Rotated && r.Outcome != grant.WithinLeeway {
					t.Errorf("round %d: %s of grant %v, want an accepted result for %v",
						round, r.Outcome, r.Grant.ID, attempts[at].Grant)
				}
				if r.Outcome == grant.Rotated {
					rotated[r.Grant.ID]++
				}
			}
		})
		for i := range grants {
			if n := rotated[oauth.GrantID{byte(i)}]; n != 1 {
				t.Fatalf("round %d: grant %d was rotated %d times, want once", round, i, n)
			}
		}
	}
}
