package storetest

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/revocation"
	"github.com/signetd/signet/keys"
)

// A logWriter makes changes that write entries into the log.
type logWriter struct {
	*testing.T
	Store
	number  byte
	created uint16
	entries *atomic.Int64
}

// wrote counts entries.
func (w *logWriter) wrote(n int, err error) error {
	w.entries.Add(int64(n))
	return err
}

func (w *logWriter) subject() string { return fmt.Sprint("customer ", w.number) }

// mint creates n grants of the writer's subject.
func (w *logWriter) mint(n int) (grants []grant.Grant, err error) {
	for range n {
		w.created++
		g := aGrant(0, w.subject())
		g.ID = oauth.GrantID{w.number + 1, byte(w.created >> 8), byte(w.created)}
		grants, err = append(grants, g), errors.Join(err, mintGrant(w.Context(), w, g))
	}
	return grants, err
}

// single ends grants one by one. The second call changes nothing.
func (w *logWriter) single(int) error {
	grants, err := w.mint(2)
	for _, g := range append(grants, grants...) {
		_, changed, revokeErr := w.RevokeGrant(w.Context(), g.ID, "", audit.RevokedByClient, start)
		if err = errors.Join(err, revokeErr); changed {
			w.entries.Add(1)
		}
	}
	return err
}

// reuse ends grants in one statement, because their superseded tokens are used.
func (w *logWriter) reuse(int) error {
	grants, err := w.mint(8)
	if err != nil {
		return err
	}
	attempts := make([]grant.RefreshAttempt, len(grants))
	for i, g := range grants {
		attempts[len(attempts)-1-i] = currentToken(g) // not in the order of the ids
		attempts[len(attempts)-1-i].Generation -= 2
	}
	results, err := refreshTogether(w.Context(), w, attempts)
	for err != nil && w.Context().Err() == nil { // The store did not answer in time.
		results, err = refreshTogether(w.Context(), w, attempts)
	}
	for _, r := range results {
		if r.Outcome != grant.Reused && r.Outcome != grant.Revoked {
			err = errors.Join(err, fmt.Errorf("a superseded token is %s", r.Outcome))
		}
	}
	return w.wrote(len(grants), err)
}

// many ends all grants of a subject, then all except one.
func (w *logWriter) many(int) error {
	grants, err := w.mint(1)
	if err == nil {
		_, err = revokeAll(w.Context(), w, w.subject(), "app", oauth.GrantID{}, audit.RevokedByAdmin)
	}
	if err == nil {
		grants, err = w.mint(1)
	}
	if err == nil {
		_, err = revokeAll(w.Context(), w, "another "+w.subject(), "", grants[0].ID, audit.RevokedByAdmin)
	}
	return w.wrote(2, err)
}

// users ends the grants of users in all ways.
func (w *logWriter) users(round int) error {
	u := aUser(fmt.Sprint("user", w.number, "-", round))
	return w.wrote(5, errors.Join(
		w.CreateUser(w.Context(), u),
		ended(w.SetPassword(w.Context(), u.Username, u.PasswordHash, operator)),
		changePasswordOf(w.Context(), w, u.ID, u.PasswordHash, u.PasswordHash, oauth.GrantID{}),
		ended(w.DisableUser(w.Context(), u.Username, operator)),
		ended(w.DisableUser(w.Context(), u.Username, operator)),
		w.EnableUser(w.Context(), u.Username),
		ended(revokeAll(w.Context(), w, u.ID, "", oauth.GrantID{}, audit.RevokedByAdmin)),
		ended(w.DeleteUser(w.Context(), u.Username, operator))))
}

// directory disables and deletes clients and audiences.
func (w *logWriter) directory(round int) error {
	id := fmt.Sprint(w.number, "-", round)
	return w.wrote(4, errors.Join(
		w.CreateClient(w.Context(), aClient(id)),
		w.UpdateClient(w.Context(), id, func(c *client.Client) error { c.DisabledAt = start; return nil }),
		w.DeleteClient(w.Context(), id, operator),
		w.CreateAudience(w.Context(), client.Audience{ID: id, CreatedAt: start}),
		w.UpdateAudience(w.Context(), id, func(a *client.Audience) error { a.DisabledAt = start; return nil }),
		w.DeleteAudience(w.Context(), id)))
}

// oldest ends the grants above a limit.
func (w *logWriter) oldest(int) error {
	_, err := w.mint(3)
	if err != nil {
		return err
	}
	revoked, err := w.RevokeOldest(w.Context(), w.subject(), "app", oauth.GrantID{}, 1, audit.RevokedByLimit)
	return w.wrote(len(revoked), err)
}

// add writes entries without a change.
func (w *logWriter) add(int) error {
	entry := aRevocation(revocation.Token, w.subject())
	_, err := w.AddRevocations(w.Context(), []grant.Revocation{entry, entry, entry})
	return w.wrote(3, err)
}

// ring replaces the key ring. Only one writer may do so.
func (w *logWriter) ring(round int) error {
	return w.wrote(2, w.SwapRing(w.Context(), int64(round), keys.Ring{Version: int64(round)}, []string{"kid1", "kid2"}))
}

// logWithoutGaps: while 64 writers make changes of all kinds on two servers, a
// reader sees each entry once, in the order of the numbers, and never one
// before its predecessor. In the end there is an entry for each change.
func logWithoutGaps(t *testing.T, servers [2]Store) {
	const writers = 64
	rounds := sized(1, 3, 40)
	var entries atomic.Int64
	var stop atomic.Bool
	var reader, workers sync.WaitGroup
	var seen []grant.LoggedRevocation
	reader.Go(func() { seen = readUntil(t, servers[0], &stop) })
	workers.Go(func() {
		for !stop.Load() {
			if _, err := servers[1].ApplyEndings(t.Context(), 20, time.Hour); err != nil {
				t.Error(err)
			}
		}
	})

	atOnce(servers, writers, func(i int, s Store) {
		w := &logWriter{T: t, Store: s, number: byte(i), entries: &entries}
		kinds := []func(int) error{w.single, w.single, w.reuse, w.many, w.users, w.directory, w.oldest, w.add}
		change := kinds[i/2%len(kinds)] // on both servers
		if i == 0 {
			change = w.ring
		}
		for round := range rounds {
			if err := change(round); err != nil {
				t.Error(err)
				return
			}
		}
	})
	stop.Store(true)
	reader.Wait()
	workers.Wait()

	equal(t, len(seen), int(entries.Load()))
	var moment int64
	for i, e := range seen {
		if e.Seq != int64(i+1) {
			t.Fatalf("entry %d has the number %d", i+1, e.Seq)
		}
		if e.Kind != revocation.Grant { // Some of the others have a lag.
			continue
		}
		if e.Entry.Before < moment {
			t.Fatalf("entry %d has an earlier moment than one before it", i+1)
		}
		moment = e.Entry.Before
	}
}

// readUntil reads the log each millisecond, and once more after stop was set.
func readUntil(t *testing.T, s Store, stop *atomic.Bool) (seen []grant.LoggedRevocation) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for last := false; ; <-tick.C {
		last = stop.Load()
		page, err := s.Revocations(t.Context(), int64(len(seen)+1), 5000)
		if err != nil {
			t.Error(err)
			return seen
		}
		seen = append(seen, page.Entries...)
		if last && len(page.Entries) == 0 {
			return seen
		}
	}
}
