package postgres

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/pgtest"
)

// refreshDuring changes the row of a grant in a transaction, and makes the
// refresh attempt while the transaction holds the lock of the row. It commits
// when the attempt waits for the lock, and returns the outcome. If the deadline
// of the attempt is within a minute, it commits after the deadline.
func refreshDuring(t *testing.T, s *Store, id oauth.GrantID, change query, a grant.RefreshAttempt) grant.Outcome {
	t.Helper()
	holder := begin(t, s)
	_, err := holder.Exec(t.Context(), `UPDATE grants SET `+change+` WHERE id = $1`, [16]byte(id))
	must(t, err)
	outcome := make(chan grant.Outcome, 1)
	go func() {
		defer close(outcome)
		results, err := refreshTogether(s, []grant.RefreshAttempt{a})
		if err != nil {
			t.Error(err)
			return
		}
		outcome <- results[0].Outcome
	}()

	waitForBlocked(t, s)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !time.Now().After(a.Deadline) && time.Until(a.Deadline) < time.Minute {
		<-tick.C
	}
	must(t, holder.tx.Commit(t.Context()))
	return <-outcome
}

// waitForBlocked returns when a statement waits for a lock.
func waitForBlocked(t *testing.T, s *Store) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for range 30_000 {
		var blocked bool
		must(t, s.db.QueryRow(t.Context(), `SELECT count(*) > 0 FROM pg_stat_activity
			WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&blocked))
		<-tick.C
		if blocked {
			return
		}
	}
	t.Fatal("no statement waits for a lock")
}

// TestRefresh_DecidesByTheLockedRow: the outcome follows from the row and the
// time when the statement has locked the row, not from its snapshot.
func TestRefresh_DecidesByTheLockedRow(t *testing.T) {
	s := open(t, pgtest.New(t), Options{})
	must(t, s.CreateUser(t.Context(), ann))
	soon := func() time.Time { return time.Now().Add(200 * time.Millisecond) }
	far := func() time.Time { return time.Now().Add(time.Hour) }
	for i, c := range []struct {
		change     query
		generation uint32
		deadline   func() time.Time
		want       grant.Outcome
	}{
		{`revoked_at = now()`, 5, far, grant.Revoked},
		{`revoked_at = now()`, 3, far, grant.Revoked},
		{`generation = 6`, 5, far, grant.WithinLeeway},
		{`generation = 7`, 5, far, grant.Reused},
		{`generation = 20`, 9, far, grant.Reused},
		{`generation = 3`, 3, far, grant.Rotated},
		{`generation = 2`, 3, far, grant.Ahead},
		{`ip = ''`, 3, far, grant.Reused},
		{`ip = ''`, 5, soon, grant.Late},
		{`ip = ''`, 3, soon, grant.Late},
		{`ip = ''`, 9, soon, grant.Late},
	} {
		g := aGrant(byte(i))
		g.Generation = 5
		must(t, create(t.Context(), s, g))
		a := currentToken(g)
		a.Generation, a.Deadline, a.Leeway = c.generation, c.deadline(), time.Second
		if outcome := refreshDuring(t, s, g.ID, c.change, a); outcome != c.want {
			t.Errorf("generation %d during %s: %s, want %s", c.generation, c.change, outcome, c.want)
		}
		after, err := s.Grant(t.Context(), g.ID)
		must(t, err)
		if c.want == grant.Late && (after.Generation != 5 || !after.RevokedAt.IsZero()) {
			t.Errorf("a late attempt changed the grant: %+v", after)
		}
	}
}

// TestRefresh_BatchesDoNotDeadlock: concurrent batches have the same grants in
// different orders, and their plans follow these orders. No two batches wait
// for each other.
func TestRefresh_BatchesDoNotDeadlock(t *testing.T) {
	const grants, clients, rounds = 24, 4, 20
	const plan = "&enable_seqscan=off&enable_hashjoin=off&enable_mergejoin=off&enable_bitmapscan=off"
	s := open(t, pgtest.New(t)+plan, Options{})
	must(t, s.CreateUser(t.Context(), ann))
	for i := range grants {
		must(t, create(t.Context(), s, aGrant(byte(i))))
	}
	for round := range rounds {
		done := make(chan error)
		for range clients {
			go func() {
				var attempts []grant.RefreshAttempt
				for _, i := range rand.Perm(grants) {
					a := currentToken(aGrant(byte(i)))
					a.Generation = uint32(round)
					attempts = append(attempts, a)
				}
				_, err := refreshTogether(s, attempts)
				done <- err
			}()
		}
		for range clients {
			must(t, <-done)
		}
	}
}

// TestLocks_GrantsAreLockedByID: every statement that locks several grants
// begins with the lowest id. The rows have another order in the table, and the
// plans follow that order. While another transaction has locked the lowest, the
// statement has locked no other.
func TestLocks_GrantsAreLockedByID(t *testing.T) {
	for _, c := range []struct {
		name    string
		prepare query
		lock    func(context.Context, *Store) error
	}{
		{"apply endings", "", func(ctx context.Context, s *Store) error {
			if err := s.DeleteClient(ctx, "app", "operator:ann"); err != nil {
				return err
			}
			_, err := s.ApplyEndings(ctx, 100, time.Hour)
			return err
		}},
		{"revoke oldest", "", func(ctx context.Context, s *Store) error {
			_, err := s.RevokeOldest(ctx, ann.ID, "app", oauth.GrantID{}, 0, audit.RevokedByLimit)
			return err
		}},
		{"revoke grants", "", func(_ context.Context, s *Store) error {
			var requests []revokeRequest
			for id := range lockedGrants {
				requests = append(requests, revokeRequest{id: oauth.GrantID{byte(lockedGrants - id)}})
			}
			return s.revokeShared(requests)[0].Err
		}},
		{"refresh, rotated", "", func(_ context.Context, s *Store) error { return refreshAllGrants(s, 0) }},
		{"refresh, ahead", "", func(_ context.Context, s *Store) error { return refreshAllGrants(s, 7) }},
	} {
		t.Run(c.name, func(t *testing.T) { locksByID(t, c.prepare, c.lock) })
	}
}

// lockedGrants is how many grants locksByID creates.
const lockedGrants = 9

// refreshAllGrants refreshes each grant, in the order of the table.
func refreshAllGrants(s *Store, generation uint32) error {
	var attempts []grant.RefreshAttempt
	for id := range lockedGrants {
		a := currentToken(aGrant(byte(lockedGrants - id)))
		a.Generation = generation
		attempts = append(attempts, a)
	}
	_, err := refreshTogether(s, attempts)
	return err
}

// locksByID fails the test if lock locks another grant before the lowest.
func locksByID(t *testing.T, prepare query, lock func(context.Context, *Store) error) {
	const plan = "&enable_seqscan=on&enable_indexscan=off&enable_indexonlyscan=off&enable_bitmapscan=off"
	s := open(t, pgtest.New(t)+plan, Options{})
	must(t, s.CreateUser(t.Context(), ann))
	must(t, s.CreateClient(t.Context(), client.Client{ID: "app"}))
	for id := range lockedGrants {
		must(t, create(t.Context(), s, aGrant(byte(lockedGrants-id))))
	}
	exec(t, s, prepare)
	holder := begin(t, s)
	lowest := [16]byte(oauth.GrantID{1})
	_, err := holder.Exec(t.Context(), `SELECT FROM grants WHERE id = $1 FOR UPDATE`, lowest)
	must(t, err)
	done := make(chan error, 1)
	go func() { done <- lock(context.Background(), s) }()
	waitForBlocked(t, s)
	if err := tryExec(t, s, `SELECT FROM grants WHERE id <> $1 FOR UPDATE NOWAIT`, lowest); err != nil {
		t.Errorf("other grants are locked before the lowest: %v", err)
	}
	wantHeadFree(t, s)
	must(t, holder.tx.Rollback(t.Context()))
	must(t, <-done)
}

// wantHeadFree fails the test if a transaction has locked the head of the
// revocation log.
func wantHeadFree(t *testing.T, s *Store) {
	t.Helper()
	if err := tryExec(t, s, `SELECT FROM revocation_head FOR UPDATE NOWAIT`); err != nil {
		t.Errorf("a statement that waits for a lock has locked the head of the log: %v", err)
	}
}

// TestLocks_HeadIsLast: an act that waits for a row has not locked the head of
// the revocation log. So it delays no other act, and no two acts wait for each
// other.
func TestLocks_HeadIsLast(t *testing.T) {
	const (
		user    = `SELECT FROM users FOR UPDATE`
		endings = `SELECT FROM endings FOR UPDATE`
		version = `SELECT FROM versions FOR UPDATE`
	)
	all := func(ctx context.Context, s *Store) error {
		_, err := s.RevokeGrants(ctx, grant.Ending{
			Subject: ann.ID, Except: oauth.GrantID{1}, Reason: audit.RevokedByAdmin, Actor: "operator:ann",
		})
		return err
	}
	for name, c := range map[string]struct {
		held query
		act  func(context.Context, *Store) error
	}{
		"revoke grants, user":    {user, all},
		"revoke grants, endings": {endings, all},
		"change password": {user, func(ctx context.Context, s *Store) error {
			_, _, err := s.ChangePassword(ctx, ann.ID, ann.PasswordHash, "new", oauth.GrantID{1}, "operator:ann")
			return err
		}},
		"disable user": {user, func(ctx context.Context, s *Store) error {
			_, err := s.DisableUser(ctx, ann.Username, "operator:ann")
			return err
		}},
		"delete user": {user, func(ctx context.Context, s *Store) error {
			_, err := s.DeleteUser(ctx, ann.Username, "operator:ann")
			return err
		}},
		"delete client": {version, func(ctx context.Context, s *Store) error {
			return s.DeleteClient(ctx, "app", "operator:ann")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, pgtest.New(t), Options{StatementTimeout: time.Minute})
			must(t, s.CreateUser(t.Context(), ann))
			must(t, s.CreateClient(t.Context(), client.Client{ID: "app"}))
			must(t, create(t.Context(), s, aGrant(1)))
			must(t, all(t.Context(), s))
			holder := begin(t, s)
			_, err := holder.Exec(t.Context(), c.held)
			must(t, err)
			done := make(chan error, 1)
			go func() { done <- c.act(context.Background(), s) }()
			waitForBlocked(t, s)
			wantHeadFree(t, s)
			must(t, holder.tx.Rollback(t.Context()))
			must(t, <-done)
		})
	}
}

// TestChangeDirectory_WaitsForOtherChanges: while another transaction changes a
// client, changes of the directory wait for it and are then raced. Neither
// waits for a lock that the other one holds.
func TestChangeDirectory_WaitsForOtherChanges(t *testing.T) {
	s := open(t, pgtest.New(t), Options{})
	app := client.Client{ID: "app"}
	must(t, s.CreateClient(t.Context(), app))
	result := make(chan error, 1)
	err := s.UpdateClient(t.Context(), "app", func(c *client.Client) error {
		go func() {
			result <- s.ChangeDirectory(t.Context(), client.Changes{
				Version: 1, Clients: []client.Change[client.Client]{{Old: &app, New: &app}},
			}, "operator:test")
		}()
		waitForBlocked(t, s)
		c.Name = "new"
		return nil
	})
	must(t, err)
	if err := <-result; !errors.Is(err, client.ErrRaced) {
		t.Errorf("error %v, want %v", err, client.ErrRaced)
	}
}
