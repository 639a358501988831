package postgres

import (
	"errors"
	"testing"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/pgtest"
)

// revokeAll revokes all grants of ann.
func revokeAll(t *testing.T, s *Store) grant.Ended {
	t.Helper()
	e, err := s.RevokeGrants(t.Context(), grant.Ending{
		Subject: ann.ID, Reason: audit.RevokedByAdmin, Actor: "operator:ann",
	})
	must(t, err)
	return e
}

// storeTime returns the time of the database.
func storeTime(t *testing.T, s *Store) (now time.Time) {
	t.Helper()
	must(t, s.db.QueryRow(t.Context(), `SELECT clock_timestamp()`).Scan(&now))
	return now
}

// TestCreateGrant_ReadsTheClockAfterTheLock: a login that waits for an act on
// the same user is created after the act.
func TestCreateGrant_ReadsTheClockAfterTheLock(t *testing.T) {
	s := open(t, pgtest.New(t), Options{})
	must(t, s.CreateUser(t.Context(), ann))
	holder := begin(t, s)
	_, err := holder.Exec(t.Context(), `SELECT FROM users FOR UPDATE`)
	must(t, err)
	type result struct {
		grant.Created
		err error
	}
	done := make(chan result, 1)
	go func() {
		created, err := s.CreateGrant(t.Context(), aGrant(1), 0, 0)
		done <- result{created, err}
	}()
	waitForBlocked(t, s)
	blocked := storeTime(t, s)
	must(t, holder.tx.Commit(t.Context()))
	created := <-done
	must(t, created.err)
	if !created.At.After(blocked) {
		t.Errorf("created at %v, and blocked at %v", created.At, blocked)
	}
}

// Rule 31: a login waits for a lock while its client is deleted and another
// client of the same id is created. The login creates no grant.
func TestCreateGrant_ClientIsCreatedAgainWhileItWaits(t *testing.T) {
	s := open(t, pgtest.New(t), Options{})
	must(t, s.CreateUser(t.Context(), ann))
	must(t, s.CreateClient(t.Context(), client.Client{ID: "app", CreatedAt: then}))
	holder := begin(t, s)
	_, err := holder.Exec(t.Context(), `SELECT FROM users FOR UPDATE`)
	must(t, err)
	done := make(chan error, 1)
	go func() {
		g := aGrant(1)
		g.ClientCreatedAt = then
		_, err := s.CreateGrant(t.Context(), g, 0, 0)
		done <- err
	}()
	waitForBlocked(t, s)
	must(t, s.DeleteClient(t.Context(), "app", "operator:ann"))
	must(t, s.CreateClient(t.Context(), client.Client{ID: "app", CreatedAt: then.Add(time.Minute)}))
	must(t, holder.tx.Commit(t.Context()))
	if err := <-done; !errors.Is(err, oauth.InvalidGrant) {
		t.Errorf("a login at a deleted client: %v", err)
	}

	g := aGrant(2)
	g.ClientCreatedAt = then.Add(time.Minute)
	must(t, create(t.Context(), s, g))
	if outcome := refresh(t, s, currentToken(g)); outcome != grant.Rotated {
		t.Errorf("%s for a grant of the new client", outcome)
	}
}

// TestRevokeGrants_ReadsTheClockAfterTheLock: an act that waits for a login of
// the same user concerns the grant of that login.
func TestRevokeGrants_ReadsTheClockAfterTheLock(t *testing.T) {
	for name, revoke := range map[string]func(*testing.T, *Store) grant.Ended{
		"at all clients": revokeAll,
		"at one client":  func(t *testing.T, s *Store) grant.Ended { return revokeAt(t, s, "app") },
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, pgtest.New(t), Options{})
			must(t, s.CreateUser(t.Context(), ann))
			holder := begin(t, s)
			_, err := holder.Exec(t.Context(), `SELECT FROM users FOR SHARE`)
			must(t, err)
			done := make(chan grant.Ended, 1)
			go func() { done <- revoke(t, s) }()
			waitForBlocked(t, s)
			blocked := storeTime(t, s)
			must(t, holder.tx.Commit(t.Context()))
			if e := <-done; !e.At.After(blocked) {
				t.Errorf("the act is of %v, and blocked at %v", e.At, blocked)
			}
		})
	}
}

