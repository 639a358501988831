package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// read runs fn in a transaction that sees the file as of one moment.
func (s *Store) read(ctx context.Context, fn func(context.Context, transaction) error) error {
	tx, err := s.readDB.Begin(ctx)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // The transaction wrote nothing.
	return fn(ctx, tx)
}

// clock returns the store's time with the precision of a column.
func (s *Store) clock() time.Time { return s.now().UTC().Truncate(time.Microsecond) }

// A querier is a database or a transaction.
type querier interface {
	Query(ctx context.Context, q query, args ...any) (*sql.Rows, error)
}

// collect reads all rows of a statement. fields returns pointers to the fields
// of a record, in the order of the columns.
func collect[T any](ctx context.Context, db querier, fields func(*T) []any, q query, args ...any) ([]T, error) {
	rows, err := db.Query(ctx, q, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // rows.Err returns the errors.

	var all []T
	for rows.Next() {
		var record T
		if err := rows.Scan(fields(&record)...); err != nil {
			return nil, err
		}
		all = append(all, record)
	}
	return all, rows.Err()
}
