package sqlite

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/pressly/goose/v3"
)

func TestCheckSchema(t *testing.T) {
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "signet.db"), Options{})
	must(t, err)
	defer func() { must(t, s.Close()) }()
	contains := func(err error, want string) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one that contains %q", err, want)
		}
	}
	current, target, err := s.MigrationStatus(t.Context())
	must(t, err)
	if current != 0 || target < 1 {
		t.Errorf("an empty store is at version %d of %d", current, target)
	}
	contains(s.CheckSchema(t.Context()), "run signet migrate")

	for range 2 {
		must(t, s.Migrate(t.Context()))
		must(t, s.CheckSchema(t.Context()))
		if current, _, err = s.MigrationStatus(t.Context()); err != nil || current != target {
			t.Errorf("a migrated store is at version %d of %d: %v", current, target, err)
		}
	}

	exec(t, s.writeDB, `INSERT INTO `+goose.DefaultTablename+` (version_id, is_applied) VALUES (?, 1)`, target+1)
	contains(s.CheckSchema(t.Context()), "use a newer program")
	contains(s.Migrate(t.Context()), "use a newer program")
}
