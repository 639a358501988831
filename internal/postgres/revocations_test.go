package postgres

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/pgtest"
	"github.com/signetd/signet/internal/revocation"
	"github.com/signetd/signet/keys"
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

// kept returns how long an entry is kept after its moment.
func kept(e grant.LoggedRevocation) time.Duration {
	return e.ExpiresAt.Sub(time.UnixMicro(e.Entry.Before))
}

// If the lifetime of tokens is reduced, entries are kept long enough for the
// tokens that were issued before.
func TestRevocations_KeptForTokensOfALongerLifetime(t *testing.T) {
	url := pgtest.New(t)
	long, short := 10*time.Hour, time.Hour
	before, after := open(t, url, Options{RevocationKeep: long}), open(t, url, Options{RevocationKeep: short})
	if first := addEntry(t, after, anEntry); kept(first) != short {
		t.Errorf("the first entry is kept for %v, want %v", kept(first), short)
	}
	written := addEntry(t, before, anEntry)
	_, err := before.SweepRevocations(t.Context(), 0) // while the server issues tokens
	must(t, err)

	past := anEntry
	past.Before = time.Now().Add(-30 * time.Hour)
	for _, c := range []struct {
		left query // until the last token of the longer lifetime expires
		want time.Duration
	}{
		{`10 hours 5 minutes`, long},
		{`3 hours`, 3 * time.Hour},
		{`1 hour`, short},
		{`0`, short},
	} {
		exec(t, after, `UPDATE revocation_head SET keep = '10 hours', keep_until = clock_timestamp() + interval '`+c.left+`'`)
		e := addEntry(t, after, anEntry)
		if d := (kept(e) - c.want).Abs(); d > time.Minute {
			t.Errorf("%s before the last token expires, an entry is kept for %v, want %v", c.left, kept(e), c.want)
		}
		if e := addEntry(t, after, past); kept(e) > long {
			t.Errorf("an entry about the past is kept for %v, want at most %v", kept(e), long)
		}
	}

	page, err := after.Revocations(t.Context(), written.Seq, 1)
	must(t, err)
	if kept(page.Entries[0]) != long {
		t.Errorf("an entry that was written before is kept for %v, want %v", kept(page.Entries[0]), long)
	}
}

// A writer waits for the newest number as long as for any other row. Its moment
// is after that of the entry that it waited for.
func TestRevocations_WriterWaitsForTheHead(t *testing.T) {
	s := open(t, pgtest.New(t), Options{StatementTimeout: time.Minute})
	holder := begin(t, s)
	first, err := s.appendRevocations(t.Context(), holder, anEntry)
	must(t, err)
	type result struct {
		moment time.Time
		err    error
	}
	done := make(chan result, 1)
	go func() {
		moment, err := s.AddRevocations(t.Context(), []grant.Revocation{anEntry})
		done <- result{moment, err}
	}()
	waitForBlocked(t, s)
	page, err := s.Revocations(t.Context(), 0, 10)
	must(t, err)
	if len(page.Entries) != 0 {
		t.Errorf("an entry is visible before its transaction has committed: %+v", page.Entries)
	}
	blocked := storeTime(t, s)
	must(t, holder.tx.Commit(t.Context()))
	second := <-done
	must(t, second.err)
	if !second.moment.After(blocked) || !first.Before(blocked) {
		t.Errorf("moments %v and %v, and blocked at %v", first, second.moment, blocked)
	}
}

