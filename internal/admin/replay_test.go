package admin_test

import (
	"slices"
	"testing"
	"time"

	"github.com/signetd/signet/internal/admin"
	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
)

// replay replays an event. It wants that many changes, and whether something is
// lost.
func (f *fixture) replay(t *testing.T, e audit.Event, changed int, lost bool) {
	t.Helper()
	got, err := f.Replay(t.Context(), by, e)
	must(t, err)
	if got.Changed != changed || (got.Lost != "") != lost {
		t.Errorf("%s (%s): %+v; want %d changes", e.Name, e.Reason, got, changed)
	}
}

func TestReplay_OfAClientIgnoresAnOlderClientOfThatID(t *testing.T) {
	f := newFixture(t)
	c, _, err := f.CreateClient(t.Context(), by, client.Client{ID: "app"}, "")
	must(t, err)
	before, after := c.CreatedAt.Add(-skew-time.Second), c.CreatedAt.Add(time.Hour)
	at := func(when time.Time, name, reason string) audit.Event {
		return audit.Event{Name: name, Time: when, Client: "app", Reason: reason}
	}
	f.replay(t, at(before, audit.ClientDeleted, ""), 0, false)
	f.replay(t, at(before, audit.ClientUpdated, "disabled"), 0, false)

	f.replay(t, at(c.CreatedAt.Add(-skew), audit.ClientUpdated, "disabled"), 1, false) // perhaps of this one
	f.replay(t, at(after, audit.ClientUpdated, "disabled"), 0, false)
	f.replay(t, at(after, audit.ClientUpdated, "enabled"), 1, false)
	f.replay(t, at(after, audit.ClientUpdated, "secret"), 0, true)
	f.replay(t, at(c.CreatedAt, audit.ClientUpdated, "secret"), 0, false)
	f.replay(t, at(after, audit.ClientUpdated, "settings"), 0, true)
	f.replay(t, at(after, audit.ClientCreated, ""), 0, false)
	f.replay(t, at(after, audit.ClientDeleted, ""), 1, false)
	f.replay(t, at(after, audit.ClientDeleted, ""), 0, false)
	f.replay(t, at(after, audit.ClientCreated, ""), 0, true)
	f.replay(t, audit.Event{Name: audit.AudienceCreated, Audience: "api"}, 0, true)
}

// The replay of RevokeAllGrants does not revoke the grant that was kept, grants
// of other clients, and grants that are newer than the event.
func TestReplay_OfARevocationKeepsOtherGrants(t *testing.T) {
	now := time.Now().UTC().Truncate(time.Microsecond)
	f := newFixtureAt(t, func() time.Time { return now })
	u, err := f.CreateUser(t.Context(), by, "ada", secret, nil)
	must(t, err)
	then := now.Add(10 * time.Minute)
	for i, g := range []grant.Grant{{}, {}, {ClientID: "other"}, {CreatedAt: then.Add(time.Microsecond)}} {
		g.ID, g.UserID = oauth.GrantID{byte(i + 1)}, u.ID
		if g.ClientID == "" {
			g.ClientID = "app"
		}
		if !g.CreatedAt.IsZero() {
			now = g.CreatedAt
		}
		g.CreatedAt = now
		g.RotatedAt, g.ExpiresAt, g.IdleLifetime = g.CreatedAt, g.CreatedAt.Add(time.Hour), time.Hour
		_, err := f.store.CreateGrant(t.Context(), g, u.Epoch, 0)
		must(t, err)
	}
	e := audit.Event{
		Name: audit.GrantRevoked, Moment: then, Actor: audit.Actor{Name: "app"}, Subject: u.ID,
		Reason: audit.RevokedByClient, KeptGrant: oauth.GrantID{2}.String(),
	}
	f.replay(t, e, 1, false)
	f.replay(t, e, 0, false)
	e.Reason, e.KeptGrant, e.Actor = audit.RevokedByAdmin, "", audit.Actor{Name: "operator:ann"}
	f.replay(t, e, 2, false)
	g, err := f.store.Grant(t.Context(), oauth.GrantID{1})
	must(t, err)
	if !g.RevokedAt.Equal(now) || g.RevokeReason != audit.RevokedByClient {
		t.Errorf("revoked at %s for %q, want now and the reason of the event", g.RevokedAt, g.RevokeReason)
	}
	if g, err = f.store.Grant(t.Context(), oauth.GrantID{4}); err != nil || !g.RevokedAt.IsZero() {
		t.Errorf("a newer login is %+v, %v", g, err)
	}
}

// The clocks of the store and of the server that wrote an event may differ by
// the skew. A grant that is perhaps older than the event is revoked.
func TestReplay_OfARevocationBySkewedClocks(t *testing.T) {
	f := newFixture(t)
	u, err := f.CreateUser(t.Context(), by, "ada", secret, nil)
	must(t, err)
	_, err = f.store.CreateGrant(t.Context(), grant.Grant{
		ID: oauth.GrantID{1}, UserID: u.ID, ClientID: "app", RotatedAt: u.CreatedAt,
		ExpiresAt: u.CreatedAt.Add(time.Hour), IdleLifetime: time.Hour,
	}, u.Epoch, 0)
	must(t, err)
	g, err := f.store.Grant(t.Context(), oauth.GrantID{1})
	must(t, err)
	e := audit.Event{Name: audit.GrantRevoked, Subject: u.ID, Reason: audit.RevokedByAdmin}
	e.Time = g.CreatedAt.Add(-skew - time.Second)
	f.replay(t, e, 0, false)
	e.Time = g.CreatedAt.Add(-30 * time.Second)
	f.replay(t, e, 1, false)
}

