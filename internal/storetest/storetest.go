package storetest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/signetd/signet/internal/admin"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/login"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/keys"
)

// A Store is what a server opens.
type Store interface {
	issuer.Store
	admin.Store
	keys.Store
	// RefreshGrants is RefreshGrant for many, answered in the order given. A batch may hold a grant once at most. It is what
	// refreshes that wait at the same moment share.
	RefreshGrants(ctx context.Context, batch []grant.RefreshAttempt) ([]grant.RefreshResult, error)
	// Close ends it.
	Close() error
}

// A Place prepares an empty database, or whatever else a store is kept in, and returns what each server does that starts on
// it: it opens the store and brings its schema up to date. What was opened is closed when the test ends. The first time there
// is no schema yet; later there may be one, with nothing in it.
type Place func(t *testing.T) (start func() (Store, error))

// Run runs all cases, each on a place of its own.
func Run(t *testing.T, place Place) {
	t.Run("FirstStarts", func(t *testing.T) { firstStarts(t, place(t)) }) // first, for it wants to make the schema
	for _, c := range slices.Concat(userCases, directoryCases, ringCases, grantCases, refreshCases, assertionCases, sweepCases, guessCases, hostileCases) {
		t.Run(c.name, func(t *testing.T) { c.run(t, open(t, place(t))) })
	}
	for _, c := range contentionCases {
		t.Run(c.name, func(t *testing.T) {
			start := place(t)
			c.run(t, [2]Store{open(t, start), open(t, start)})
		})
	}
}

// A single is a case that one server meets, a double one that two servers on one place meet.
type (
	single struct {
		name string
		run  func(*testing.T, Store)
	}
	double struct {
		name string
		run  func(*testing.T, [2]Store)
	}
)

func open(t *testing.T, start func() (Store, error)) Store {
	t.Helper()
	s, err := start()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// must fails the test at once if err is not nil.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// refused fails the test if err is of another category than want.
func refused(t *testing.T, err error, want oauth.Code) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error %v, want %v", err, want)
	}
}

// equal fails the test if got is not what is wanted. An empty list and none are the same.
func equal(t *testing.T, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("not as wanted (-want +got):\n%s", diff)
	}
}

// start is when things begin in the tests, to the microsecond that stores keep.
var start = time.Date(2026, 2, 28, 23, 59, 58, 987_654_000, time.UTC)

// aUser returns a user of that name.
func aUser(name string) login.User {
	return login.User{
		ID: "usr_" + name, Username: name, PasswordHash: "$argon2id$" + name,
		Claims: map[string]any{"roles": []any{"a", "b"}, "level": 2.5, "tenant": "t", "staff": true}, CreatedAt: start,
	}
}

// aGrant returns a live grant of that user to the client "app".
func aGrant(id byte, userID string) grant.Grant {
	return grant.Grant{
		ID: oauth.GrantID{id}, UserID: userID, ClientID: "app",
		Generation: 5, KeyHash: []byte("key of 5"), MACKey: "mac of 5", RotatedAt: start,
		IdleLifetime: time.Hour, ExpiresAt: start.Add(10 * time.Hour),
		Scope: oauth.NewScope("read", "write"), Audience: []string{"https://api", "https://b"},
		AuthTime: start, AMR: []string{"pwd", "otp"}, DeviceLabel: "phone", IP: "2001:db8::1", CreatedAt: start,
	}
}

// present returns the grant's current token, which arrives a minute after it was made and has an hour of patience.
func present(g grant.Grant) grant.RefreshAttempt {
	return grant.RefreshAttempt{
		Grant: g.ID, ClientID: g.ClientID, Generation: g.Generation, KeyHash: []byte("key of request"), MACKey: "mac of now",
		ReceivedAt: g.RotatedAt.Add(time.Minute), Deadline: time.Now().Add(time.Hour), Leeway: 10 * time.Second,
	}
}

// withUser puts a user of that name into the store.
func withUser(t *testing.T, s Store, name string) login.User {
	t.Helper()
	u := aUser(name)
	must(t, s.CreateUser(t.Context(), u))
	return u
}

// withGrant puts a grant and, if need be, its user into the store.
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

// refresh presents one token.
func refresh(t *testing.T, s Store, p grant.RefreshAttempt) grant.RefreshResult {
	t.Helper()
	verdict, err := s.RefreshGrant(t.Context(), p)
	must(t, err)
	return verdict
}

// stored returns the grant's row.
func stored(t *testing.T, s Store, id oauth.GrantID) grant.Grant {
	t.Helper()
	g, err := s.Grant(t.Context(), id)
	must(t, err)
	return g
}
