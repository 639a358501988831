package admin_test

import (
	"testing"
	"time"

	"github.com/signetd/signet/internal/admin"
	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
)

// replayed does one event again and wants so many changes, and whether a loss is told.
func (o *office) replayed(t *testing.T, e audit.Event, changed int, lost bool) {
	t.Helper()
	done, err := o.Replay(t.Context(), by, e)
	must(t, err)
	if done.Changed != changed || (done.Lost != "") != lost {
		t.Errorf("%s (%s): %+v; want %d changes", e.Name, e.Reason, done, changed)
	}
}

func TestReplayOfAClientIsOfThatClient(t *testing.T) {
	o := newOffice(t)
	c, _, err := o.CreateClient(t.Context(), by, client.Client{ID: "app"})
	must(t, err)
	before, after := c.CreatedAt.Add(-time.Second), c.CreatedAt.Add(time.Hour)
	at := func(when time.Time, name, reason string) audit.Event {
		return audit.Event{Name: name, Time: when, Client: "app", Reason: reason}
	}
	// What an older client of that name met is not this one's.
	o.replayed(t, at(before, audit.ClientDeleted, ""), 0, false)
	o.replayed(t, at(before, audit.ClientUpdated, "disabled"), 0, false)

	o.replayed(t, at(after, audit.ClientUpdated, "disabled"), 1, false)
	o.replayed(t, at(after, audit.ClientUpdated, "disabled"), 0, false)
	o.replayed(t, at(after, audit.ClientUpdated, "enabled"), 1, false)
	o.replayed(t, at(after, audit.ClientUpdated, "secret"), 0, true)
	o.replayed(t, at(c.CreatedAt, audit.ClientUpdated, "secret"), 0, false)
	o.replayed(t, at(after, audit.ClientUpdated, "settings"), 0, true)
	o.replayed(t, at(after, audit.ClientCreated, ""), 0, false)
	o.replayed(t, at(after, audit.ClientDeleted, ""), 1, false)
	o.replayed(t, at(after, audit.ClientDeleted, ""), 0, false)
	o.replayed(t, at(after, audit.ClientCreated, ""), 0, true)
	o.replayed(t, audit.Event{Name: audit.AudienceCreated, Audience: "api"}, 0, true)
}

// TestReplayOfAllGrantsSparesOthers: the one that was kept, those of other clients, and logins of after the event.
func TestReplayOfAllGrantsSparesOthers(t *testing.T) {
	o := newOffice(t)
	u, err := o.CreateUser(t.Context(), by, "ada", secret, nil)
	must(t, err)
	then := u.CreatedAt.Add(time.Hour)
	for i, g := range []grant.Grant{{}, {}, {ClientID: "other"}, {CreatedAt: then.Add(time.Second)}} {
		g.ID, g.UserID = oauth.GrantID{byte(i + 1)}, u.ID
		if g.ClientID == "" {
			g.ClientID = "app"
		}
		if g.CreatedAt.IsZero() {
			g.CreatedAt = u.CreatedAt
		}
		g.RotatedAt, g.ExpiresAt, g.IdleLifetime = g.CreatedAt, g.CreatedAt.Add(time.Hour), time.Hour
		must(t, o.store.CreateGrant(t.Context(), g, u.Epoch))
	}
	e := audit.Event{
		Name: audit.GrantRevoked, Time: then, Actor: audit.Actor{Name: "app"}, Subject: u.ID, Reason: audit.RevokedByClient,
		Kept: oauth.GrantID{2}.String(),
	}
	o.replayed(t, e, 1, false)
	o.replayed(t, e, 0, false)
	e.Reason, e.Kept, e.Actor = audit.RevokedByAdmin, "", audit.Actor{Name: "operator:ann"}
	o.replayed(t, e, 2, false)
	g, err := o.store.Grant(t.Context(), oauth.GrantID{1})
	must(t, err)
	if !g.RevokedAt.Equal(then) || g.RevokeReason != audit.RevokedByClient {
		t.Errorf("revoked %s for %q, want the event's", g.RevokedAt, g.RevokeReason)
	}
	if g, err = o.store.Grant(t.Context(), oauth.GrantID{4}); err != nil || !g.RevokedAt.IsZero() {
		t.Errorf("a login of after the event is %+v, %v", g, err)
	}
}

func TestLastWords(t *testing.T) {
	events := []audit.Event{
		{Name: audit.UserDisabled, Subject: "a"},
		{Name: audit.ClientUpdated, Client: "a", Reason: "disabled"},
		{Name: audit.GrantRevoked, Subject: "a"},
		{Name: audit.UserEnabled, Subject: "a"},
		{Name: audit.UserDisabled, Subject: "b"},
		{Name: audit.ClientUpdated, Client: "a", Reason: "settings"},
	}
	left := admin.LastWords(events)
	if len(left) != 5 || left[0] != events[1] || left[2] != events[3] {
		t.Errorf("%+v", left)
	}
}
