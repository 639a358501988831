package sqlite

import (
	"context"
	"database/sql"
)

// A query is the text of an SQL statement. The methods of database and
// transaction are the only functions that send SQL, and they accept only a
// query. An untyped constant converts to it implicitly, but a string variable
// does not compile. So no statement contains what a caller of the store sends
// (rule 70). No code converts a string variable to a query.
type query string

// A database runs statements outside of a transaction.
type database struct{ db *sql.DB }

// QueryRow runs a statement that returns at most one row.
func (d database) QueryRow(ctx context.Context, q query, args ...any) *sql.Row {
	return d.db.QueryRowContext(ctx, string(q), args...)
}

// Query runs a statement that returns rows.
func (d database) Query(ctx context.Context, q query, args ...any) (*sql.Rows, error) {
	return d.db.QueryContext(ctx, string(q), args...)
}

// Prepare prepares a statement that transactions run later.
func (d database) Prepare(ctx context.Context, q query) (*sql.Stmt, error) {
	return d.db.PrepareContext(ctx, string(q))
}

// Begin begins a transaction.
func (d database) Begin(ctx context.Context) (transaction, error) {
	tx, err := d.db.BeginTx(ctx, nil)
	return transaction{tx}, err
}

// A transaction runs statements within a transaction.
type transaction struct{ tx *sql.Tx }

// Exec runs a statement and returns how many rows it changed.
func (t transaction) Exec(ctx context.Context, q query, args ...any) (changed int, err error) {
	result, err := t.tx.ExecContext(ctx, string(q), args...)
	if err != nil {
		return 0, err
	}
	n, err := result.RowsAffected()
	return int(n), err
}

// QueryRow runs a statement that returns at most one row.
func (t transaction) QueryRow(ctx context.Context, q query, args ...any) *sql.Row {
	return t.tx.QueryRowContext(ctx, string(q), args...)
}

// Query runs a statement that returns rows.
func (t transaction) Query(ctx context.Context, q query, args ...any) (*sql.Rows, error) {
	return t.tx.QueryContext(ctx, string(q), args...)
}

// Prepared returns a prepared statement for the transaction. It runs to its end
// even if the caller's context ends: watching a context costs more than running
// the statement.
func (t transaction) Prepared(statement *sql.Stmt) *sql.Stmt {
	return t.tx.StmtContext(context.Background(), statement)
}

// Commit commits the transaction.
func (t transaction) Commit() error { return t.tx.Commit() }

// Rollback rolls the transaction back. After Commit it does nothing.
func (t transaction) Rollback() error { return t.tx.Rollback() }
