package admin_test

import (
	"maps"
	"os"
	"testing"
	"time"

	"github.com/signetd/signet/internal/admin"
	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
)

// The recorded log of package audit has these grants. adaKept was excepted from
// the revocations, and bobLost was created after the backup.
const (
	adaKept = "886343454755ff8edc0666a0f17f840b"
	bobLost = "5a2d5df9674feb1c548855fe835e564a"
)

// recordedNames are the names of the recorded users, in the order of their
// events.
var recordedNames = []string{"demo", "ada", "bob", "eve", "zoe", "old"}

// readRecordedLog returns the events of the recorded log that a replay uses: a
// refused request has changed nothing, except by the reuse of a refresh token.
func readRecordedLog(t *testing.T) (events []audit.Event) {
	t.Helper()
	file, err := os.Open("../audit/testdata/2026-11.log")
	must(t, err)
	defer file.Close()
	all, faults, err := audit.Read(file)
	must(t, err)
	if len(faults) > 0 {
		t.Fatalf("%q", faults)
	}
	for _, e := range all {
		if !e.Failed || e.Name == audit.RefreshReused {
			events = append(events, e)
		}
	}
	return events
}

// restore fills the store with what a backup of the recorded server had: the
// users and the grants, but nothing that happened to them later.
func (f *fixture) restore(t *testing.T, events []audit.Event) {
	t.Helper()
	for _, id := range []string{"demo-api", "api"} {
		_, err := f.CreateAudience(t.Context(), by, client.Audience{ID: id})
		must(t, err)
	}
	for _, id := range []string{"demo-client", "app"} {
		_, _, err := f.CreateClient(t.Context(), by, client.Client{ID: id}, "")
		must(t, err)
	}
	names := recordedNames
	for _, e := range events {
		switch {
		case e.Name == audit.UserCreated:
			_, err := f.ImportUser(t.Context(), by, admin.ImportedUser{Username: names[0], ID: e.Subject})
			must(t, err)
			names = names[1:]
		case (e.Name == audit.LoginSucceeded || e.Name == audit.TokenMinted) && e.Grant != "" && e.Grant != bobLost:
			f.createGrant(t, e)
		}
	}
}

// createGrant creates the grant of a recorded login.
func (f *fixture) createGrant(t *testing.T, e audit.Event) {
	t.Helper()
	id, err := oauth.ParseGrantID(e.Grant)
	must(t, err)
	at := e.Time.Truncate(time.Microsecond)
	_, err = f.store.MintGrant(t.Context(), grant.Grant{
		ID: id, UserID: e.Subject, ClientID: e.Actor.Name, RotatedAt: at, IdleLifetime: time.Hour,
		ExpiresAt: at.Add(time.Hour), CreatedAt: at,
	})
	must(t, err)
}

// Logs of November 2026 can still be replayed: the replay revokes the grants,
// and disables and deletes the users and clients that the log says.
func TestReplay_RecordedLog(t *testing.T) {
	events := readRecordedLog(t)
	f := newFixtureAt(t, func() time.Time { return events[0].Time.Add(-time.Hour) })
	f.restore(t, events)
	changed, lost := 0, map[string]int{}
	for _, e := range admin.DropSuperseded(events) {
		result, err := f.Replay(t.Context(), by, e)
		must(t, err)
		changed += result.Changed
		if result.Lost != "" {
			lost[e.Name]++
		}
	}
	// The grants of ada (2), bob, eve and customer 7; the users zoe, eve
	// and old; the client demo-client; the entry about the tokens of the
	// client spare, which is lost.
	if changed != 10 {
		t.Errorf("%d changes, want 10", changed)
	}
	wantLost := map[string]int{
		audit.ClientCreated: 1, audit.ClientUpdated: 2, audit.AudienceUpdated: 3, audit.AudienceDeleted: 1,
		audit.ClaimsSet: 1, audit.PasswordSet: 2, audit.LoginSucceeded: 1,
	}
	if !maps.Equal(lost, wantLost) {
		t.Errorf("lost are %v, want %v", lost, wantLost)
	}
	f.wantRecordedState(t)

	for _, e := range admin.DropSuperseded(events) {
		if result, err := f.Replay(t.Context(), by, e); err != nil || result.Changed != 0 {
			t.Errorf("the second replay of %s: %+v, %v", e.Name, result, err)
		}
	}
}

// wantRecordedState wants the store to be as the recorded log says.
func (f *fixture) wantRecordedState(t *testing.T) {
	t.Helper()
	for id, want := range map[string]string{
		"8ddd7178": audit.RevokedByClient, "1476a03c": audit.RevokedByClient, adaKept[:8]: "",
		"ccb0aed3": audit.RevokedByClient, "d6124c0d": audit.RevokedByReuse, "b3256182": "suspended",
		"9a44a205": audit.RevokedByDeletion, "c4b2557a": audit.RevokedByClient,
	} {
		if got := f.recordedGrants(t)[id]; got != want {
			t.Errorf("the grant %s: %q, want %q", id, got, want)
		}
	}
	for name, want := range map[string]bool{"demo": false, "ada": false, "bob": false, "eve": true, "zoe": true} {
		u, err := f.User(t.Context(), name)
		must(t, err)
		if u.DisabledAt.IsZero() == want {
			t.Errorf("%s: disabled at %v, want disabled %v", name, u.DisabledAt, want)
		}
	}
	_, err := f.User(t.Context(), "old")
	wantCode(t, err, oauth.NotFound)
	d, err := f.Directory(t.Context())
	must(t, err)
	for id, want := range map[string]bool{"demo-client": true, "app": false} {
		if c, ok := d.Client(id); !ok || c.DisabledAt.IsZero() == want {
			t.Errorf("client %s: %v, disabled at %v, want disabled %v", id, ok, c.DisabledAt, want)
		}
	}
}

// recordedGrants returns why each grant is revoked or suspended, by the first
// digits of its id.
func (f *fixture) recordedGrants(t *testing.T) map[string]string {
	t.Helper()
	reasons := map[string]string{}
	for _, e := range readRecordedLog(t) {
		if e.Name != audit.LoginSucceeded && e.Name != audit.TokenMinted || e.Grant == "" || e.Grant == bobLost {
			continue
		}
		id, err := oauth.ParseGrantID(e.Grant)
		must(t, err)
		g, err := f.store.Grant(t.Context(), id)
		must(t, err)
		reasons[e.Grant[:8]] = g.RevokeReason
		if g.RevokedAt.IsZero() && !g.SuspendedAt.IsZero() {
			reasons[e.Grant[:8]] = "suspended"
		}
	}
	return reasons
}