// A change whose entry cannot be written is not made.
func TestRevocations_ChangeNeedsItsEntry(t *testing.T) {
	s := open(t, pgtest.New(t), Options{})
	must(t, s.CreateClient(t.Context(), client.Client{ID: "app"}))
	must(t, s.CreateUser(t.Context(), ann))
	g := aGrant(1)
	must(t, create(t.Context(), s, g))
	exec(t, s, `UPDATE grants SET generation = 9`)
	exec(t, s, `DELETE FROM revocation_head`)
	rejects(t, s.DeleteClient(t.Context(), "app", "operator:ann"), "delete client")
	d, err := s.Directory(t.Context())
	must(t, err)
	if len(d.Clients) != 1 {
		t.Error("the client is deleted without an entry")
	}

	_, _, err = s.RevokeGrant(t.Context(), g.ID, "", audit.RevokedByClient, then)
	rejects(t, err, "revoke grant")
	_, err = s.RefreshGrant(t.Context(), currentToken(g)) // reuse
	rejects(t, err, "refresh grant")
	_, err = s.DisableUser(t.Context(), ann.Username, "operator:ann")
	rejects(t, err, "disable user")
	if g, err := s.Grant(t.Context(), g.ID); err != nil || !g.RevokedAt.IsZero() {
		t.Errorf("a grant was revoked without an entry: %+v, %v", g, err)
	}
}

// All entries that were committed before the time of a page are in the log that
// the page was read from.
func TestRevocations_PageHasAllEntriesUntilItsTime(t *testing.T) {
	if testing.Short() {
		t.Skip("it needs many pages for a chance to read one at the wrong moment")
	}
	s := open(t, pgtest.New(t), Options{})
	const writers, each = 4, 200
	var (
		mu        sync.Mutex
		committed = map[int64]time.Time{} // by then, by the number of the entry
		errs      []error
		all       sync.WaitGroup
	)
	for range writers {
		all.Go(func() {
			for range each {
				_, err := s.AddRevocations(t.Context(), []grant.Revocation{anEntry})
				var now time.Time
				var newest int64
				err = errors.Join(err, s.db.QueryRow(t.Context(),
					`SELECT max(seq), clock_timestamp() FROM revocations`).Scan(&newest, &now))
				mu.Lock()
				if at, ok := committed[newest]; !ok || now.Before(at) {
					committed[newest] = now
				}
				errs = append(errs, err)
				mu.Unlock()
			}
		})
	}
	ctx, stop := context.WithCancel(t.Context())
	read := map[int64]time.Time{} // the latest time of a page, by its last number
	var reader sync.WaitGroup
	reader.Go(func() {
		for next := int64(1); ctx.Err() == nil; {
			page, err := s.Revocations(t.Context(), next, 10_000)
			if err != nil {
				t.Error(err)
				return
			}
			next += int64(len(page.Entries))
			read[next-1] = page.ReadAt
		}
	})
	all.Wait()
	stop()
	reader.Wait()
	must(t, errors.Join(errs...))

	for newest, at := range committed {
		for last, readAt := range read {
			if last < newest && readAt.After(at) {
				t.Errorf("a page of %v ends with %d, and %d was committed before %v", readAt, last, newest, at)
			}
		}
	}
}

// Reading and sweeping the log does not read all of it.
func TestRevocations_StatementsUseTheIndex(t *testing.T) {
	s := open(t, pgtest.New(t), Options{})
	exec(t, s, `INSERT INTO revocations SELECT n, 1, 4, '\x0000000000000001', now(), now() - interval '1 hour'
		FROM generate_series(1, 20000) n`)
	exec(t, s, `UPDATE revocation_head SET seq = 20000`)
	exec(t, s, `ANALYZE revocations`)
	for name, q := range map[string]query{
		"read":  `EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) ` + selectRevocations,
		"sweep": `EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) ` + sweepRevocations,
	} {
		args := []any{19_990, 100}
		if name == "sweep" {
			args = []any{100, time.Hour}
		}
		plan, err := collect(t.Context(), s.db, func(line *string) []any { return []any{line} }, q, args...)
		must(t, err)
		text := strings.Join(plan, "\n")
		if strings.Contains(text, "Seq Scan on revocations") || strings.Contains(text, "rows=20000 ") {
			t.Errorf("%s reads the whole log:\n%s", name, text)
		}
	}
}

