package storetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/keys"
)

// contentionCases are met by two servers on one place, each with goroutines of its own.
var contentionCases = []double{
	{"Rule23_OneTokenManyClients", oneTokenManyClients},
	{"Rule23_OneTokenManyClientsWithoutLeeway", oneTokenWithoutLeeway},
	{"Rule24_OneTokenOneKey", oneTokenOneKey},
	{"BatchesInOppositeOrder", oppositeBatches},
	{"EveryoneGetsTheirOwnVerdict", ownVerdicts},
	{"EveryWriteHasItsOwnOutcome", ownOutcomes},
	{"RotationsInParallel", parallelRotations},
	{"Rule31_RevokedMeansRevoked", revokeAgainstRefresh},
	{"Rule28_EndedUserHasNoLiveGrant", endAgainstCreate},
	{"Rule28_EndOfOneUserBesideOthers", endBesideOthers},
	{"SuspensionAgainstRefresh", suspendAgainstRefresh},
	{"DisableAtOnceIsOnce", disableAtOnce},
	{"UpdatesOfOneClient", updatesOfOneClient},
	{"OneNameManyUsers", oneNameManyUsers},
	{"Rule52_GuessesInParallelAreAllCounted", guessesInParallel},
	{"GuessesAndTheirReturnsInParallel", guessesAndReturns},
	{"Rule12_OneAssertionManyServers", oneAssertionManyServers},
	{"SweepMeetsRefresh", sweepMeetsRefresh},
	{"SweepIsShared", sweepIsShared},
}

// atOnce runs do n times at the same moment, alternately on both servers, and returns when all are done.
func atOnce(servers [2]Store, n int, do func(i int, s Store)) {
	var wg sync.WaitGroup
	begin := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-begin
			do(i, servers[i%2])
		})
	}
	close(begin)
	wg.Wait()
}

// contend presents the grant's current token from 64 goroutines, as change makes it for each, and returns what was found.
func contend(t *testing.T, servers [2]Store, g grant.Grant, change func(i int, p *grant.RefreshAttempt)) [64]grant.RefreshResult {
	t.Helper()
	withGrant(t, servers[0], g)
	var found [64]grant.RefreshResult
	atOnce(servers, len(found), func(i int, s Store) {
		p := present(g)
		p.KeyHash, p.MACKey = fmt.Appendf(nil, "key %d", i), fmt.Sprintf("mac %d", i)
		change(i, &p)
		var err error
		if found[i], err = s.RefreshGrant(t.Context(), p); err != nil {
			t.Error(err)
		}
	})
	return found
}

// counted returns how often each outcome was found.
func counted(found [64]grant.RefreshResult) map[grant.Outcome]int {
	n := map[grant.Outcome]int{}
	for _, v := range found {
		n[v.Outcome]++
	}
	return n
}

// oneSuccessor fails the test if the live verdicts do not all name the same next token, which is the row's.
func oneSuccessor(t *testing.T, s Store, g grant.Grant, found [64]grant.RefreshResult) {
	t.Helper()
	row := stored(t, s, g.ID)
	if row.Generation != g.Generation+1 {
		t.Errorf("the grant is at generation %d, want %d", row.Generation, g.Generation+1)
	}
	for i, v := range found {
		if v.Outcome.Accepted() && (v.Grant.Generation != row.Generation || v.Grant.MACKey != row.MACKey) {
			t.Errorf("client %d was led to generation %d under %q, and the row is at %d under %q",
				i, v.Grant.Generation, v.Grant.MACKey, row.Generation, row.MACKey)
		}
	}
}

func oneTokenManyClients(t *testing.T, servers [2]Store) {
	g := aGrant(1, "usr_ann")
	found := contend(t, servers, g, func(int, *grant.RefreshAttempt) {})
	equal(t, counted(found), map[grant.Outcome]int{grant.Rotated: 1, grant.WithinGrace: 63})
	oneSuccessor(t, servers[0], g, found)
}

func oneTokenWithoutLeeway(t *testing.T, servers [2]Store) {
	g := aGrant(1, "usr_ann")
	found := contend(t, servers, g, func(_ int, p *grant.RefreshAttempt) { p.Leeway = 0 })
	equal(t, counted(found), map[grant.Outcome]int{grant.Rotated: 1, grant.Reused: 1, grant.Revoked: 62})
	oneSuccessor(t, servers[0], g, found)
	equal(t, stored(t, servers[1], g.ID).RevokeReason, audit.RevokedByReuse)
}

func oneTokenOneKey(t *testing.T, servers [2]Store) {
	g := aGrant(1, "usr_ann")
	found := contend(t, servers, g, func(_ int, p *grant.RefreshAttempt) { p.KeyHash, p.Leeway = []byte("one key"), 0 })
	equal(t, counted(found), map[grant.Outcome]int{grant.Rotated: 1, grant.Retried: 63})
	oneSuccessor(t, servers[0], g, found)
}

