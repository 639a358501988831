package admin_test

import (
	"testing"
	"time"

	"github.com/signetd/signet/internal/admin"
	"github.com/signetd/signet/internal/oauth"
)

// replayed does one event again and wants so many changes, and whether a loss is told.
func (o *office) replayed(t *testing.T, e oauth.Event, changed int, lost bool) {
	t.Helper()
	done, err := o.Replay(t.Context(), by, e)
	must(t, err)
	if done.Changed != changed || (done.Lost != "") != lost {
		t.Errorf("%s (%s): %+v; want %d changes", e.Name, e.Reason, done, changed)
	}
}

func TestReplayOfAClientIsOfThatClient(t *testing.T) {
	o := newOffice(t)
	c, _, err := o.CreateClient(t.Context(), by, oauth.Client{ID: "app"})
	must(t, err)
	before, after := c.CreatedAt.Add(-time.Second), c.CreatedAt.Add(time.Hour)
	at := func(when time.Time, name, reason string) oauth.Event {
		return oauth.Event{Name: name, Time: when, Client: "app", Reason: reason}
	}
	// What an older client of that name met is not this one's.
	o.replayed(t, at(before, oauth.EventClientDeleted, ""), 0, false)
	o.replayed(t, at(before, oauth.EventClientUpdated, "disabled"), 0, false)

	o.replayed(t, at(after, oauth.EventClientUpdated, "disabled"), 1, false)
	o.replayed(t, at(after, oauth.EventClientUpdated, "disabled"), 0, false)
	o.replayed(t, at(after, oauth.EventClientUpdated, "enabled"), 1, false)
	o.replayed(t, at(after, oauth.EventClientUpdated, "secret"), 0, true)
	o.replayed(t, at(c.CreatedAt, oauth.EventClientUpdated, "secret"), 0, false)
	o.replayed(t, at(after, oauth.EventClientUpdated, "settings"), 0, true)
	o.replayed(t, at(after, oauth.EventClientCreated, ""), 0, false)
	o.replayed(t, at(after, oauth.EventClientDeleted, ""), 1, false)
	o.replayed(t, at(after, oauth.EventClientDeleted, ""), 0, false)
	o.replayed(t, at(after, oauth.EventClientCreated, ""), 0, true)
	o.replayed(t, oauth.Event{Name: oauth.EventAudienceCreated, Audience: "api"}, 0, true)
}

// TestReplayOfAllGrantsSparesOthers: the one that was kept, those of other clients, and logins of after the event.
func TestReplayOfAllGrantsSparesOthers(t *testing.T) {
	o := newOffice(t)
	u, err := o.CreateUser(t.Context(), by, "ada", secret, nil)
	must(t, err)
	then := u.CreatedAt.Add(time.Hour)
	for i, g := range []oauth.Grant{{}, {}, {ClientID: "other"}, {CreatedAt: then.Add(time.Second)}} {
		g.ID, g.UserID = oauth.GrantID{byte(i + 1)}, u.ID
		if g.ClientID == "" {
			g.ClientID = "app"
		}
		if g.CreatedAt.IsZero() {
			g.CreatedAt = u.CreatedAt
		}
		g.MovedAt, g.ExpiresAt, g.IdleLifetime = g.CreatedAt, g.CreatedAt.Add(time.Hour), time.Hour
		must(t, o.store.CreateGrant(t.Context(), g, u.Epoch))
	}
	e := oauth.Event{
		Name: oauth.EventGrantRevoked, Time: then, Actor: "app", Subject: u.ID, Reason: oauth.RevokedByClient,
		Kept: oauth.GrantID{2}.String(),
	}
	o.replayed(t, e, 1, false)
	o.replayed(t, e, 0, false)
	e.Reason, e.Kept, e.Actor = oauth.RevokedByAdmin, "", "operator:ann"
	o.replayed(t, e, 2, false)
	g, err := o.store.Grant(t.Context(), oauth.GrantID{1})
	must(t, err)
	if !g.RevokedAt.Equal(then) || g.RevokeReason != oauth.RevokedByClient {
		t.Errorf("revoked %s for %q, want the event's", g.RevokedAt, g.RevokeReason)
	}
	if g, err = o.store.Grant(t.Context(), oauth.GrantID{4}); err != nil || !g.RevokedAt.IsZero() {
		t.Errorf("a login of after the event is %+v, %v", g, err)
	}
}

func TestLastWords(t *testing.T) {
	events := []oauth.Event{
		{Name: oauth.EventUserDisabled, Subject: "a"},
		{Name: oauth.EventClientUpdated, Client: "a", Reason: "disabled"},
		{Name: oauth.EventGrantRevoked, Subject: "a"},
		{Name: oauth.EventUserEnabled, Subject: "a"},
		{Name: oauth.EventUserDisabled, Subject: "b"},
		{Name: oauth.EventClientUpdated, Client: "a", Reason: "settings"},
	}
	left := admin.LastWords(events)
	if len(left) != 5 || left[0] != events[1] || left[2] != events[3] {
		t.Errorf("%+v", left)
	}
}
