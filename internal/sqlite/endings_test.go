package sqlite

import (
	"context"
	"testing"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
)

// aGrant returns a live grant of ann.
func aGrant(id byte) grant.Grant {
	return grant.Grant{
		ID: oauth.GrantID{id}, UserID: ann.ID, ClientID: "app", MACKey: "mac", RotatedAt: then,
		IdleLifetime: time.Hour, ExpiresAt: then.Add(time.Hour),
	}
}

// TestEndings_ClockSetBack: an act concerns the grants that exist, and no later
// ones, also if the clock is set back.
func TestEndings_ClockSetBack(t *testing.T) {
	now := then
	s, err := Open(t.Context(), newFile(t), Options{Now: func() time.Time { return now }})
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	must(t, s.Migrate(t.Context()))
	must(t, s.CreateUser(t.Context(), ann))
	must(t, create(t.Context(), s, aGrant(1)))
	now = now.Add(-time.Hour)
	e, err := s.RevokeGrants(t.Context(), grant.Ending{
		Subject: ann.ID, Reason: audit.RevokedByAdmin, Actor: "operator:ann",
	})
	must(t, err)
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
	if other := time.UnixMicro(addEntry(t, s, anEntry).Entry.Before); other.After(now) {
		t.Errorf("the moment of an entry about another subject is %v, at %v", other, now)
	}

	// An act and a login at the same time.
	now = then.Add(time.Minute)
	e, err = s.RevokeGrants(t.Context(), grant.Ending{
		Subject: ann.ID, ClientID: "app", Reason: audit.RevokedByClient, Actor: "app",
	})
	must(t, err)
	_, err = s.CreateGrant(t.Context(), aGrant(3), 1, 0)
	must(t, err)
	later, err = s.Grant(t.Context(), oauth.GrantID{3})
	must(t, err)
	if !later.RevokedAt.IsZero() || !later.CreatedAt.After(e.At) {
		t.Errorf("a login at the time %v of an act has the grant %+v", e.At, later)
	}
}

// TestEndings_ClockSetBackAfterADeletion: the deletion of a client concerns no
// grant of a client that is created again with its id, also if the clock is set
// back then.
func TestEndings_ClockSetBackAfterADeletion(t *testing.T) {
	now := then.Add(time.Hour)
	s, err := Open(t.Context(), newFile(t), Options{Now: func() time.Time { return now }})
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	must(t, s.Migrate(t.Context()))
	must(t, s.CreateUser(t.Context(), ann))
	must(t, s.CreateClient(t.Context(), client.Client{ID: "app", CreatedAt: then}))
	must(t, s.DeleteClient(t.Context(), "app", "operator:ann"))
	must(t, s.CreateClient(t.Context(), client.Client{ID: "app", CreatedAt: now}))
	now = then
	g := aGrant(1)
	g.ClientCreatedAt = then.Add(time.Hour)
	must(t, create(t.Context(), s, g))
	if g, err = s.Grant(t.Context(), g.ID); err != nil || !g.RevokedAt.IsZero() {
		t.Errorf("a login at the new client has the grant %+v, %v", g, err)
	}
}

// TestCountOfLiveGrants_IsBounded: an act and a login examine a limited number
// of the newest grants.
func TestCountOfLiveGrants_IsBounded(t *testing.T) {
	s := open(t, newFile(t))
	must(t, s.CreateUser(t.Context(), ann))
	must(t, create(t.Context(), s, aGrant(1)))
	must(t, create(t.Context(), s, aGrant(2)))
	exec(t, s.writeDB, `CREATE TEMP TABLE other AS SELECT * FROM grants WHERE id = x'02000000000000000000000000000000'`)
	exec(t, s.writeDB, `UPDATE other SET client_id = 'other', created_at = created_at + 1`)
	exec(t, s.writeDB, `WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
		INSERT INTO grants SELECT randomblob(16), user_id, client_id, generation, key_hash, mac_key, moved_at,
			idle_lifetime, expires_at, suspended_at, revoked_at, revoke_reason, scope, audience, auth_time, amr,
			device_label, ip, created_at, claims, repeated_at FROM other, n`)

	created, err := s.CreateGrant(t.Context(), aGrant(3), 0, 100)
	must(t, err)
	revoked, err := s.RevokeOldest(t.Context(), ann.ID, "app", oauth.GrantID{3}, 1, audit.RevokedByLimit)
	must(t, err)
	e, err := s.RevokeGrants(t.Context(), grant.Ending{
		Subject: ann.ID, ClientID: "app", Reason: audit.RevokedByClient, Actor: "app",
	})
	must(t, err)
	if created.Live != 1 || len(revoked) != 0 || e.Live != 1 {
		t.Errorf("a login counted %d grants, %d were revoked, an act counted %d; want 1, 0, 1",
			created.Live, len(revoked), e.Live)
	}
}