// TestEndings_ClockSetBack: an act concerns the grants that exist, and no later
// ones, also if the clock of the database is behind.
func TestEndings_ClockSetBack(t *testing.T) {
	s := open(t, pgtest.New(t), Options{})
	must(t, s.CreateUser(t.Context(), ann))
	existing := aGrant(1)
	existing.IdleLifetime, existing.ExpiresAt = 5*time.Hour, then.Add(5*time.Hour)
	must(t, create(t.Context(), s, existing))
	exec(t, s, `UPDATE grants SET created_at = created_at + interval '1 hour'`)
	e := revokeAll(t, s)
	g, err := s.Grant(t.Context(), oauth.GrantID{1})
	must(t, err)
	if e.Live != 1 || g.RevokedAt.IsZero() {
		t.Errorf("an act concerned %d grants, and the grant is %+v", e.Live, g)
	}

	_, err = s.CreateGrant(t.Context(), aGrant(2), 1, 0)
	must(t, err)
	later, err := s.Grant(t.Context(), oauth.GrantID{2})
	must(t, err)
	if !later.RevokedAt.IsZero() || !later.CreatedAt.After(e.At) {
		t.Errorf("a login after the act of %v has the grant %+v", e.At, later)
	}

	// Only the entry about the subject has a moment that is ahead.
	now := storeTime(t, s)
	if other := time.UnixMicro(addEntry(t, s, anEntry).Entry.Before); other.Sub(now) > time.Minute {
		t.Errorf("the moment of an entry about another subject is %v, at %v", other, now)
	}
}

// TestApplyEndings_RolledBack: a worker that is killed in its transaction loses
// nothing. The next one continues.
func TestApplyEndings_RolledBack(t *testing.T) {
	s := open(t, pgtest.New(t), Options{})
	must(t, s.CreateUser(t.Context(), ann))
	const grants = 40
	for i := range byte(grants) {
		must(t, create(t.Context(), s, aGrant(i)))
	}
	revokeAll(t, s)
	_, err := s.ApplyEndings(t.Context(), 10, time.Hour)
	must(t, err)

	holder := begin(t, s)
	_, err = holder.Exec(t.Context(), `SELECT FROM grants WHERE revoked_at IS NULL FOR UPDATE`)
	must(t, err)
	done := make(chan error, 1)
	go func() {
		_, err := s.ApplyEndings(t.Context(), 10, time.Hour)
		done <- err
	}()
	waitForBlocked(t, s)
	// The statement waits until the backend has released its locks.
	exec(t, s, `SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity
		WHERE datname = current_database() AND wait_event_type = 'Lock'`)
	if err := <-done; err == nil {
		t.Error("a terminated worker succeeded")
	}
	must(t, holder.tx.Rollback(t.Context()))

	for range 10 {
		_, err := s.ApplyEndings(t.Context(), 10, time.Hour)
		must(t, err)
	}
	var left int
	must(t, s.db.QueryRow(t.Context(), `SELECT count(*) FROM grants WHERE revoked_at IS NULL`).Scan(&left))
	if left != 0 {
		t.Errorf("%d grants are not revoked", left)
	}
}

// TestRefresh_ReuseIsDurable: a theft verdict is durable, even if the role's
// synchronous_commit is off.
func TestRefresh_ReuseIsDurable(t *testing.T) {
	s := open(t, pgtest.New(t)+"&synchronous_commit=off", Options{})
	must(t, s.CreateUser(t.Context(), ann))
	exec(t, s, `CREATE TABLE commits (mode text);
		CREATE FUNCTION record() RETURNS trigger LANGUAGE plpgsql AS $$
			BEGIN INSERT INTO commits VALUES (current_setting('synchronous_commit')); RETURN NULL; END $$;
		CREATE TRIGGER record AFTER UPDATE ON grants FOR EACH ROW WHEN (NEW.revoked_at IS NOT NULL)
			EXECUTE FUNCTION record()`)
	g := aGrant(1)
	g.Generation = 5
	must(t, create(t.Context(), s, g))
	a := currentToken(g)
	a.Generation = 2
	result, err := s.RefreshGrant(t.Context(), a)
	must(t, err)
	var mode string
	must(t, s.db.QueryRow(t.Context(), `SELECT mode FROM commits`).Scan(&mode))
	if result.Outcome != grant.Reused || mode != "on" {
		t.Errorf("%s with synchronous_commit %s, want reused with on", result.Outcome, mode)
	}
}

