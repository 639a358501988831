package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// ErrReadOnly means that a server accepts no writes. After a failover, the old
// primary may still answer.
var ErrReadOnly = errors.New("the database server is read-only, as a replica is")

// requireWritable rejects a new connection to a server that accepts no writes.
// pgx then tries the next host of the URL.
func requireWritable(ctx context.Context, conn *pgconn.PgConn) error {
	readOnly, err := isReadOnly(ctx, conn)
	if err == nil && readOnly {
		err = ErrReadOnly
	}
	return err
}

// leaveReadOnly makes pgx close a connection whose server has become read-only,
// and then calls left.
func leaveReadOnly(config *pgconn.Config, left func()) {
	onError := config.OnPgError
	config.OnPgError = func(conn *pgconn.PgConn, failed *pgconn.PgError) bool {
		if failed.Code != readOnlyTransaction {
			return onError(conn, failed)
		}
		left()
		return false
	}
}

// readOnlyTransaction is the code of a write in a read-only transaction.
const readOnlyTransaction = "25006"

// refusedWrite reports whether a statement failed because its server is
// read-only. Its connection is closed then.
func refusedWrite(err error) bool {
	failed, ok := errors.AsType[*pgconn.PgError](err)
	return ok && failed.Code == readOnlyTransaction
}

// boundLookup returns a lookup of host names that gives up after a timeout. pgx
// bounds the connection to each address, but it looks up the names of all hosts
// before, without a bound.
func boundLookup(lookup pgconn.LookupFunc, timeout time.Duration) pgconn.LookupFunc {
	return func(ctx context.Context, host string) ([]string, error) {
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		return lookup(ctx, host)
	}
}
