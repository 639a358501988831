package sqlite

import (
	"path/filepath"
	"testing"
)

// BenchmarkOneRowTransaction measures a transaction that changes one row
// durably. This is what the driver and the disk cost, and the least that any
// write can cost.
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
	statement, err := s.writeDB.Prepare(b.Context(), `UPDATE versions SET restored = restored + 1 WHERE name = 'ring'`)
	if err != nil {
		b.Fatal(err)
	}
	defer statement.Close()

	b.ReportAllocs()
	for b.Loop() {
		tx, err := s.writeDB.Begin(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		if _, err := tx.Prepared(statement).Exec(); err != nil {
			b.Fatal(err)
		}
		if err := tx.Commit(); err != nil {
			b.Fatal(err)
		}
	}
}