// TestLocks_HeadIsLockedLast: while a transaction waits for any other row, it
// has not locked the number of the newest entry, for which all other
// revocations wait.
func TestLocks_HeadIsLockedLast(t *testing.T) {
	if testing.Short() {
		t.Skip("each of the ten revocations needs a database and a blocked statement")
	}
	all := grant.Ending{Subject: ann.ID, Reason: audit.RevokedByAdmin, Actor: "operator:ann"}
	revokeGrants := func(ctx context.Context, s *Store) error {
		_, err := s.RevokeGrants(ctx, all)
		return err
	}
	disableClient := func(c *client.Client) error { c.DisabledAt = then; return nil }
	disableAudience := func(a *client.Audience) error { a.DisabledAt = then; return nil }
	for _, c := range []struct {
		name   string
		lock   query // what another transaction has locked
		revoke func(context.Context, *Store) error
	}{
		{"revoke a grant", `grants`, func(ctx context.Context, s *Store) error {
			_, _, err := s.RevokeGrant(ctx, oauth.GrantID{1}, "app", audit.RevokedByClient, then)
			return err
		}},
		{"reuse of a refresh token", `grants`, func(ctx context.Context, s *Store) error {
			_, err := s.RefreshGrant(ctx, currentToken(aGrant(1)))
			return err
		}},
		{"limit of a user", `grants`, func(ctx context.Context, s *Store) error {
			_, err := s.RevokeOldest(ctx, ann.ID, "app", oauth.GrantID{}, 0, audit.RevokedByLimit)
			return err
		}},
		{"revoke all grants", `users`, revokeGrants},
		{"revoke all grants again", `endings`, revokeGrants},
		{"disable a user", `users`, func(ctx context.Context, s *Store) error { return disable(ctx, s, ann.Username) }},
		{"delete a client", `versions`, func(ctx context.Context, s *Store) error {
			return s.DeleteClient(ctx, "app", "operator:ann")
		}},
		{"disable a client", `versions`, func(ctx context.Context, s *Store) error {
			return s.UpdateClient(ctx, "app", disableClient)
		}},
		{"disable an audience", `versions`, func(ctx context.Context, s *Store) error {
			return s.UpdateAudience(ctx, "api", disableAudience)
		}},
		{"compromise a key", `keks`, func(ctx context.Context, s *Store) error {
			return s.SwapRing(ctx, 1, keys.Ring{}, []string{"k"})
		}},
	} {
		t.Run(c.name, func(t *testing.T) { locksHeadLast(t, c.lock, c.revoke) })
	}
}

// locksHeadLast fails the test if revoke has locked the head while another
// transaction has locked a table. Afterwards the log has an entry more.
func locksHeadLast(t *testing.T, table query, revoke func(context.Context, *Store) error) {
	s := open(t, pgtest.New(t), Options{StatementTimeout: time.Minute})
	must(t, s.CreateUser(t.Context(), ann))
	must(t, s.CreateClient(t.Context(), client.Client{ID: "app"}))
	must(t, s.CreateAudience(t.Context(), client.Audience{ID: "api"}))
	keks := []keys.KEK{{ID: "kek", Check: []byte{1}, CreatedAt: then}}
	must(t, s.SwapRing(t.Context(), 0, keys.Ring{KEKs: keks}, nil))
	g := aGrant(1)
	g.Generation = 5 // currentToken has been rotated long ago.
	must(t, create(t.Context(), s, g))
	if table == `endings` {
		revokeAll(t, s)
	}
	page, err := s.Revocations(t.Context(), 0, 10)
	must(t, err)
	before := len(page.Entries)

	holder := begin(t, s)
	_, err = holder.Exec(t.Context(), `SELECT FROM `+table+` FOR UPDATE`)
	must(t, err)
	done := make(chan error, 1)
	go func() { done <- revoke(context.Background(), s) }()
	waitForBlocked(t, s)
	if err := tryExec(t, s, `SELECT FROM revocation_head FOR UPDATE NOWAIT`); err != nil {
		t.Errorf("the head is locked before a row of %s: %v", table, err)
	}
	must(t, holder.tx.Rollback(t.Context()))
	must(t, <-done)
	if page, err = s.Revocations(t.Context(), 0, 10); err != nil || len(page.Entries) != before+1 {
		t.Errorf("the log has %d entries, want %d: %v", len(page.Entries), before+1, err)
	}
}
