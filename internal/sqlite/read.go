package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// read runs fn in a transaction that sees the file as of one moment. It is for
// polls.
func (s *Store) read(ctx context.Context, fn func(context.Context, transaction) error) error {
	tx, err := s.pollDB.Begin(ctx)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // The transaction wrote nothing.
	return fn(ctx, tx)
}

// readRow reads the one row that a statement returns into fields. It prepares
// the statement once, since SQLite takes longer to parse one than to run it.
func (s *Store) readRow(ctx context.Context, fields []any, q query, args ...any) error {
	statement, ok := s.prepared.Load(q)
	if !ok {
		prepared, err := s.readDB.Prepare(ctx, q)
		if err != nil {
			return err
		}
		var other bool
		if statement, other = s.prepared.LoadOrStore(q, prepared); other {
			_ = prepared.Close() // another goroutine has prepared it
		}
	}
	return statement.(*sql.Stmt).QueryRowContext(ctx, args...).Scan(fields...)
}

// beginList waits until another list may be read. endList must follow unless it
// returns an error, which is that of ctx.
func (s *Store) beginList(ctx context.Context) error {
	select {
	case s.lists <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Store) endList() { <-s.lists }

// readList reads all rows of a statement, as collect does.
func readList[T any](ctx context.Context, s *Store, fields func(*T) []any, q query, args ...any) ([]T, error) {
	if err := s.beginList(ctx); err != nil {
		return nil, err
	}
	defer s.endList()
	return collect(ctx, s.readDB, fields, q, args...)
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
