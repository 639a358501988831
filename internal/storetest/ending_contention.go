package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
)

// work calls ApplyEndings until stop is set. Every second call ends early, as
// if the server was killed.
func work(t *testing.T, s Store, stop *atomic.Bool) {
	for i := 0; !stop.Load(); i++ {
		ctx, cancel := context.WithCancel(t.Context())
		if i%2 == 1 {
			cancel()
		}
		if _, err := s.ApplyEndings(ctx, 20, time.Hour); err != nil && ctx.Err() == nil {
			t.Error(err)
		}
		cancel()
	}
}

// Rule 31: acts on all grants of a user, refreshes of these grants, and workers
// that are killed between their transactions run concurrently. No refresh that
// begins after an act was acknowledged rotates a grant. In the end every grant
// is revoked.
func endingsDuringRefreshes(t *testing.T, servers [2]Store) {
	const grants = 120
	for round, e := range ends {
		if e.name == "disable" {
			continue // suspendDuringRefreshes
		}
		u := withUser(t, servers[0], fmt.Sprint("ann", round))
		all := make([]grant.Grant, grants)
		for i := range all {
			all[i] = aGrant(0, u.ID)
			all[i].ID = oauth.GrantID{byte(round + 1), byte(i)}
			must(t, createGrant(t.Context(), servers[i%2], all[i], u.Epoch))
		}

		var acknowledged, stop atomic.Bool
		var workers sync.WaitGroup
		for _, s := range servers {
			workers.Go(func() { work(t, s, &stop) })
		}
		atOnce(servers, 5, func(i int, s Store) {
			if i == 4 {
				defer acknowledged.Store(true)
				if _, err := e.end(t, s, u); err != nil {
					t.Errorf("%s: %v", e.name, err)
				}
				return
			}
			for last := false; !last; {
				last = acknowledged.Load()
				g := all[rand.IntN(grants)]
				a := currentToken(g)
				a.KeyHash = digest("one key")
				result, err := s.RefreshGrant(t.Context(), a)
				if err != nil {
					t.Error(err)
				} else if last && result.Outcome != grant.Revoked {
					t.Errorf("%s after %s was acknowledged", result.Outcome, e.name)
				}
			}
		})
		stop.Store(true)
		workers.Wait()

		apply(t, servers[0], 100, time.Hour)
		for _, g := range all {
			if stored(t, servers[1], g.ID).RevokedAt.IsZero() {
				t.Errorf("the grant %v is live after %s", g.ID, e.name)
			}
		}
	}
}

// Rule 31: a subject that is no user has no row that could be locked. Each
// grant that is minted during an act was created before it, and is revoked, or
// after it, and is live.
func endingsDuringMints(t *testing.T, servers [2]Store) {
	const mints = 60
	for round := range 4 {
		subject := fmt.Sprint("customer ", round)
		var done grant.Ended
		var stop atomic.Bool
		var worker sync.WaitGroup
		worker.Go(func() { work(t, servers[1], &stop) })
		atOnce(servers, mints+1, func(i int, s Store) {
			if i == mints/2 {
				var err error
				done, err = revokeAll(t.Context(), s, subject, "", oauth.GrantID{}, audit.RevokedByAdmin)
				if err != nil {
					t.Error(err)
				}
				return
			}
			g := aGrant(0, subject)
			g.ID = oauth.GrantID{byte(round + 1), byte(i)}
			if err := mintGrant(t.Context(), s, g); err != nil {
				t.Error(err)
			}
		})
		stop.Store(true)
		worker.Wait()

		apply(t, servers[0], 100, time.Hour)
		page, err := servers[0].Grants(t.Context(), grant.Filter{Subject: subject, Limit: 100})
		must(t, err)
		equal(t, len(page.Grants), mints)
		for _, g := range page.Grants {
			if live := g.RevokedAt.IsZero(); live != g.CreatedAt.After(done.At) {
				t.Errorf("a grant of %v is live after an act of %v: %v", g.CreatedAt, done.At, live)
			}
		}
	}
}

// deleteClientDuringLogins: a login that is in progress while its client is
// deleted is refused, or its grant is revoked.
func deleteClientDuringLogins(t *testing.T, servers [2]Store) {
	const logins = 40
	u := withUser(t, servers[0], "ann")
	for round := range 4 {
		clientID := fmt.Sprint("app", round)
		must(t, servers[0].CreateClient(t.Context(), aClient(clientID)))
		var granted atomic.Int32
		atOnce(servers, logins+1, func(i int, s Store) {
			if i == logins/2 {
				if err := s.DeleteClient(t.Context(), clientID, operator); err != nil {
					t.Error(err)
				}
				return
			}
			g := aGrant(0, u.ID)
			g.ID, g.ClientID = oauth.GrantID{byte(round + 1), byte(i)}, clientID
			switch err := createGrant(t.Context(), s, g, u.Epoch); {
			case err == nil:
				granted.Add(1)
			case !errors.Is(err, oauth.InvalidGrant):
				t.Error(err)
			}
		})

		page, err := servers[1].Grants(t.Context(), grant.Filter{Subject: u.ID, ClientID: clientID, Limit: 100})
		must(t, err)
		equal(t, len(page.Grants), int(granted.Load()))
		for _, g := range page.Grants {
			if g.RevokedAt.IsZero() {
				t.Errorf("the grant %v is live after the deletion of its client", g.ID)
			}
		}
	}
}

// parallelLoginsAndLimit: logins that are in progress together may exceed the
// limit by their number, because they do not see each other. The next login
// revokes what exceeds the limit.
func parallelLoginsAndLimit(t *testing.T, servers [2]Store) {
	const logins, limit = 30, 5
	u := withUser(t, servers[0], "ann")
	logIn := func(i int, s Store) {
		g := aGrant(byte(i+1), u.ID)
		created, err := s.CreateGrant(t.Context(), g, u.Epoch, limit)
		if err == nil && created.Live > limit {
			_, err = s.RevokeOldest(t.Context(), u.ID, g.ClientID, g.ID, limit, audit.RevokedByLimit)
		}
		if err != nil {
			t.Error(err)
		}
	}
	atOnce(servers, logins, logIn)
	logIn(logins, servers[0])
	created, err := servers[1].CreateGrant(t.Context(), aGrant(100, u.ID), u.Epoch, 1000)
	must(t, err)
	equal(t, created.Live, limit+1)
}
