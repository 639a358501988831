package storetest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/login"
	"github.com/signetd/signet/internal/oauth"
)

// start is when the records of the tests are created, five minutes ago. It has
// the precision of the stores: a microsecond.
var start = time.Now().Add(-5 * time.Minute).UTC().Truncate(time.Microsecond)

// aUser returns a user of that name.
func aUser(name string) login.User {
	return login.User{
		ID: "usr_" + name, Username: name, PasswordHash: "$argon2id$" + name,
		Claims: map[string]any{"roles": []any{"a", "b"}, "level": 2.5, "tenant": "t", "staff": true}, CreatedAt: start,
	}
}

// aClient returns a client of that id.
func aClient(id string) client.Client { return client.Client{ID: id, CreatedAt: start} }

// digest returns a digest with the bytes of a text.
func digest(text string) oauth.Digest { return oauth.NewDigest([]byte(text)) }

// aGrant returns a live grant of that user to the client "app".
func aGrant(id byte, userID string) grant.Grant {
	return grant.Grant{
		ID: oauth.GrantID{id}, UserID: userID, ClientID: "app",
		Generation: 5, KeyHash: digest("key of 5"), MACKey: "mac of 5", RotatedAt: start,
		IdleLifetime: time.Hour, ExpiresAt: start.Add(10 * time.Hour),
		Scope: oauth.NewScope("read", "write"), Audience: []string{"https://api", "https://b"},
		AuthTime: start, AMR: []string{"pwd", "otp"}, DeviceLabel: "phone", IP: "2001:db8::1", CreatedAt: start,
	}
}

// currentToken returns an attempt with the current token of the grant. It is
// received a minute after the last rotation, and its deadline is in an hour.
func currentToken(g grant.Grant) grant.RefreshAttempt {
	return grant.RefreshAttempt{
		Grant: g.ID, ClientID: g.ClientID, Generation: g.Generation,
		KeyHash: digest("key of request"), MACKey: "mac of now",
		ReceivedAt: g.RotatedAt.Add(time.Minute), Deadline: time.Now().Add(time.Hour), Leeway: 10 * time.Second,
		RetryWindow: 24 * time.Hour, Audience: g.Audience,
	}
}

// withUser creates a user of that name.
func withUser(t *testing.T, s Store, name string) login.User {
	t.Helper()
	u := aUser(name)
	must(t, s.CreateUser(t.Context(), u))
	return u
}

// withGrant creates a grant, and its user if there is none. If the grant is
// suspended, it disables the user.
func withGrant(t *testing.T, s Store, g grant.Grant) {
	t.Helper()
	u, err := s.UserByID(t.Context(), g.UserID)
	if errors.Is(err, oauth.NotFound) {
		u = aUser(g.UserID[len("usr_"):])
		err = s.CreateUser(t.Context(), u)
	}
	must(t, err)
	must(t, createGrant(t.Context(), s, g, u.Epoch))
	if !g.SuspendedAt.IsZero() {
		_, err = s.DisableUser(t.Context(), u.Username, operator)
		must(t, err)
	}
}

// operator is the actor of the acts.
const operator = "operator:ann"

// createGrant creates a grant without a limit.
func createGrant(ctx context.Context, s Store, g grant.Grant, epoch int64) error {
	_, err := s.CreateGrant(ctx, g, epoch, 0)
	return err
}

// mintGrant creates a grant whose subject need not be a user.
func mintGrant(ctx context.Context, s Store, g grant.Grant) error {
	_, err := s.MintGrant(ctx, g)
	return err
}

// mintMany creates the grants that nth returns for the numbers below n. It
// creates them at once, so that they share transactions.
func mintMany(t *testing.T, s Store, n int, nth func(i int) grant.Grant) {
	t.Helper()
	errs := make([]error, n)
	atOnce([2]Store{s, s}, n, func(i int, s Store) { errs[i] = mintGrant(t.Context(), s, nth(i)) })
	must(t, errors.Join(errs...))
}

// revokeAll revokes the grants of a subject to the client, or to any client if
// clientID is empty, except one.
func revokeAll(
	ctx context.Context, s Store, subject, clientID string, except oauth.GrantID, reason string,
) (grant.Ended, error) {
	return s.RevokeGrants(ctx, grant.Ending{
		Subject: subject, ClientID: clientID, Except: except, Reason: reason, Actor: operator,
	})
}

// changePasswordOf calls ChangePassword and returns its error.
func changePasswordOf(ctx context.Context, s Store, userID, old, next string, except oauth.GrantID) error {
	_, _, err := s.ChangePassword(ctx, userID, old, next, except, operator)
	return err
}

// ended returns only the error of an act.
func ended(_ grant.Ended, err error) error { return err }

// at returns the moment of an act.
func at(t *testing.T) func(grant.Ended, error) time.Time {
	return func(e grant.Ended, err error) time.Time {
		t.Helper()
		must(t, err)
		return e.At
	}
}

// refresh makes one refresh attempt.
func refresh(t *testing.T, s Store, a grant.RefreshAttempt) grant.RefreshResult {
	t.Helper()
	result, err := s.RefreshGrant(t.Context(), a)
	must(t, err)
	return result
}

// refreshTogether makes all attempts concurrently, so that they share batches.
// It returns their results in the order of the attempts.
func refreshTogether(ctx context.Context, s Store, attempts []grant.RefreshAttempt) ([]grant.RefreshResult, error) {
	results, errs := make([]grant.RefreshResult, len(attempts)), make([]error, len(attempts))
	var wg sync.WaitGroup
	begin := make(chan struct{})
	for i, a := range attempts {
		wg.Go(func() {
			<-begin
			results[i], errs[i] = s.RefreshGrant(ctx, a)
		})
	}
	close(begin)
	wg.Wait()
	return results, errors.Join(errs...)
}

// stored returns the row of the grant.
func stored(t *testing.T, s Store, id oauth.GrantID) grant.Grant {
	t.Helper()
	g, err := s.Grant(t.Context(), id)
	must(t, err)
	return g
}

// atOnce runs do n times concurrently, alternately on both servers. It returns
// when all have returned.
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

// apply calls ApplyEndings until there is nothing left to do, and returns how
// many grants it revoked and how many endings it deleted.
func apply(t *testing.T, s Store, limit int, delay time.Duration) (revoked, done int) {
	t.Helper()
	a := applyAll(t, s, limit, delay)
	return a.Revoked, a.Done
}

// applyAll calls ApplyEndings until there is nothing left to do, and returns
// the sum of the results.
func applyAll(t *testing.T, s Store, limit int, delay time.Duration) (sum grant.AppliedEndings) {
	t.Helper()
	for range 200 {
		a, err := s.ApplyEndings(t.Context(), limit, delay)
		must(t, err)
		if a.Continued == 0 {
			return sum
		}
		sum.Examined, sum.Revoked, sum.Done = sum.Examined+a.Examined, sum.Revoked+a.Revoked, sum.Done+a.Done
	}
	t.Fatal("the endings do not end")
	return sum
}
