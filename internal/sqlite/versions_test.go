package sqlite

import (
	"path/filepath"
	"testing"
)

// CheckWritable changes one row, however often it is called.
func TestCheckWritable_LeavesNothing(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "signet.db"))
	rows := func() (n int) {
		if err := s.readDB.QueryRow(t.Context(), `SELECT count(*) FROM versions`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := rows()
	for range 3 {
		if err := s.CheckWritable(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if after := rows(); after != before+1 {
		t.Errorf("%d rows, then %d", before, after)
	}
}
