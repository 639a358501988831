package postgres

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
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

// boundCleanup bounds what pgx does with a connection on which a call timed
// out. pgx asks the server to cancel the statement, on another connection, and
// waits until the server closes this one. If the server does not answer at all,
// that takes 15 seconds, and meanwhile the pool has one connection fewer.
func boundCleanup(config *pgxpool.Config, limit time.Duration) {
	config.BeforeConnect = func(_ context.Context, c *pgx.ConnConfig) error {
		var connected atomic.Bool
		c.AfterConnect = func(context.Context, *pgconn.PgConn) error {
			connected.Store(true)
			return nil
		}
		dial := c.DialFunc
		c.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
			if !connected.Load() {
				return dial(ctx, network, address)
			}
			return dialForCancel(ctx, dial, network, address, limit)
		}
		return nil
	}
	config.BeforeClose = func(conn *pgx.Conn) {
		time.AfterFunc(limit, func() { _ = conn.PgConn().Conn().Close() }) // It may be closed already.
	}
}

// dialForCancel opens a connection that can be used for so long only.
func dialForCancel(
	ctx context.Context, dial pgconn.DialFunc, network, address string, limit time.Duration,
) (net.Conn, error) {
	end := time.Now().Add(limit)
	ctx, cancel := context.WithDeadline(ctx, end)
	defer cancel()
	conn, err := dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if err := conn.SetDeadline(end); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
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
