package sqlite

import (
	"errors"
	"testing"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/revocation"
)

// anEntry is an entry about a subject.
var anEntry = grant.Revocation{Kind: revocation.Subject, Hash: revocation.Subject.Hash("ann")}

// addEntry writes an entry and returns it as the log has it.
func addEntry(t *testing.T, s *Store, e grant.Revocation) grant.LoggedRevocation {
	t.Helper()
	_, err := s.AddRevocations(t.Context(), []grant.Revocation{e})
	must(t, err)
	page, err := s.Revocations(t.Context(), 0, 1000)
	must(t, err)
	return page.Entries[len(page.Entries)-1]
}

// If the lifetime of tokens is reduced, entries are kept long enough for the
// tokens that were issued before.
func TestRevocations_KeptForTokensOfALongerLifetime(t *testing.T) {
	now := then
	const long, short = 10 * time.Hour, time.Hour
	openWith := func(path string, keep time.Duration) *Store {
		s, err := Open(t.Context(), path, Options{Now: func() time.Time { return now }, RevocationKeep: keep})
		must(t, err)
		t.Cleanup(func() { must(t, s.Close()) })
		must(t, s.Migrate(t.Context()))
		return s
	}
	path := newFile(t)
	before, after := openWith(path, long), openWith(path, short)
	keptFor := func(want time.Duration) {
		t.Helper()
		past := anEntry
		past.Before = now.Add(-30 * time.Hour)
		for _, e := range []grant.Revocation{anEntry, past} {
			logged := addEntry(t, after, e)
			moment := time.UnixMicro(logged.Entry.Before)
			kept := logged.ExpiresAt.Sub(moment)
			if e.Before.IsZero() && kept != want || kept > long {
				t.Errorf("an entry of %v is kept for %v, want %v", moment, kept, want)
			}
		}
	}
	keptFor(short)

	written := addEntry(t, before, anEntry)
	now = now.Add(time.Hour)
	_, err := before.SweepRevocations(t.Context(), 0) // The last call before the server stops.
	must(t, err)
	keptFor(long)
	now = now.Add(3 * time.Hour)
	keptFor(7*time.Hour + recordInterval)
	now = now.Add(6*time.Hour + recordInterval)
	keptFor(short)

	page, err := after.Revocations(t.Context(), written.Seq, 1)
	must(t, err)
	if kept := page.Entries[0].ExpiresAt.Sub(then); kept != long {
		t.Errorf("an entry that was written before is kept for %v, want %v", kept, long)
	}
}

// The moments of entries do not go back if the clock does.
func TestRevocations_ClockSetBack(t *testing.T) {
	now := then
	s, err := Open(t.Context(), newFile(t), Options{Now: func() time.Time { return now }})
	must(t, err)
	defer func() { must(t, s.Close()) }()
	must(t, s.Migrate(t.Context()))
	first := addEntry(t, s, anEntry)
	now = now.Add(-time.Minute)
	_, err = s.SweepRevocations(t.Context(), 10)
	must(t, err)
	if second := addEntry(t, s, anEntry); second.Entry.Before != first.Entry.Before {
		t.Errorf("the moment went from %d to %d", first.Entry.Before, second.Entry.Before)
	}
	now = now.Add(time.Hour)
	if third := addEntry(t, s, anEntry); third.Entry.Before != now.UnixMicro() {
		t.Errorf("the moment is %d, want %d", third.Entry.Before, now.UnixMicro())
	}
}

// A change whose entry cannot be written is not made.
func TestRevocations_ChangeNeedsItsEntry(t *testing.T) {
	s := open(t, newFile(t))
	must(t, s.CreateClient(t.Context(), client.Client{ID: "app"}))
	must(t, s.CreateUser(t.Context(), ann))
	must(t, create(t.Context(), s, aGrant(1)))
	exec(t, s.writeDB, `UPDATE grants SET generation = 9`)
	exec(t, s.writeDB, `DELETE FROM revocation_head`)

	reused := grant.RefreshAttempt{
		Grant: oauth.GrantID{1}, ClientID: "app", ReceivedAt: then, Deadline: then.Add(time.Minute),
	}
	for name, act := range map[string]func() error{
		"delete client": func() error { return s.DeleteClient(t.Context(), "app", "operator:ann") },
		"revoke grant": func() error {
			_, _, err := s.RevokeGrant(t.Context(), oauth.GrantID{1}, "", audit.RevokedByClient, then)
			return err
		},
		"refresh grant": func() error { _, err := s.RefreshGrant(t.Context(), reused); return err },
		"disable user": func() error {
			_, err := s.DisableUser(t.Context(), ann.Username, "operator:ann")
			return err
		},
	} {
		// not_found would mean that there is nothing to revoke.
		if err := act(); err == nil || errors.Is(err, oauth.NotFound) {
			t.Errorf("%s without an entry: %v", name, err)
		}
	}
	if g, err := s.Grant(t.Context(), oauth.GrantID{1}); err != nil || !g.RevokedAt.IsZero() {
		t.Errorf("a grant was revoked without an entry: %+v, %v", g, err)
	}
	d, err := s.Directory(t.Context())
	must(t, err)
	if len(d.Clients) != 1 {
		t.Error("the client is deleted without an entry")
	}
}
