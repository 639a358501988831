package admin_test

import (
	"strings"
	"testing"
	"time"

	"github.com/signetd/signet/internal/admin"
	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/revocation"
)

// newDirectory returns a fixture with an audience, a client and a user.
func newDirectory(t *testing.T, now func() time.Time) (f *fixture, userID string) {
	t.Helper()
	f = newFixtureAt(t, now)
	_, err := f.CreateAudience(t.Context(), by, client.Audience{ID: api})
	must(t, err)
	_, _, err = f.CreateClient(t.Context(), by, client.Client{ID: "app"}, "")
	must(t, err)
	u, err := f.CreateUser(t.Context(), by, "ada", secret, nil)
	must(t, err)
	return f, u.ID
}

// log returns the revocation log.
func (f *fixture) log(t *testing.T) []grant.LoggedRevocation {
	t.Helper()
	page, err := f.store.Revocations(t.Context(), 0, 100)
	must(t, err)
	return page.Entries
}

func TestAddRevocation_WritesEntryAndEvent(t *testing.T) {
	now := time.Now().UTC().Truncate(time.Microsecond)
	f, ada := newDirectory(t, func() time.Time { return now })
	earlier := now.Add(-10 * time.Minute)
	for _, tt := range []struct {
		tokens admin.RevokedTokens
		kind   revocation.Kind
		hash   revocation.Hash
		target string
	}{
		{admin.RevokedTokens{Subject: ada}, revocation.Subject, revocation.Subject.Hash(ada), "user:" + ada},
		{
			admin.RevokedTokens{Subject: "customer 7"},
			revocation.Subject, revocation.Subject.Hash("customer 7"), "user:customer 7",
		},
		{
			admin.RevokedTokens{Subject: ada, Client: "app"},
			revocation.SubjectAtClient, revocation.HashSubjectAtClient(ada, "app"), "client:app",
		},
		{admin.RevokedTokens{Client: "app"}, revocation.Client, revocation.Client.Hash("app"), "client:app"},
		{admin.RevokedTokens{Audience: api}, revocation.Audience, revocation.Audience.Hash(api), "audience:" + api},
		{admin.RevokedTokens{All: true}, revocation.All, revocation.All.Hash(identifier), "issuer"},
	} {
		for _, before := range []time.Time{{}, earlier, now} {
			tt.tokens.Before = before
			at, err := f.AddRevocation(t.Context(), by, tt.tokens)
			must(t, err)
			want := before
			if before.IsZero() {
				want = now
			}
			log, e := f.log(t), f.events[len(f.events)-1]
			last := log[len(log)-1]
			entry := revocation.Entry{Hash: tt.hash, Before: want.UnixMicro()}
			if !at.Equal(want) || last.Kind != tt.kind || last.Entry != entry {
				t.Errorf("%+v: at %s, entry %+v", tt.tokens, at, last)
			}
			if e.Name != audit.RevocationAdded || e.Target() != tt.target || e.Subject != tt.tokens.Subject ||
				!e.Moment.Equal(want) || e.Actor != by {
				t.Errorf("%+v: event %+v", tt.tokens, e)
			}
		}
	}
}

func TestAddRevocation_RefusesBadInput(t *testing.T) {
	now := time.Now().UTC()
	f, _ := newDirectory(t, func() time.Time { return now })
	before := len(f.log(t))
	for _, tt := range []struct {
		tokens admin.RevokedTokens
		code   oauth.Code
	}{
		{admin.RevokedTokens{}, oauth.InvalidRequest},
		{admin.RevokedTokens{Subject: "alice", Audience: api}, oauth.InvalidRequest},
		{admin.RevokedTokens{Client: "app", All: true}, oauth.InvalidRequest},
		{admin.RevokedTokens{Audience: api, All: true}, oauth.InvalidRequest},
		{admin.RevokedTokens{Subject: "a\nb"}, oauth.InvalidRequest},
		{admin.RevokedTokens{Subject: strings.Repeat("a", 256)}, oauth.InvalidRequest},
		{admin.RevokedTokens{Client: "app", Before: now.Add(time.Second)}, oauth.InvalidRequest},
		{admin.RevokedTokens{Client: "app", Before: time.Unix(0, 0)}, oauth.InvalidRequest},
		{admin.RevokedTokens{Subject: "usr_nobody"}, oauth.NotFound},
		{admin.RevokedTokens{Client: "nobody"}, oauth.NotFound},
		{admin.RevokedTokens{Subject: "alice", Client: "nobody"}, oauth.NotFound},
		{admin.RevokedTokens{Audience: "nobody"}, oauth.NotFound},
	} {
		events := len(f.events)
		_, err := f.AddRevocation(t.Context(), by, tt.tokens)
		wantCode(t, err, tt.code)
		if len(f.log(t)) != before || len(f.events) != events {
			t.Errorf("%+v: an entry or an event was written", tt.tokens)
		}
	}
}

// The replay of the audit log writes the entries that a restored store lacks,
// once each, with the moments of the events.
func TestReplay_OfRevocationsOfTokens(t *testing.T) {
	now := time.Now().UTC().Truncate(time.Microsecond)
	original, _ := newDirectory(t, func() time.Time { return now })
	for _, r := range []admin.RevokedTokens{
		{Subject: "alice"},
		{Subject: "alice", Client: "app"},
		{Client: "app", Before: now.Add(-time.Minute)},
		{Audience: api},
		{All: true},
	} {
		_, err := original.AddRevocation(t.Context(), by, r)
		must(t, err)
	}
	events := append(original.events[len(original.events)-5:], audit.Event{
		Name: audit.TokenRevoked, Token: "jti", Subject: "app", Moment: now,
	})

	now = now.Add(time.Minute)
	restored := newFixtureAt(t, func() time.Time { return now })
	for _, e := range events {
		restored.replay(t, e, 1, false)
	}
	for range 2 {
		for _, e := range events { // an event of an older moment needs no entry
			restored.replay(t, e, 0, false)
			e.Moment = e.Moment.Add(-time.Second)
			restored.replay(t, e, 0, false)
		}
		restored.Admin = admin.New(restored.options) // which reads the log again
	}

	want, log := original.log(t), restored.log(t)
	if len(log) != len(want)+1 {
		t.Fatalf("%d entries, want %d", len(log), len(want)+1)
	}
	for i, e := range want {
		if log[i].Entry != e.Entry || log[i].Kind != e.Kind {
			t.Errorf("entry %d is %+v, want %+v", i, log[i], e)
		}
	}
	if last := log[len(log)-1]; last.Entry.Hash != revocation.Token.Hash("jti") {
		t.Errorf("the last entry is %+v, want that of the token", last)
	}
}
