package postgres

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/pgtest"
)

// beside holds a grant's row and does something to it, presents p meanwhile, and commits once that waits for the row. It
// returns what was found.
func beside(t *testing.T, s *Store, id oauth.GrantID, do string, p grant.RefreshAttempt) grant.RefreshResult {
	t.Helper()
	holder, err := s.pool.Begin(t.Context())
	must(t, err)
	_, err = holder.Exec(t.Context(), `UPDATE grants SET `+do+` WHERE id = $1`, [16]byte(id))
	must(t, err)
	answer := make(chan grant.RefreshResult, 1)
	go func() {
		defer close(answer)
		v, err := s.RefreshGrants(context.Background(), []grant.RefreshAttempt{p})
		if err != nil {
			t.Error(err)
			return
		}
		answer <- v[0]
	}()
	untilOneWaits(t, s)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !time.Now().After(p.Deadline) && time.Until(p.Deadline) < time.Minute {
		<-tick.C
	}
	must(t, holder.Commit(t.Context()))
	return <-answer
}

// untilOneWaits returns when a statement waits for a lock.
func untilOneWaits(t *testing.T, s *Store) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for waits := false; !waits; <-tick.C {
		must(t, s.pool.QueryRow(t.Context(), `SELECT count(*) > 0 FROM pg_stat_activity
			WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&waits))
	}
}

// TestJudgedUnderTheLock: what counts is the row, and the time, when the statement has the row for itself, not what it saw
// when it began.
func TestJudgedUnderTheLock(t *testing.T) {
	s := open(t, pgtest.New(t), Options{})
	must(t, s.CreateUser(t.Context(), ann))
	soon := func() time.Time { return time.Now().Add(200 * time.Millisecond) }
	far := func() time.Time { return time.Now().Add(time.Hour) }
	for i, c := range []struct {
		do        string
		presented uint32
		deadline  func() time.Time
		want      grant.Outcome
	}{
		{`revoked_at = now()`, 5, far, grant.Revoked},
		{`revoked_at = now()`, 3, far, grant.Revoked},
		{`suspended_at = now()`, 9, far, grant.Suspended},
		{`generation = 6`, 5, far, grant.WithinGrace},
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
		must(t, s.CreateGrant(t.Context(), g, 0))
		p := present(g)
		p.Generation, p.Deadline, p.Leeway = c.presented, c.deadline(), time.Second
		if v := beside(t, s, g.ID, c.do, p); v.Outcome != c.want {
			t.Errorf("generation %d beside %s: %s, want %s", c.presented, c.do, v.Outcome, c.want)
		}
		after, err := s.Grant(t.Context(), g.ID)
		must(t, err)
		if c.want == grant.Late && (after.Generation != 5 || !after.RevokedAt.IsZero()) {
			t.Errorf("a late token changed the grant: %+v", after)
		}
	}
}

// TestLockOrderIsNotThePlans: two servers whose plans go through the grants in different orders, and whose batches do, never
// wait for each other in a circle. Each of them has plans that follow the batch's own order.
func TestLockOrderIsNotThePlans(t *testing.T) {
	const grants, clients, rounds = 24, 4, 20
	s := open(t, pgtest.New(t)+"&enable_seqscan=off&enable_hashjoin=off&enable_mergejoin=off&enable_bitmapscan=off", Options{})
	must(t, s.CreateUser(t.Context(), ann))
	for i := range grants {
		must(t, s.CreateGrant(t.Context(), aGrant(byte(i)), 0))
	}
	for round := range rounds {
		done := make(chan error)
		for range clients {
			go func() {
				var batch []grant.RefreshAttempt
				for _, i := range rand.Perm(grants) {
					p := present(aGrant(byte(i)))
					p.Generation = uint32(round)
					batch = append(batch, p)
				}
				_, err := s.RefreshGrants(context.Background(), batch)
				done <- err
			}()
		}
		for range clients {
			must(t, <-done)
		}
	}
}

// TestEverythingLocksByID: whatever locks more than one grant begins with the lowest id, though the rows lie in another order
// and the plans go through them as they lie. While the lowest is held by somebody else, nothing else is locked.
func TestEverythingLocksByID(t *testing.T) {
	for _, c := range []struct {
		name, prepare string
		lock          func(context.Context, *Store) error
	}{
		{"disable", "", func(ctx context.Context, s *Store) error { return s.DisableUser(ctx, "ann", then) }},
		{
			"enable", `UPDATE users SET disabled_at = now(); UPDATE grants SET suspended_at = now()`,
			func(ctx context.Context, s *Store) error { return s.EnableUser(ctx, "ann") },
		},
		{"set password", "", func(ctx context.Context, s *Store) error { return s.SetPassword(ctx, "ann", "new", then) }},
		{"change password", "", func(ctx context.Context, s *Store) error {
			return s.ChangePassword(ctx, ann.ID, ann.PasswordHash, "new", oauth.GrantID{}, then)
		}},
		{"delete user", "", func(ctx context.Context, s *Store) error { return s.DeleteUser(ctx, "ann", then) }},
		{"delete client", "", func(ctx context.Context, s *Store) error { return s.DeleteClient(ctx, "app", then) }},
		{"revoke", "", func(ctx context.Context, s *Store) error {
			_, err := s.RevokeGrants(ctx, ann.ID, "", oauth.GrantID{}, audit.RevokedByAdmin, then)
			return err
		}},
		{"move", "", func(ctx context.Context, s *Store) error { return presentAll(ctx, s, 0) }},
		{"go ahead", "", func(ctx context.Context, s *Store) error { return presentAll(ctx, s, 7) }},
	} {
		t.Run(c.name, func(t *testing.T) { locksByID(t, c.prepare, c.lock) })
	}
}

// rowsOfLocks is how many grants there are in locksByID.
const rowsOfLocks = 9

// presentAll presents a token of each grant, in the order in which they lie.
func presentAll(ctx context.Context, s *Store, generation uint32) error {
	var batch []grant.RefreshAttempt
	for id := range rowsOfLocks {
		p := present(aGrant(byte(rowsOfLocks - id)))
		p.Generation = generation
		batch = append(batch, p)
	}
	_, err := s.RefreshGrants(ctx, batch)
	return err
}

func locksByID(t *testing.T, prepare string, lock func(context.Context, *Store) error) {
	s := open(t, pgtest.New(t)+"&enable_indexscan=off&enable_indexonlyscan=off&enable_bitmapscan=off", Options{})
	must(t, s.CreateUser(t.Context(), ann))
	must(t, s.CreateClient(t.Context(), client.Client{ID: "app"}))
	for id := range rowsOfLocks {
		must(t, s.CreateGrant(t.Context(), aGrant(byte(rowsOfLocks-id)), 0))
	}
	_, err := s.pool.Exec(t.Context(), prepare)
	must(t, err)
	holder, err := s.pool.Begin(t.Context())
	must(t, err)
	lowest := [16]byte(oauth.GrantID{1})
	_, err = holder.Exec(t.Context(), `SELECT FROM grants WHERE id = $1 FOR UPDATE`, lowest)
	must(t, err)
	ended := make(chan error, 1)
	go func() { ended <- lock(context.Background(), s) }()
	untilOneWaits(t, s)
	if _, err = s.pool.Exec(t.Context(), `SELECT FROM grants WHERE id <> $1 FOR UPDATE NOWAIT`, lowest); err != nil {
		t.Errorf("other grants are locked before the lowest: %v", err)
	}
	must(t, holder.Rollback(t.Context()))
	must(t, <-ended)
}
