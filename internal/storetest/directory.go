package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
)

var directoryCases = []singleCase{
	{"DirectoryIsSortedAndComplete", directoryIsComplete},
	{"CreateRejectsATakenID", createRejectsTakenID},
	{"FailedEditWritesNothing", failedEdit},
	{"MissingClientOrAudienceIsNotFound", missingClientOrAudience},
	{"DeleteClientRevokes", deleteClient},
	{"GrantsOfADeletedClientAreNotThoseOfANewOne", grantsOfRecreatedClient},
	{"ClockIsInUTCWithMicroseconds", clock},
}

func directoryIsComplete(t *testing.T, s Store) {
	leeway, window, grants := 20*time.Second, 2*time.Minute, 3
	want := client.Directory{
		Clients: []client.Client{
			{
				ID: "B", Public: true, CORSOrigins: []string{"https://c.example"}, CreatedAt: start,
				Browser: &client.Browser{
					Way: client.WaySession, Origins: []string{"https://b.example"}, LoginPath: "/in",
				},
			},
			{
				ID: "a", Name: "A", Audiences: []string{"x"},
				Secrets: []client.Secret{{Hash: client.HashSecret("s"), CreatedAt: start}},
				Keys:    []client.Key{{ID: "k", Algorithm: "ES256", Public: []byte{0x30, 0, 0xff}}},
				Scope:   oauth.NewScope("r", "w"), Leeway: &leeway, RetryWindow: &window, GrantsPerUser: &grants,
				RefreshIdle: time.Hour, RefreshAbsolute: 30 * 24 * time.Hour,
				DisabledAt: start, CreatedAt: start,
			},
		},
		Audiences: []client.Audience{
			{ID: "X", Algorithm: "RS256", CreatedAt: start},
			{
				ID: "x", Algorithm: "EdDSA", PreviousAlgorithm: "RS256", Lifetime: time.Minute,
				Scope: oauth.NewScope("r"), Claims: []string{"roles"}, ReuseTokens: true,
				DisabledAt: start, CreatedAt: start,
			},
		},
	}
	must(t, s.CreateClient(t.Context(), want.Clients[1]))
	must(t, s.CreateAudience(t.Context(), want.Audiences[1]))
	must(t, s.CreateClient(t.Context(), want.Clients[0]))
	must(t, s.CreateAudience(t.Context(), want.Audiences[0]))
	want.Version = 4
	directoryIs(t, s, want)

	must(t, s.UpdateClient(t.Context(), "a", func(c *client.Client) error { c.Name = "new"; return nil }))
	must(t, s.UpdateAudience(t.Context(), "x", func(a *client.Audience) error { a.Claims = nil; return nil }))
	want.Clients[1].Name, want.Audiences[1].Claims, want.Version = "new", nil, 6
	directoryIs(t, s, want)

	must(t, s.DeleteClient(t.Context(), "B", operator))
	must(t, s.DeleteAudience(t.Context(), "X"))
	want.Clients, want.Audiences, want.Version = want.Clients[1:], want.Audiences[1:], 8
	directoryIs(t, s, want)
}

// directoryIs fails the test if the directory or its version is not want.
func directoryIs(t *testing.T, s Store, want client.Directory) {
	t.Helper()
	got, err := s.Directory(t.Context())
	must(t, err)
	equal(t, got, want)
	version, _, err := s.DirectoryVersion(t.Context())
	must(t, err)
	equal(t, version, want.Version)
}

func createRejectsTakenID(t *testing.T, s Store) {
	c, a := client.Client{ID: "c", CreatedAt: start}, client.Audience{ID: "a", CreatedAt: start}
	must(t, s.CreateClient(t.Context(), c))
	must(t, s.CreateAudience(t.Context(), a))
	rejected(t, s.CreateClient(t.Context(), client.Client{ID: "c", Name: "other"}), oauth.AlreadyExists)
	rejected(t, s.CreateAudience(t.Context(), client.Audience{ID: "a", Algorithm: "other"}), oauth.AlreadyExists)
	directoryIs(t, s, client.Directory{Version: 2, Clients: []client.Client{c}, Audiences: []client.Audience{a}})
}

