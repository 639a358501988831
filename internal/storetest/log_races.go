package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
)

// sized returns the size of a test: short with -short, long with
// SIGNET_TEST_LONG.
func sized(short, normal, long int) int {
	switch {
	case os.Getenv("SIGNET_TEST_LONG") != "":
		return long
	case testing.Short():
		return short
	}
	return normal
}

// A raceUser is a user whose grants are created, refreshed and ended
// concurrently.
type raceUser struct {
	t      *testing.T
	number uint16
	name   string
	id     string
	goal   int // how many tokens there will be

	mu     sync.Mutex
	grants int
	live   []logToken // grants to refresh, with the last generation
	tokens []logToken

	// more gets an element for each tokensPerAct tokens.
	more chan struct{}
}

// tokensPerAct is how many tokens of a user are issued for each act.
const tokensPerAct = 12

// done reports whether there are enough tokens.
func (u *raceUser) done() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.tokens) >= u.goal || u.t.Failed()
}

// again puts a grant back into the list of those to refresh.
func (u *raceUser) again(l logToken) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.live = append(u.live, l)
}

// issued adds a token.
func (u *raceUser) issued(l logToken) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.tokens, u.live = append(u.tokens, l), append(u.live, l)
	if len(u.tokens)%tokensPerAct == 0 {
		u.wake()
	}
}

// wake starts the next act, unless one is in progress.
func (u *raceUser) wake() {
	select {
	case u.more <- struct{}{}:
	default:
	}
}

// take removes a random grant from the list of those to refresh.
func (u *raceUser) take() (l logToken, ok bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.live) == 0 {
		return l, false
	}
	i := rand.IntN(len(u.live))
	l = u.live[i]
	u.live = append(u.live[:i], u.live[i+1:]...)
	return l, true
}

// newID returns the id of a new grant.
func (u *raceUser) newID() oauth.GrantID {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.grants++
	return oauth.GrantID{1, byte(u.number >> 8), byte(u.number), byte(u.grants >> 8), byte(u.grants)}
}

// logIn logs in once. The moment of the token is after the user was read.
func (u *raceUser) logIn(s Store) error {
	user, err := s.UserByID(u.t.Context(), u.id)
	if err != nil {
		return err
	}
	l := logToken{aGrant(0, u.id), time.Now()}
	l.grant.ID = u.newID()
	created, err := s.CreateGrant(u.t.Context(), l.grant, user.Epoch, 0)
	if errors.Is(err, oauth.InvalidGrant) {
		return nil // an act was faster
	}
	if err == nil {
		l.grant.CreatedAt = created.At
		u.issued(l)
	}
	return err
}

// refresh refreshes one grant. The moment of the token is before the store
// decides.
func (u *raceUser) refresh(s Store) error {
	l, ok := u.take()
	if !ok {
		return nil
	}
	now := time.Now()
	a := currentToken(l.grant)
	a.ReceivedAt = now
	r, err := s.RefreshGrant(u.t.Context(), a)
	switch {
	case err != nil: // The store did not answer in time.
		u.again(l)
	case r.Outcome.Accepted():
		u.issued(logToken{r.Grant, r.Grant.RefreshMoment(now)})
	case r.Outcome != grant.Revoked:
		return fmt.Errorf("refresh: %s", r.Outcome)
	}
	return nil
}

// end ends all grants of the user, or all except one, or one.
func (u *raceUser) end(s Store) (err error) {
	<-u.more
	var except oauth.GrantID
	l, ok := u.take()
	if ok {
		u.again(l)
		except = l.grant.ID
	}
	switch rand.IntN(5) {
	case 0, 1:
		_, err = revokeAll(u.t.Context(), s, u.id, "", oauth.GrantID{}, audit.RevokedByAdmin)
	case 2:
		_, err = revokeAll(u.t.Context(), s, u.id, "", except, audit.RevokedByAdmin)
	case 3:
		hash := aUser(u.name).PasswordHash
		err = changePasswordOf(u.t.Context(), s, u.id, hash, hash, except)
	default:
		if ok {
			_, _, err = s.RevokeGrant(u.t.Context(), except, "", audit.RevokedByClient, start)
		}
	}
	return err
}

// race runs all kinds of calls concurrently until there are enough tokens.
func (u *raceUser) race(servers [2]Store) {
	var wg sync.WaitGroup
	for i, step := range []func(Store) error{u.logIn, u.refresh, u.refresh, u.refresh, u.end} {
		wg.Go(func() {
			defer u.wake()
			for !u.done() {
				err := step(servers[(i+int(u.number))%2])
				// A call that is not answered in time may have had its effect.
				if err != nil && !errors.Is(err, context.DeadlineExceeded) {
					u.t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// Rule 31: logins, refreshes and acts on all grants of a user run
// concurrently. In the end, a verifier that has read the log refuses all tokens
// of revoked grants, and none of the others.
func tokensOfEndedGrants(t *testing.T, servers [2]Store) {
	const concurrent, tokensPerUser = 4, 60
	all := make([]*raceUser, sized(240, 1_200, 30_000)/tokensPerUser)
	var users, workers sync.WaitGroup
	var stop atomic.Bool
	workers.Go(func() { work(t, servers[1], &stop) })
	for i := range concurrent {
		users.Go(func() {
			for n := i; n < len(all) && !t.Failed(); n += concurrent {
				u := &raceUser{t: t, number: uint16(n), name: fmt.Sprint("ann", n), goal: tokensPerUser}
				u.more = make(chan struct{}, 1)
				u.id = withUser(t, servers[0], u.name).ID
				all[n] = u
				u.race(servers)
			}
		})
	}
	users.Wait()
	stop.Store(true)
	workers.Wait()
	if t.Failed() {
		return
	}
	must(t, all[0].logIn(servers[0])) // the last acts may have ended all grants

	var live, dead int
	table := tableOf(t, servers[0])
	for _, u := range all {
		for _, l := range u.tokens {
			g := stored(t, servers[1], l.grant.ID)
			isLive := g.RevokedAt.IsZero()
			if isLive {
				live++
			} else {
				dead++
			}
			if refused := l.refusedBy(table); refused == isLive {
				t.Errorf("a token of %v is refused: %v; its grant of %v was revoked at %v",
					l.moment.UTC(), refused, g.CreatedAt, g.RevokedAt)
			}
		}
	}
	if live == 0 || dead == 0 {
		t.Errorf("%d tokens of live grants and %d of revoked ones", live, dead)
	}
	t.Logf("%d tokens of live grants, %d of revoked ones", live, dead)
}
