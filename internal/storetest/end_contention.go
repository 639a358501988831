package storetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/login"
	"github.com/signetd/signet/internal/oauth"
)

// Rule 31: no refresh that begins after the revocation was acknowledged
// succeeds, on either server. The servers refresh the grant without a pause
// meanwhile.
func revokeDuringRefreshes(t *testing.T, servers [2]Store) {
	for round := range 10 {
		g := aGrant(byte(round), "usr_ann")
		withGrant(t, servers[0], g)
		var acknowledged atomic.Bool
		atOnce(servers, 5, func(i int, s Store) {
			if i == 4 {
				defer acknowledged.Store(true)
				_, changed, err := s.RevokeGrant(t.Context(), g.ID, g.ClientID, audit.RevokedByClient, start)
				if err != nil || !changed {
					t.Errorf("changed %v, error %v", changed, err)
				}
				return
			}
			for last := false; !last; {
				last = acknowledged.Load()
				a := currentToken(g)
				a.KeyHash = digest("one key")
				result, err := s.RefreshGrant(t.Context(), a)
				if err != nil {
					t.Error(err)
				} else if last && result.Outcome != grant.Revoked {
					t.Errorf("%s after the revocation was acknowledged", result.Outcome)
				}
			}
		})
		equal(t, stored(t, servers[0], g.ID).RevokeReason, audit.RevokedByClient)
	}
}

// An end is an operation that ends or suspends the grants of a user.
type end struct {
	name string
	end  func(*testing.T, Store, login.User) (grant.Ended, error)
	// oneClient is true if the operation concerns one client. Then a login in
	// progress may create a grant after it.
	oneClient bool
}

// ends are all such operations.
var ends = []end{
	{"disable", func(t *testing.T, s Store, u login.User) (grant.Ended, error) {
		return s.DisableUser(t.Context(), u.Username, operator)
	}, false},
	{"delete", func(t *testing.T, s Store, u login.User) (grant.Ended, error) {
		return s.DeleteUser(t.Context(), u.Username, operator)
	}, false},
	{"set password", func(t *testing.T, s Store, u login.User) (grant.Ended, error) {
		return s.SetPassword(t.Context(), u.Username, "new", operator)
	}, false},
	{"revoke at one client", func(t *testing.T, s Store, u login.User) (grant.Ended, error) {
		return revokeAll(t.Context(), s, u.ID, "app", oauth.GrantID{}, audit.RevokedByClient)
	}, true},
	{"change password", func(t *testing.T, s Store, u login.User) (grant.Ended, error) {
		_, at, err := s.ChangePassword(t.Context(), u.ID, u.PasswordHash, "new", oauth.GrantID{}, operator)
		return grant.Ended{At: at}, err
	}, false},
	{"revoke", func(t *testing.T, s Store, u login.User) (grant.Ended, error) {
		return revokeAll(t.Context(), s, u.ID, "", oauth.GrantID{}, audit.RevokedByAdmin)
	}, false},
}

// survives reports whether a grant may be live after the operation at that
// moment: it was created by a login that ended later.
func (e end) survives(g grant.Grant, at time.Time) bool { return e.oneClient && g.CreatedAt.After(at) }

// Rule 28: a login that is concurrent with an operation that ends or suspends
// the user's grants either fails, or its grant is ended or suspended, too.
func endDuringLogins(t *testing.T, servers [2]Store) {
	const rounds, logins = 8, 5
	for kind, e := range ends {
		for round := range rounds {
			u := withUser(t, servers[0], fmt.Sprint(e.name, round))
			var granted atomic.Int32
			var done grant.Ended
			atOnce(servers, logins+1, func(i int, s Store) {
				if i == logins {
					var err error
					if done, err = e.end(t, s, u); err != nil {
						t.Errorf("%s: %v", e.name, err)
					}
					return
				}
				g := aGrant(0, u.ID)
				g.ID = oauth.GrantID{byte(kind + 1), byte(round), byte(i)} // not the zero id, after which Grants begins
				err := createGrant(t.Context(), s, g, u.Epoch)
				if err == nil {
					granted.Add(1)
				} else if !errors.Is(err, oauth.InvalidGrant) {
					t.Errorf("log in during %s: %v", e.name, err)
				}
			})
			page, err := servers[1].Grants(t.Context(), grant.Filter{Subject: u.ID, Limit: 100})
			must(t, err)
			equal(t, len(page.Grants), int(granted.Load()))
			for _, g := range page.Grants {
				if g.RevokedAt.IsZero() && g.SuspendedAt.IsZero() && !e.survives(g, done.At) {
					t.Errorf("a grant is live after %s", e.name)
				}
			}
		}
	}
}

