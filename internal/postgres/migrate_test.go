package postgres

import (
	"testing"

	"github.com/pressly/goose/v3"

	"github.com/signetd/signet/internal/pgtest"
)

func TestCheckSchema(t *testing.T) {
	s := open(t, pgtest.Empty(t), Options{MaxConns: 2})
	current, target, err := s.MigrationStatus(t.Context())
	must(t, err)
	if current != 0 || target < 1 {
		t.Errorf("an empty database is at version %d of %d", current, target)
	}
	rejects(t, s.CheckSchema(t.Context()), "run signet migrate")

	for range 2 {
		must(t, s.Migrate(t.Context()))
		must(t, s.CheckSchema(t.Context()))
		if current, _, err = s.MigrationStatus(t.Context()); err != nil || current != target {
			t.Errorf("a migrated database is at version %d of %d: %v", current, target, err)
		}
	}

	exec(t, s, `INSERT INTO `+goose.DefaultTablename+` (version_id, is_applied) VALUES ($1, true)`, target+1)
	rejects(t, s.CheckSchema(t.Context()), "use a newer program")
	rejects(t, s.Migrate(t.Context()), "use a newer program")
}

// TestMigrate_NeedsOneConnection: a migration works with a pool of one
// connection.
func TestMigrate_NeedsOneConnection(t *testing.T) {
	s := open(t, pgtest.Empty(t), Options{MaxConns: 1})
	must(t, s.Migrate(t.Context()))
	must(t, s.CheckSchema(t.Context()))
	var locked bool
	must(t, s.db.QueryRow(t.Context(), `SELECT bool_or(locked) FROM goose_lock`).Scan(&locked))
	if locked {
		t.Error("the migration has not released its lock")
	}
}
