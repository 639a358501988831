package storetest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/login"
	"github.com/signetd/signet/internal/oauth"
)

// start is when the records of the tests are created, with the precision of the
// stores: a microsecond.
var start = time.Date(2026, 2, 28, 23, 59, 58, 987_654_000, time.UTC)

// aUser returns a user of that name.
func aUser(name string) login.User {
	return login.User{
		ID: "usr_" + name, Username: name, PasswordHash: "$argon2id$" + name,
		Claims: map[string]any{"roles": []any{"a", "b"}, "level": 2.5, "tenant": "t", "staff": true}, CreatedAt: start,
	}
}

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
	}
}

// withUser creates a user of that name.
func withUser(t *testing.T, s Store, name string) login.User {
	t.Helper()
	u := aUser(name)
	must(t, s.CreateUser(t.Context(), u))
	return u
}

// withGrant creates a grant, and its user if there is none.
func withGrant(t *testing.T, s Store, g grant.Grant) {
	t.Helper()
	u, err := s.UserByID(t.Context(), g.UserID)
	if errors.Is(err, oauth.NotFound) {
		u = aUser(g.UserID[len("usr_"):])
		err = s.CreateUser(t.Context(), u)
	}
	must(t, err)
	must(t, s.CreateGrant(t.Context(), g, u.Epoch))
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
