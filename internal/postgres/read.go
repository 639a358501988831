package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// read runs fn in a transaction that sees the database as of one moment. It is
// for polls.
func (s *Store) read(ctx context.Context, fn func(context.Context, transaction) error) error {
	return s.transact(ctx, s.conns.polls, `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`, fn)
}

// transact runs fn in a transaction and commits it. fn gets the context that
// bounds the whole transaction.
func (s *Store) transact(
	ctx context.Context, from quota, begin query, fn func(context.Context, transaction) error,
) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	if err := from.acquire(ctx); err != nil {
		return err
	}
	defer from.release()
	return from.Transact(ctx, begin, func(tx transaction) error { return fn(ctx, tx) })
}

// readRow reads the one row that a statement returns into fields.
func (s *Store) readRow(ctx context.Context, from quota, fields []any, q query, args ...any) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	if err := from.acquire(ctx); err != nil {
		return err
	}
	defer from.release()
	return from.QueryRow(ctx, q, args...).Scan(fields...)
}

// readRows reads all rows that a statement returns, as collect does.
func readRows[T any](
	ctx context.Context, s *Store, from quota, fields func(*T) []any, q query, args ...any,
) ([]T, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	if err := from.acquire(ctx); err != nil {
		return nil, err
	}
	defer from.release()
	return collect(ctx, from, fields, q, args...)
}

// A querier is a database or a transaction.
type querier interface {
	Query(ctx context.Context, q query, args ...any) (pgx.Rows, error)
}

// collect reads all rows of a statement. fields returns pointers to the fields
// of a record, in the order of the columns.
func collect[T any](ctx context.Context, db querier, fields func(*T) []any, q query, args ...any) ([]T, error) {
	rows, err := db.Query(ctx, q, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (record T, err error) {
		err = row.Scan(fields(&record)...)
		return record, err
	})
}