// TestSuspension_OfAServerOfTheVersionBefore: such a server, which runs during
// an upgrade, disables and enables users without their suspensions. The same
// act on a new server corrects this.
func TestSuspension_OfAServerOfTheVersionBefore(t *testing.T) {
	s := open(t, pgtest.New(t), Options{})
	must(t, s.CreateUser(t.Context(), ann))
	must(t, create(t.Context(), s, aGrant(1)))
	suspended := func() bool {
		g, err := s.Grant(t.Context(), oauth.GrantID{1})
		must(t, err)
		return !g.SuspendedAt.IsZero()
	}
	must(t, disable(t.Context(), s, ann.Username))
	exec(t, s, `DELETE FROM endings`)
	must(t, disable(t.Context(), s, ann.Username))
	if !suspended() {
		t.Error("the grant of a user who was disabled again is not suspended")
	}

	exec(t, s, `UPDATE users SET disabled_at = NULL`)
	must(t, disable(t.Context(), s, ann.Username))
	exec(t, s, `UPDATE users SET disabled_at = NULL`)
	must(t, s.EnableUser(t.Context(), ann.Username))
	if suspended() {
		t.Error("the grant of a user who was enabled again is suspended")
	}
}

// TestMigrate_SuspensionsOfTheFirstSchema: the grants of users who were
// disabled before the migration stay suspended until the user is enabled.
func TestMigrate_SuspensionsOfTheFirstSchema(t *testing.T) {
	s := open(t, pgtest.New(t), Options{})
	must(t, s.CreateUser(t.Context(), ann))
	must(t, create(t.Context(), s, aGrant(1)))
	exec(t, s, `DROP TABLE endings`)
	exec(t, s, `ALTER TABLE grants DROP COLUMN repeated_at`)
	exec(t, s, `ALTER TABLE versions DROP COLUMN restored_at`)
	exec(t, s, `ALTER TABLE keys DROP COLUMN lifetime`)
	exec(t, s, `DROP TABLE revocations, revocation_head, verifiers`)
	exec(t, s, `CREATE INDEX grants_of_user ON grants (user_id, id)`)
	exec(t, s, `DELETE FROM `+goose.DefaultTablename+` WHERE version_id > 1`)
	exec(t, s, `UPDATE users SET disabled_at = now()`)
	exec(t, s, `UPDATE grants SET suspended_at = now()`)
	s.db.pool.Reset() // The connections have prepared statements for the other schema.
	must(t, s.Migrate(t.Context()))

	refresh := func() grant.Outcome {
		result, err := s.RefreshGrant(t.Context(), currentToken(aGrant(1)))
		must(t, err)
		return result.Outcome
	}
	if outcome := refresh(); outcome != grant.Suspended {
		t.Errorf("%s for a user who was disabled before the migration", outcome)
	}
	must(t, s.EnableUser(t.Context(), ann.Username))
	if outcome := refresh(); outcome != grant.Rotated {
		t.Errorf("%s for a user who was enabled after the migration", outcome)
	}

	_, err := s.SweepGrants(t.Context(), oauth.GrantID{}, 10, time.Now(), time.Time{})
	must(t, err)
	var marked int
	must(t, s.db.QueryRow(t.Context(), `SELECT count(*) FROM grants WHERE suspended_at IS NOT NULL`).Scan(&marked))
	if marked != 0 {
		t.Errorf("%d grants have the mark of the first schema after a sweep", marked)
	}
}

// TestMigrate_AgainAfterAnInterruption: the migration of the endings runs again
// if it was interrupted before its end.
func TestMigrate_AgainAfterAnInterruption(t *testing.T) {
	s := open(t, pgtest.New(t), Options{})
	must(t, s.CreateUser(t.Context(), ann))
	must(t, create(t.Context(), s, aGrant(1)))
	must(t, disable(t.Context(), s, ann.Username))
	exec(t, s, `ALTER TABLE keys DROP COLUMN lifetime`)
	exec(t, s, `DROP TABLE revocations, revocation_head, verifiers`)
	exec(t, s, `DELETE FROM `+goose.DefaultTablename+` WHERE version_id > 1`)
	s.db.pool.Reset() // The connections have prepared statements for the other schema.
	must(t, s.Migrate(t.Context()))
	if outcome := refresh(t, s, currentToken(aGrant(1))); outcome != grant.Suspended {
		t.Errorf("%s for a disabled user", outcome)
	}
}
