package sqlite

import (
	"database/sql"
	"path/filepath"
	"testing"
)

// BenchmarkOneRowTransaction is what the driver and the disk ask for one row that is there after a loss of power: the yardstick
// of everything that is written.
func BenchmarkOneRowTransaction(b *testing.B) {
	path := filepath.Join(b.TempDir(), "signet.db")
	s, err := Open(b.Context(), path, Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	if err := s.Migrate(b.Context()); err != nil {
		b.Fatal(err)
	}
	const update = "UPDATE versions SET restored = restored + 1 WHERE name = 'ring'"
	statement, err := s.writes.Prepare(update)
	if err != nil {
		b.Fatal(err)
	}
	defer statement.Close()
	b.ReportAllocs()
	for b.Loop() {
		if err := oneRow(b, s.writes, statement); err != nil {
			b.Fatal(err)
		}
	}
}

func oneRow(b *testing.B, db *sql.DB, statement *sql.Stmt) error {
	tx, err := db.BeginTx(b.Context(), nil)
	if err != nil {
		return err
	}
	if _, err := tx.Stmt(statement).Exec(); err != nil {
		return err
	}
	return tx.Commit()
}