// TestSuspension_OfAServerOfTheVersionBefore: such a server, which runs during
// an upgrade, disables and enables users without their suspensions. The same
// act on a new server corrects this.
func TestSuspension_OfAServerOfTheVersionBefore(t *testing.T) {
	s := open(t, newFile(t))
	must(t, s.CreateUser(t.Context(), ann))
	must(t, create(t.Context(), s, aGrant(1)))
	suspended := func() bool {
		g, err := s.Grant(t.Context(), oauth.GrantID{1})
		must(t, err)
		return !g.SuspendedAt.IsZero()
	}
	must(t, disable(t.Context(), s, ann.Username))
	exec(t, s.writeDB, `DELETE FROM endings`)
	must(t, disable(t.Context(), s, ann.Username))
	if !suspended() {
		t.Error("the grant of a user who was disabled again is not suspended")
	}

	exec(t, s.writeDB, `UPDATE users SET disabled_at = NULL`)
	must(t, disable(t.Context(), s, ann.Username))
	exec(t, s.writeDB, `UPDATE users SET disabled_at = NULL`)
	must(t, s.EnableUser(t.Context(), ann.Username))
	if suspended() {
		t.Error("the grant of a user who was enabled again is suspended")
	}
}

// TestMigrate_SuspensionsOfTheFirstSchema: the grants of users who were
// disabled before the migration stay suspended until the user is enabled.
func TestMigrate_SuspensionsOfTheFirstSchema(t *testing.T) {
	s := open(t, newFile(t))
	must(t, s.CreateUser(t.Context(), ann))
	must(t, create(t.Context(), s, aGrant(1)))
	for _, q := range []query{
		`DROP TABLE endings`,
		`ALTER TABLE grants DROP COLUMN repeated_at`,
		`ALTER TABLE versions DROP COLUMN restored_at`,
		`ALTER TABLE keys DROP COLUMN lifetime`,
		`DROP TABLE revocations`,
		`DROP TABLE revocation_head`,
		`DROP TABLE verifiers`,
		`DROP INDEX grants_by_creation`,
		`CREATE INDEX grants_of_user ON grants (user_id, id)`,
		`DELETE FROM ` + goose.DefaultTablename + ` WHERE version_id > 1`,
		`UPDATE users SET disabled_at = 1`,
		`UPDATE grants SET suspended_at = 1`,
	} {
		exec(t, s.writeDB, q)
	}
	must(t, s.Migrate(t.Context()))

	refresh := func() grant.Outcome {
		result, err := s.RefreshGrant(t.Context(), grant.RefreshAttempt{
			Grant: oauth.GrantID{1}, ClientID: "app", KeyHash: oauth.NewDigest([]byte("a hash of 16 byte")),
			ReceivedAt: then, Deadline: then.Add(time.Hour),
		})
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

	_, err := s.SweepGrants(t.Context(), oauth.GrantID{}, 10, then, time.Time{})
	must(t, err)
	var marked int
	must(t, s.readDB.QueryRow(context.Background(), `SELECT count(*) FROM grants WHERE suspended_at IS NOT NULL`).
		Scan(&marked))
	if marked != 0 {
		t.Errorf("%d grants have the mark of the first schema after a sweep", marked)
	}
}

// TestApplyEndings_WithoutEndingsLocksNothing: a worker that finds no ending
// does not wait for the write lock of the file, and does not take it.
func TestApplyEndings_WithoutEndingsLocksNothing(t *testing.T) {
	path := newFile(t)
	busy, worker := open(t, path), open(t, path)
	must(t, busy.write(t.Context(), func(ctx context.Context, tx transaction) error {
		if _, err := tx.Exec(ctx, `UPDATE users SET claims = 'null'`); err != nil {
			return err
		}
		limited, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		_, err := worker.ApplyEndings(limited, 100, time.Hour)
		return err
	}))
}

// TestApplyEndings_GrantsCreatedAtOneTime: batches of a scan end between grants
// that were created at the same time. The worker examines each of them.
func TestApplyEndings_GrantsCreatedAtOneTime(t *testing.T) {
	s := open(t, newFile(t))
	must(t, s.CreateUser(t.Context(), ann))
	const grants = 17
	for i := range byte(grants) {
		must(t, create(t.Context(), s, aGrant(i+1)))
	}
	exec(t, s.writeDB, `UPDATE grants SET created_at = 1`)
	_, err := s.RevokeGrants(t.Context(), grant.Ending{
		Subject: ann.ID, Reason: audit.RevokedByAdmin, Actor: "operator:ann",
	})
	must(t, err)
	revoked := 0
	for range 3 {
		applied, err := s.ApplyEndings(t.Context(), 8, time.Hour)
		must(t, err)
		revoked += applied.Revoked
	}
	if revoked != grants {
		t.Errorf("%d grants were revoked, want %d", revoked, grants)
	}
}
