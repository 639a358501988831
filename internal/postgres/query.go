package postgres

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// A query is the text of an SQL statement. Only the functions of this file send
// SQL, and they accept only a query. An untyped constant converts to it
// implicitly, but a string variable does not compile. So no statement contains
// what a caller of the store sends (rule 70). No code converts a string
// variable to a query.
type query string

// replace returns the statement with each old text replaced by its new text.
// Both are queries too.
func (q query) replace(oldnew ...query) query {
	texts := make([]string, len(oldnew))
	for i, text := range oldnew {
		texts[i] = string(text)
	}
	return query(strings.NewReplacer(texts...).Replace(string(q)))
}

// configure runs a statement that sets up a new connection.
func configure(ctx context.Context, conn *pgx.Conn, q query) error {
	_, err := conn.Exec(ctx, string(q))
	return err
}

// isReadOnly reports whether the server of a new connection accepts no writes:
// it is a replica, or its transactions are read-only by default.
func isReadOnly(ctx context.Context, conn *pgconn.PgConn) (bool, error) {
	results, err := conn.Exec(ctx, `SHOW transaction_read_only`).ReadAll()
	if err != nil {
		return false, err
	}
	return string(results[0].Rows[0][0]) == "on", nil
}

// A database runs statements outside of a transaction.
type database struct{ pool *pgxpool.Pool }

// Transact runs fn in a transaction and commits it. It rolls the transaction
// back if fn fails. begin is the statement that begins it.
func (d database) Transact(ctx context.Context, begin query, fn func(transaction) error) error {
	return pgx.BeginTxFunc(ctx, d.pool, pgx.TxOptions{BeginQuery: string(begin)}, func(tx pgx.Tx) error {
		return fn(transaction{tx})
	})
}

// QueryRow runs a statement that returns at most one row.
func (d database) QueryRow(ctx context.Context, q query, args ...any) pgx.Row {
	return d.pool.QueryRow(ctx, string(q), args...)
}

// Query runs a statement that returns rows.
func (d database) Query(ctx context.Context, q query, args ...any) (pgx.Rows, error) {
	return d.pool.Query(ctx, string(q), args...)
}

// Send runs statements in one round trip and one transaction.
func (d database) Send(ctx context.Context, q *queries) error {
	return d.pool.SendBatch(ctx, &q.batch).Close()
}

// A transaction runs statements within a transaction.
type transaction struct{ tx pgx.Tx }

// Exec runs a statement and returns how many rows it changed.
func (t transaction) Exec(ctx context.Context, q query, args ...any) (changed int, err error) {
	tag, err := t.tx.Exec(ctx, string(q), args...)
	return int(tag.RowsAffected()), err
}

// QueryRow runs a statement that returns at most one row.
func (t transaction) QueryRow(ctx context.Context, q query, args ...any) pgx.Row {
	return t.tx.QueryRow(ctx, string(q), args...)
}

// Query runs a statement that returns rows.
func (t transaction) Query(ctx context.Context, q query, args ...any) (pgx.Rows, error) {
	return t.tx.Query(ctx, string(q), args...)
}

// Send runs statements in one round trip.
func (t transaction) Send(ctx context.Context, q *queries) error {
	return t.tx.SendBatch(ctx, &q.batch).Close()
}

// queries are statements that share a round trip.
type queries struct{ batch pgx.Batch }

// Queue adds a statement. The result has methods that set what reads the rows.
func (b *queries) Queue(q query, args ...any) *pgx.QueuedQuery {
	return b.batch.Queue(string(q), args...)
}

// setChanged returns a function for pgx.QueuedQuery.Exec. It sets n to how many
// rows the statement changed or returned.
func setChanged(n *int) func(pgconn.CommandTag) error {
	return func(tag pgconn.CommandTag) error {
		*n = int(tag.RowsAffected())
		return nil
	}
}