// The tokens of a grant, a user, a client or an audience that the store has
// lost may still be valid. A replay writes the entries into the revocation log
// that refuse them, once.
func TestReplay_RefusesTheTokensOfLostGrants(t *testing.T) {
	f := newFixture(t)
	now := time.Now()
	lost := audit.Event{
		Name: audit.GrantRevoked, Time: now, Grant: oauth.GrantID{1}.String(), Reason: audit.RevokedByClient,
	}
	reused := audit.Event{Name: audit.RefreshReused, Time: now, Grant: oauth.GrantID{2}.String()}
	disabled := audit.Event{Name: audit.UserDisabled, Time: now, Subject: "usr_lost"}
	deleted := audit.Event{Name: audit.ClientDeleted, Time: now, Client: "lost"}
	suspended := audit.Event{Name: audit.ClientUpdated, Time: now, Client: "other", Reason: audit.Disabled}
	audience := audit.Event{Name: audit.AudienceDeleted, Time: now, Audience: "lost"}
	old := lost
	old.Grant, old.Time = oauth.GrantID{3}.String(), now.Add(-2*time.Hour)
	for range 2 {
		changed := 1
		if len(f.revocations(t)) > 0 {
			changed = 0
		}
		f.replay(t, lost, changed, false)
		f.replay(t, reused, changed, false)
		f.replay(t, disabled, changed, false)
		f.replay(t, deleted, changed, false)
		f.replay(t, suspended, changed, false)
		f.replay(t, audience, changed, false)
		f.replay(t, old, 0, false) // its tokens have expired
	}
	f.wantRevocations(t, grant.RevokedGrant(oauth.GrantID{1}), grant.RevokedGrant(oauth.GrantID{2}),
		grant.RevokedSubject("usr_lost", ""), grant.RevokedClient("lost"), grant.RevokedClient("other"),
		grant.RevokedAudience("lost"))
	f.replay(t, audit.Event{Name: audit.UserEnabled, Time: now, Subject: "usr_lost"}, 0, false)
}

// A replay ends grants and writes their entries, stamped now: a grant that came
// back with the backup may have been refreshed since the event.
func TestReplay_WritesRevocationsOfNow(t *testing.T) {
	f := newFixture(t)
	u, err := f.CreateUser(t.Context(), by, "ada", secret, nil)
	must(t, err)
	_, err = f.store.CreateGrant(t.Context(), grant.Grant{
		ID: oauth.GrantID{1}, UserID: u.ID, ClientID: "app", RotatedAt: u.CreatedAt,
		ExpiresAt: u.CreatedAt.Add(time.Hour), IdleLifetime: time.Hour,
	}, u.Epoch, 0)
	must(t, err)
	replayed := time.Now().Truncate(time.Microsecond)
	then := replayed.Add(-time.Minute)
	f.replay(t, audit.Event{
		Name: audit.GrantRevoked, Time: then, Grant: oauth.GrantID{1}.String(), Reason: audit.RevokedByAdmin,
	}, 1, false)
	f.replay(t, audit.Event{
		Name: audit.GrantRevoked, Time: then, Moment: then, Subject: u.ID, Reason: audit.RevokedByAdmin,
	}, 0, false)
	f.wantRevocations(t, grant.RevokedGrant(oauth.GrantID{1}), grant.RevokedSubject(u.ID, ""))
	for _, e := range f.revocations(t) {
		if e.Entry.Before < replayed.UnixMicro() {
			t.Errorf("the moment of an entry is %v, before the replay", time.UnixMicro(e.Entry.Before))
		}
	}
}

// revocations returns the revocation log.
func (f *fixture) revocations(t *testing.T) []grant.LoggedRevocation {
	t.Helper()
	page, err := f.store.Revocations(t.Context(), 0, 100)
	must(t, err)
	return page.Entries
}

// wantRevocations compares the kinds and hashes of the revocation log.
func (f *fixture) wantRevocations(t *testing.T, want ...grant.Revocation) {
	t.Helper()
	same := slices.EqualFunc(f.revocations(t), want, func(e grant.LoggedRevocation, r grant.Revocation) bool {
		return e.Kind == r.Kind && e.Entry.Hash == r.Hash
	})
	if !same {
		t.Errorf("the log has %+v, want %+v", f.revocations(t), want)
	}
}

// Of the events that disable and enable a user or a client only the last
// remains.
func TestDropSuperseded(t *testing.T) {
	events := []audit.Event{
		{Name: audit.UserDisabled, Subject: "a"},
		{Name: audit.ClientUpdated, Client: "a", Reason: "disabled"},
		{Name: audit.GrantRevoked, Subject: "a"},
		{Name: audit.UserEnabled, Subject: "a"},
		{Name: audit.UserDisabled, Subject: "b"},
		{Name: audit.ClientUpdated, Client: "a", Reason: "settings"},
	}
	got := admin.DropSuperseded(events)
	if len(got) != 5 || got[0] != events[1] || got[2] != events[3] {
		t.Errorf("%+v", got)
	}
}
