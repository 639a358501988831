package storetest

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/login"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/throttle"
)

// eachWriteGetsItsOwnResult makes logins, revocations and login attempts
// concurrently, so that they share transactions. Some of them fail. Each call
// returns its own result.
func eachWriteGetsItsOwnResult(t *testing.T, servers [2]Store) {
	const ofEach = 12
	ann := withUser(t, servers[0], "ann")
	bob := withUser(t, servers[0], "bob")
	must(t, ended(servers[0].DisableUser(t.Context(), bob.Username, operator)))
	for i := range byte(ofEach) {
		withGrant(t, servers[0], aGrant(1+i, ann.ID))
	}
	logIn := func(s Store, id byte, u login.User) error {
		return createGrant(t.Context(), s, aGrant(id, u.ID), u.Epoch)
	}
	revoke := func(s Store, id byte, clientID string) error {
		g, changed, err := s.RevokeGrant(t.Context(), oauth.GrantID{id}, clientID, audit.RevokedByClient, start)
		if err == nil && (!changed || g.ID != oauth.GrantID{id} || g.RevokeReason != audit.RevokedByClient) {
			return fmt.Errorf("changed %v, and the grant is %+v", changed, g)
		}
		return err
	}
	stale := ann
	stale.Epoch++
	kinds := []struct {
		do   func(s Store, i byte) error
		want error
	}{
		{func(s Store, i byte) error { return logIn(s, 101+i, ann) }, nil},
		{func(s Store, i byte) error { return revoke(s, 1+i, "app") }, nil},
		{func(s Store, i byte) error { return attemptUntilFull(t, s, i) }, nil},
		{func(s Store, i byte) error { return logIn(s, 201+i, bob) }, oauth.InvalidGrant},
		{func(s Store, i byte) error { return logIn(s, 201+i, stale) }, oauth.InvalidGrant},
		{func(s Store, i byte) error { return logIn(s, 1+i, ann) }, errNoCode}, // There is a grant of that id.
		{func(s Store, i byte) error { return revoke(s, 201+i, "") }, oauth.NotFound},
		{func(s Store, i byte) error { return revoke(s, 1+i, "other") }, oauth.NotFound},
	}
	atOnce(servers, ofEach*len(kinds), func(n int, s Store) {
		kind, i := n%len(kinds), byte(n/len(kinds))
		err := kinds[kind].do(s, i)
		var code oauth.Code
		if err != nil && !errors.As(err, &code) {
			err = errors.Join(errNoCode, err)
		}
		if !errors.Is(err, kinds[kind].want) {
			t.Errorf("kind %d, %d: error %v, want %v", kind, i, err, kinds[kind].want)
		}
	})
	for i := range byte(ofEach) {
		equal(t, stored(t, servers[0], oauth.GrantID{1 + i}).RevokeReason, audit.RevokedByClient)
		equal(t, stored(t, servers[1], oauth.GrantID{101 + i}), aGrant(101+i, ann.ID))
		_, err := servers[0].Grant(t.Context(), oauth.GrantID{201 + i})
		rejected(t, err, oauth.NotFound)
	}
}

// errNoCode stands for every error that is no oauth.Code.
var errNoCode = errors.New("no oauth.Code")

// attemptUntilFull makes as many attempts as a counter accepts, refunds one,
// and makes it again.
func attemptUntilFull(t *testing.T, s Store, i byte) error {
	c := throttle.Account(fmt.Sprint(i))
	for range c.Free + 1 {
		n, err := s.ReserveAttempt(t.Context(), []throttle.Counter{c}, start)
		if err != nil || n != 1 {
			return fmt.Errorf("%d counters accepted the attempt: %w", n, err)
		}
	}
	n, err := s.ReserveAttempt(t.Context(), []throttle.Counter{c}, start)
	if err != nil || n != 0 {
		return fmt.Errorf("%d full counters accepted an attempt: %w", n, err)
	}
	if err := s.RefundAttempt(t.Context(), []throttle.Counter{c}, start); err != nil {
		return err
	}
	if n, err = s.ReserveAttempt(t.Context(), []throttle.Counter{c}, start); err != nil || n != 1 {
		return fmt.Errorf("%d counters accepted the refunded attempt: %w", n, err)
	}
	return nil
}

// Rule 28: an operation ends or suspends the grants of one user while several
// users log in. Each login of that user fails, or its grant is ended. The
// logins of the others succeed, and their grants stay live.
func endDuringLoginsOfOthers(t *testing.T, servers [2]Store) {
	const users, logins = 3, 24
	for kind, e := range ends {
		var all [users]login.User
		for i := range all {
			all[i] = withUser(t, servers[0], fmt.Sprint(e.name, i))
		}
		var granted [users]atomic.Int32
		var done grant.Ended
		atOnce(servers, logins+1, func(i int, s Store) {
			if i == logins/2 {
				var err error
				if done, err = e.end(t, s, all[0]); err != nil {
					t.Errorf("%s: %v", e.name, err)
				}
				return
			}
			g := aGrant(0, all[i%users].ID)
			g.ID = oauth.GrantID{byte(kind + 1), byte(i)}
			if err := createGrant(t.Context(), s, g, all[i%users].Epoch); err == nil {
				granted[i%users].Add(1)
			} else if i%users != 0 || !errors.Is(err, oauth.InvalidGrant) {
				t.Errorf("log in user %d during %s: %v", i%users, e.name, err)
			}
		})
		for i, u := range all {
			page, err := servers[1].Grants(t.Context(), grant.Filter{Subject: u.ID, Limit: 100})
			must(t, err)
			equal(t, len(page.Grants), int(granted[i].Load()))
			for _, g := range page.Grants {
				live := g.RevokedAt.IsZero() && g.SuspendedAt.IsZero()
				if live != (i != 0) && !e.survives(g, done.At) {
					t.Errorf("a grant of user %d is live after %s: %v", i, e.name, live)
				}
			}
		}
	}
}