// suspendDuringRefreshes disables and enables a user while the user's grants
// are refreshed in random orders. No call returns the error of a deadlock.
// After an acknowledged change every refresh has the outcome that follows from
// it.
func suspendDuringRefreshes(t *testing.T, servers [2]Store) {
	const grants, rounds = 24, 10
	for i := range grants { // not in the order of their ids
		withGrant(t, servers[0], aGrant(byte(grants-i), "usr_ann"))
	}
	refreshAll := func(s Store) ([]grant.RefreshResult, error) {
		var attempts []grant.RefreshAttempt
		for _, id := range rand.Perm(grants) {
			attempts = append(attempts, currentToken(aGrant(byte(id+1), "usr_ann")))
		}
		return refreshTogether(t.Context(), s, attempts)
	}
	check := func(s Store, suspended bool) {
		results, err := refreshAll(s)
		if err != nil {
			t.Error(err)
		}
		for _, r := range results {
			if suspended != (r.Outcome == grant.Suspended) {
				t.Errorf("%s, and the user's suspension is %v", r.Outcome, suspended)
			}
		}
	}
	var done atomic.Bool
	atOnce(servers, 4, func(i int, s Store) {
		if i < 3 {
			for !done.Load() {
				if _, err := refreshAll(s); err != nil {
					t.Error(err)
				}
			}
			return
		}
		defer done.Store(true)
		for range rounds {
			if _, err := s.DisableUser(t.Context(), "ann", operator); err != nil {
				t.Error(err)
			}
			check(servers[0], true)
			if err := s.EnableUser(t.Context(), "ann"); err != nil {
				t.Error(err)
			}
			check(servers[0], false)
		}
	})
}

// concurrentDisables disables a user from several goroutines. The first call
// changes the user, and the others change nothing.
func concurrentDisables(t *testing.T, servers [2]Store) {
	for round := range 5 {
		name := fmt.Sprint("ann", round)
		g := aGrant(byte(round), "usr_"+name)
		withGrant(t, servers[0], g)
		atOnce(servers, 8, func(_ int, s Store) {
			if _, err := s.DisableUser(t.Context(), name, operator); err != nil {
				t.Error(err)
			}
		})
		u, err := servers[1].User(t.Context(), name)
		must(t, err)
		if since := stored(t, servers[1], g.ID).SuspendedAt; u.Epoch != 1 || !u.DisabledAt.Equal(since) {
			t.Errorf("disabled at %v and suspended at %v with epoch %d, want one time and epoch 1",
				u.DisabledAt, since, u.Epoch)
		}
	}
}

// concurrentUpdates counts in the name of a client. No update may be lost.
func concurrentUpdates(t *testing.T, servers [2]Store) {
	const updates = 24
	must(t, servers[0].CreateClient(t.Context(), client.Client{ID: "app", Name: "0", CreatedAt: start}))
	must(t, servers[0].CreateAudience(t.Context(), client.Audience{ID: "api", CreatedAt: start}))
	atOnce(servers, updates, func(_ int, s Store) {
		err := s.UpdateClient(t.Context(), "app", func(c *client.Client) error {
			n, err := strconv.Atoi(c.Name)
			c.Name = strconv.Itoa(n + 1)
			return err
		})
		if err != nil {
			t.Error(err)
		}
		err = s.UpdateAudience(t.Context(), "api", func(a *client.Audience) error {
			a.Lifetime++
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	directoryIs(t, servers[1], client.Directory{
		Version:   2 + 2*updates,
		Clients:   []client.Client{{ID: "app", Name: strconv.Itoa(updates), CreatedAt: start}},
		Audiences: []client.Audience{{ID: "api", Lifetime: updates, CreatedAt: start}},
	})
}

// concurrentCreates creates users of one name and clients of one id. One of
// each is created.
func concurrentCreates(t *testing.T, servers [2]Store) {
	var users, clients atomic.Int32
	count := func(created *atomic.Int32, err error) {
		if err == nil {
			created.Add(1)
		} else if !errors.Is(err, oauth.AlreadyExists) {
			t.Error(err)
		}
	}
	atOnce(servers, 16, func(i int, s Store) {
		u := aUser("ann")
		u.ID = fmt.Sprint("usr_", i)
		count(&users, s.CreateUser(t.Context(), u))
		count(&clients, s.CreateClient(t.Context(), client.Client{ID: "app", Name: u.ID, CreatedAt: start}))
	})
	if users.Load() != 1 || clients.Load() != 1 {
		t.Errorf("%d users of one name and %d clients of one id, want one each", users.Load(), clients.Load())
	}
}
