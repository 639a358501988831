package sqlite

import (
	"context"
	"fmt"
)

// preparedQueries are the statements of every write and of most refreshes. They
// are prepared once, since SQLite takes longer to parse one than to run it.
var preparedQueries = []query{setSavepoint, rollbackToSavepoint, releaseSavepoint, selectGrant, rotateGrant, touchGrant}

// prepare prepares the statements. It needs the schema, so the first write
// after Migrate calls it. Later calls do nothing.
func (s *Store) prepare() error {
	for _, q := range preparedQueries {
		if s.writer.prepared[q] != nil {
			continue
		}
		statement, err := s.writeDB.Prepare(context.Background(), q)
		if err != nil {
			return fmt.Errorf("prepare: %w", err)
		}
		s.writer.prepared[q] = statement
	}
	return nil
}