// ownVerdicts presents the tokens of many grants at the same moment, so that they share statements: of each live grant twice,
// of others that are dead, spent or missing. Each gets the verdict of its own grant.
func ownVerdicts(t *testing.T, servers [2]Store) {
	const grants = 96
	change := []func(*grant.Grant){
		func(*grant.Grant) {},
		func(g *grant.Grant) { g.RevokedAt, g.RevokeReason = start, audit.RevokedByAdmin },
		func(g *grant.Grant) { g.Generation = 9 },
	}
	want := []map[grant.Outcome]int{
		{grant.Rotated: 1, grant.WithinGrace: 1}, {grant.Revoked: 2}, {grant.Reused: 1, grant.Revoked: 1}, {grant.Missing: 2},
	}
	for i := range grants {
		if kind := i % len(want); kind < len(change) {
			g := aGrant(byte(i), "usr_ann")
			change[kind](&g)
			withGrant(t, servers[0], g)
		}
	}
	var mu sync.Mutex
	var found [grants]map[grant.Outcome]int
	atOnce(servers, 2*grants, func(n int, s Store) {
		i := n / 2
		p := present(aGrant(byte(i), "usr_ann"))
		p.KeyHash = fmt.Appendf(nil, "key %d", n)
		v, err := s.RefreshGrant(t.Context(), p)
		if err != nil || v.Outcome != grant.Missing && v.Grant.ID != p.Grant {
			t.Errorf("%s of grant %v, error %v; want a verdict on %v", v.Outcome, v.Grant.ID, err, p.Grant)
		}
		mu.Lock()
		defer mu.Unlock()
		if found[i] == nil {
			found[i] = map[grant.Outcome]int{}
		}
		found[i][v.Outcome]++
	})
	for i := range grants {
		equal(t, found[i], want[i%len(want)])
	}
}

// oppositeBatches presents the tokens of the same grants from both servers in different orders, as a batch each time. Of
// all who present a generation's token one moves the grant; nobody is told of a deadlock.
func oppositeBatches(t *testing.T, servers [2]Store) {
	const grants, clients, rounds = 16, 4, 25
	for i := range grants {
		g := aGrant(byte(i), "usr_ann")
		g.Generation = 0
		withGrant(t, servers[0], g)
	}
	for round := range rounds {
		var mu sync.Mutex
		moved := map[oauth.GrantID]int{}
		atOnce(servers, clients, func(i int, s Store) {
			batch := make([]grant.RefreshAttempt, grants)
			for at, id := range rand.Perm(grants) {
				batch[at] = present(aGrant(byte(id), "usr_ann"))
				batch[at].Generation, batch[at].KeyHash = uint32(round), fmt.Appendf(nil, "key %d", i)
			}
			verdicts, err := s.RefreshGrants(t.Context(), batch)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			for at, v := range verdicts {
				if v.Grant.ID != batch[at].Grant || v.Outcome != grant.Rotated && v.Outcome != grant.WithinGrace {
					t.Errorf("round %d: %s of grant %v, want a live answer for %v", round, v.Outcome, v.Grant.ID, batch[at].Grant)
				}
				if v.Outcome == grant.Rotated {
					moved[v.Grant.ID]++
				}
			}
		})
		for i := range grants {
			if n := moved[oauth.GrantID{byte(i)}]; n != 1 {
				t.Fatalf("round %d: grant %d moved %d times, want once", round, i, n)
			}
		}
	}
}

// parallelRotations adds keys to the ring from many goroutines; none may get lost.
func parallelRotations(t *testing.T, servers [2]Store) {
	const rotations = 16
	atOnce(servers, rotations, func(i int, s Store) {
		for {
			ring, err := s.Ring(t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			if len(ring.Keys) != int(ring.Version) {
				t.Errorf("version %d of the ring has %d keys", ring.Version, len(ring.Keys))
			}
			ring.Keys = append(ring.Keys, keys.Key{ID: fmt.Sprintf("key %d", i), Algorithm: keys.EdDSA, CreatedAt: start})
			if err = s.SwapRing(t.Context(), ring.Version, ring); !errors.Is(err, keys.ErrRaced) {
				if err != nil {
					t.Error(err)
				}
				return
			}
		}
	})
	ring, err := servers[0].Ring(t.Context())
	must(t, err)
	if ring.Version != rotations || len(ring.Keys) != rotations {
		t.Errorf("version %d with %d keys after %d rotations", ring.Version, len(ring.Keys), rotations)
	}
}

// firstStarts starts eight servers on an empty place, each with a first key of its own.
func firstStarts(t *testing.T, start func() (Store, error)) {
	const servers = 8
	var errs [servers]error
	atOnce([2]Store{}, servers, func(i int, _ Store) {
		s, err := start()
		if err != nil {
			errs[i] = err
			return
		}
		errs[i] = s.SwapRing(t.Context(), 0, keys.Ring{Keys: []keys.Key{{ID: fmt.Sprint(i), CreatedAt: time.Now()}}})
	})
	won := 0
	for i, err := range errs {
		if err == nil {
			won++
		} else if !errors.Is(err, keys.ErrRaced) {
			t.Errorf("start %d: %v", i, err)
		}
	}
	ring, err := open(t, start).Ring(t.Context())
	must(t, err)
	if won != 1 || len(ring.Keys) != 1 || ring.Version != 1 {
		t.Errorf("%d servers put their key into the ring, which has %d keys at version %d; want one", won, len(ring.Keys), ring.Version)
	}
}
