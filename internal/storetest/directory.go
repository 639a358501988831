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

var directoryCases = []single{
	{"DirectoryIsSortedAndWhole", directoryIsWhole},
	{"ClientIDIsTakenOnce", clientIDIsTaken},
	{"EditThatFailsWritesNothing", editThatFails},
	{"ClientOrAudienceThatIsMissingIsNotFound", directoryMissing},
	{"DeleteClientRevokes", deleteClient},
	{"ClockIsTheStores", clockIsTheStores},
}

func directoryIsWhole(t *testing.T, s Store) {
	leeway := 20 * time.Second
	want := client.Directory{
		Clients: []client.Client{
			{ID: "B", Public: true, CreatedAt: start},
			{
				ID: "a", Name: "A", Secrets: []client.Secret{{Hash: client.HashSecret("s"), CreatedAt: start}}, Audiences: []string{"x"},
				Keys:  []client.Key{{ID: "k", Algorithm: "ES256", Public: []byte{0x30, 0, 0xff}}},
				Scope: oauth.NewScope("r", "w"), RefreshIdle: time.Hour, RefreshAbsolute: 30 * 24 * time.Hour, Leeway: &leeway,
				DisabledAt: start, CreatedAt: start,
			},
		},
		Audiences: []client.Audience{
			{ID: "X", Algorithm: "RS256", CreatedAt: start},
			{
				ID: "x", Algorithm: "EdDSA", PreviousAlgorithm: "RS256", Lifetime: time.Minute, Scope: oauth.NewScope("r"),
				Claims: []string{"roles"}, ReuseTokens: true, DisabledAt: start, CreatedAt: start,
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

	must(t, s.DeleteClient(t.Context(), "B", start))
	must(t, s.DeleteAudience(t.Context(), "X"))
	want.Clients, want.Audiences, want.Version = want.Clients[1:], want.Audiences[1:], 8
	directoryIs(t, s, want)
}

func directoryIs(t *testing.T, s Store, want client.Directory) {
	t.Helper()
	got, err := s.Directory(t.Context())
	must(t, err)
	equal(t, got, want)
	version, _, err := s.DirectoryVersion(t.Context())
	must(t, err)
	equal(t, version, want.Version)
}

func clientIDIsTaken(t *testing.T, s Store) {
	c, a := client.Client{ID: "c", CreatedAt: start}, client.Audience{ID: "a", CreatedAt: start}
	must(t, s.CreateClient(t.Context(), c))
	must(t, s.CreateAudience(t.Context(), a))
	refused(t, s.CreateClient(t.Context(), client.Client{ID: "c", Name: "other"}), oauth.AlreadyExists)
	refused(t, s.CreateAudience(t.Context(), client.Audience{ID: "a", Algorithm: "other"}), oauth.AlreadyExists)
	directoryIs(t, s, client.Directory{Version: 2, Clients: []client.Client{c}, Audiences: []client.Audience{a}})
}

func editThatFails(t *testing.T, s Store) {
	c, a := client.Client{ID: "c", CreatedAt: start}, client.Audience{ID: "a", CreatedAt: start}
	must(t, s.CreateClient(t.Context(), c))
	must(t, s.CreateAudience(t.Context(), a))
	no := errors.New("no")
	err := s.UpdateClient(t.Context(), "c", func(c *client.Client) error { c.Name = "other"; return no })
	if !errors.Is(err, no) {
		t.Errorf("error %v, want that of edit", err)
	}
	err = s.UpdateAudience(t.Context(), "a", func(a *client.Audience) error { a.Algorithm = "other"; return oauth.FailedPrecondition })
	refused(t, err, oauth.FailedPrecondition)
	directoryIs(t, s, client.Directory{Version: 2, Clients: []client.Client{c}, Audiences: []client.Audience{a}})
}

func directoryMissing(t *testing.T, s Store) {
	unused := errors.New("edit was called")
	refused(t, s.UpdateClient(t.Context(), "c", func(*client.Client) error { return unused }), oauth.NotFound)
	refused(t, s.DeleteClient(t.Context(), "c", start), oauth.NotFound)
	refused(t, s.UpdateAudience(t.Context(), "a", func(*client.Audience) error { return unused }), oauth.NotFound)
	refused(t, s.DeleteAudience(t.Context(), "a"), oauth.NotFound)
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
	then := start.Add(time.Minute)
	must(t, s.DeleteClient(t.Context(), "app", then))
	mine.RevokedAt, mine.RevokeReason = then, audit.RevokedByDeletion
	for _, g := range []grant.Grant{mine, ended, other} {
		equal(t, stored(t, s, g.ID), g)
	}
}

func clockIsTheStores(t *testing.T, s Store) {
	before := time.Now().Add(-time.Minute)
	_, now, err := s.DirectoryVersion(t.Context())
	must(t, err)
	v, err := s.RingVersion(t.Context())
	must(t, err)
	for _, now := range []time.Time{now, v.Now} {
		if now.Before(before) || now.After(time.Now().Add(time.Minute)) || now.Location() != time.UTC || now.Nanosecond()%1000 != 0 {
			t.Errorf("the clock says %v, want the present in UTC, to the microsecond", now)
		}
	}
	if v.Now.Before(now) {
		t.Errorf("the clock went from %v to %v", now, v.Now)
	}
}