func failedEdit(t *testing.T, s Store) {
	c, a := client.Client{ID: "c", CreatedAt: start}, client.Audience{ID: "a", CreatedAt: start}
	must(t, s.CreateClient(t.Context(), c))
	must(t, s.CreateAudience(t.Context(), a))
	editErr := errors.New("edit failed")
	err := s.UpdateClient(t.Context(), "c", func(c *client.Client) error { c.Name = "other"; return editErr })
	if !errors.Is(err, editErr) {
		t.Errorf("error %v, want that of edit", err)
	}
	err = s.UpdateAudience(t.Context(), "a", func(a *client.Audience) error {
		a.Algorithm = "other"
		return oauth.FailedPrecondition
	})
	rejected(t, err, oauth.FailedPrecondition)
	directoryIs(t, s, client.Directory{Version: 2, Clients: []client.Client{c}, Audiences: []client.Audience{a}})
}

func missingClientOrAudience(t *testing.T, s Store) {
	unused := errors.New("edit was called")
	rejected(t, s.UpdateClient(t.Context(), "c", func(*client.Client) error { return unused }), oauth.NotFound)
	rejected(t, s.DeleteClient(t.Context(), "c", operator), oauth.NotFound)
	rejected(t, s.UpdateAudience(t.Context(), "a", func(*client.Audience) error { return unused }), oauth.NotFound)
	rejected(t, s.DeleteAudience(t.Context(), "a"), oauth.NotFound)
	directoryIs(t, s, client.Directory{})
}

func deleteClient(t *testing.T, s Store) {
	must(t, s.CreateClient(t.Context(), client.Client{ID: "app", CreatedAt: start}))
	mine, ended, other := aGrant(1, "usr_ann"), aGrant(2, "usr_ann"), aGrant(3, "usr_ann")
	ended.RevokedAt, ended.RevokeReason = start, audit.RevokedByClient
	other.ClientID = "other"
	for _, g := range []grant.Grant{mine, ended, other} {
		withGrant(t, s, g)
	}
	must(t, s.DeleteClient(t.Context(), "app", operator))
	mine.RevokedAt, mine.RevokeReason = stored(t, s, mine.ID).RevokedAt, audit.RevokedByDeletion
	if mine.RevokedAt.IsZero() {
		t.Error("the grant of the deleted client is not revoked")
	}
	for _, g := range []grant.Grant{mine, ended, other} {
		equal(t, stored(t, s, g.ID), g)
	}
}

func clock(t *testing.T, s Store) {
	before := time.Now().Add(-time.Minute)
	_, now, err := s.DirectoryVersion(t.Context())
	must(t, err)
	v, err := s.RingVersion(t.Context())
	must(t, err)
	for _, now := range []time.Time{now, v.Now} {
		present := now.After(before) && now.Before(time.Now().Add(time.Minute))
		if !present || now.Location() != time.UTC || now.Nanosecond()%1000 != 0 {
			t.Errorf("the store's time is %v, want the present in UTC with microseconds", now)
		}
	}
	if v.Now.Before(now) {
		t.Errorf("the store's time went back from %v to %v", now, v.Now)
	}
}

// grantsOfRecreatedClient: a caller that has read a client before it was
// deleted creates no grant of the client that was created with its id since.
func grantsOfRecreatedClient(t *testing.T, s Store) {
	u, deleted, recreated := withUser(t, s, "ann"), aClient("app"), aClient("app")
	recreated.CreatedAt = deleted.CreatedAt.Add(time.Microsecond)
	must(t, s.CreateClient(t.Context(), deleted))
	old := aGrant(1, u.ID)
	old.ClientCreatedAt = deleted.CreatedAt
	must(t, createGrant(t.Context(), s, old, u.Epoch))
	must(t, s.DeleteClient(t.Context(), "app", operator))
	must(t, s.CreateClient(t.Context(), recreated))

	id := byte(1)
	for readAt, refused := range map[time.Time]bool{
		deleted.CreatedAt: true, recreated.CreatedAt: false, {}: false,
	} {
		for _, create := range []func(grant.Grant) error{
			func(g grant.Grant) error { return createGrant(t.Context(), s, g, u.Epoch) },
			func(g grant.Grant) error { return mintGrant(t.Context(), s, g) },
		} {
			id++
			g := aGrant(id, u.ID)
			g.ClientCreatedAt = readAt
			err := create(g)
			if !refused {
				must(t, err)
				equal(t, stored(t, s, g.ID), g)
				continue
			}
			rejected(t, err, oauth.InvalidGrant)
			_, err = s.Grant(t.Context(), g.ID)
			rejected(t, err, oauth.NotFound)
		}
	}
}
