package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/signetd/signet/internal/batch"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/throttle"
)

const (
	// maxWriteTransactions is how many transactions of shared writes run at the
	// same time at most.
	maxWriteTransactions = 4
	// maxWrites is how many writes share a transaction at most. The transaction
	// holds the locks of all of them until it commits.
	maxWrites = 64
	// batchTimeout bounds the statements of a batch, of writes and of
	// refreshes.
	batchTimeout = time.Second
)

const (
	// commitDurably makes the commit of a transaction durable, also on a
	// replicated cluster, even if the role's synchronous_commit is weaker.
	commitDurably = `SELECT set_config('synchronous_commit', 'on', true)
		WHERE current_setting('synchronous_commit') IN ('off', 'local', 'remote_write')`
	// beginDurable begins a transaction with a durable commit.
	beginDurable = `BEGIN ISOLATION LEVEL READ COMMITTED; ` + commitDurably
	// boundLockWait ends a transaction that waits for a lock of another
	// transaction, so that the writes that do not need the lock continue. It is
	// far longer than a transaction of shared writes takes. A retry ends too,
	// so that the retries of other writes get its connection.
	boundLockWait = `SELECT set_config('lock_timeout', '250ms', true)`
)

// write runs change in a transaction of its own. The transaction is durable
// when write returns.
func (s *Store) write(ctx context.Context, change func(context.Context, transaction) error) error {
	return s.transact(ctx, s.conns.acts, beginDurable, change)
}

// A writeRequest is a write that shares a round trip and a commit with
// concurrent writes.
type writeRequest struct {
	// lockOrder is the position of the row that the write locks. A transaction
	// runs its writes in this order, so that two transactions never wait for
	// each other.
	lockOrder string
	// durable makes the write durable when share returns.
	durable bool
	// counters are the counters of login attempts that the write locks.
	counters []throttle.Counter
	// queue adds the statements of the write. The functions that read their
	// results return no error: an error would fail the other writes too.
	queue func(*queries)
}

// The positions of the tables in the lock order. A user comes before the user's
// grants, as in every transaction that ends or suspends them. The counters come
// last, since most other writes wait for them.
const (
	lockAssertions = "1"
	lockUsers      = "2"
	lockGrants     = "3"
	lockAttempts   = "4"
)

// newWriteBatcher returns the batcher of writes. With alone, each write gets a
// transaction of its own. The batcher calls sent with the number of writes of
// each transaction.
func (s *Store) newWriteBatcher(alone bool, sent func(int)) *batch.Batcher[struct{}, *writeRequest, struct{}] {
	o := batch.Options[struct{}, *writeRequest, struct{}]{
		Run: s.runShared, MaxInProgress: s.conns.shared.size(), MaxSize: maxWrites, MaxRunTime: batchTimeout,
		WaitForResult: true, OnDispatch: sent,
	}
	if alone {
		o.MaxSize = 1
	}
	return batch.New(o)
}

// errRolledBack is the result of all writes of a transaction that was rolled
// back. Perhaps only one of them caused it.
var errRolledBack = errors.New("the shared transaction was rolled back")

// share runs a write, perhaps together with others. If their transaction is
// rolled back, it runs the write again in a transaction of its own, and again
// while another transaction holds a lock that the write needs. If ctx ends
// before the write was sent, the write never runs. If it was sent, share waits
// for its result.
func (s *Store) share(ctx context.Context, r *writeRequest) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()

	_, err := s.writes.Do(ctx, r)
	for errors.Is(err, errRolledBack) || isLocked(err) {
		err = s.transact(ctx, s.conns.retries, beginDurable, func(ctx context.Context, tx transaction) error {
			q := &queries{}
			q.Queue(boundLockWait)
			r.queue(q)
			return tx.Send(ctx, q)
		})
	}
	return err
}

// isLocked reports whether a statement has waited for a lock longer than
// boundLockWait allows.
func isLocked(err error) bool {
	var failed *pgconn.PgError
	return errors.As(err, &failed) && failed.Code == "55P03" // lock_not_available
}

// runShared runs the writes of a batch in one round trip: all or none. They are
// one transaction, since none of their statements begins or ends one, and the
// server commits at the end. After a timeout or a lost connection it is unknown
// whether the server has committed. No write is repeated then, because a login
// attempt could be counted twice.
func (s *Store) runShared(requests []*writeRequest) []batch.Result[struct{}] {
	ctx, cancel := context.WithTimeout(context.Background(), batchTimeout)
	defer cancel()

	err := s.conns.shared.send(ctx, sharedQueries(requests))
	if rolledBack(err) {
		err = fmt.Errorf("%w: %w", errRolledBack, err)
	}
	return batch.SameError[struct{}](len(requests), err)
}

// rolledBack reports whether err means that the transaction was certainly not
// committed, and that the server still runs.
func rolledBack(err error) bool {
	var failed *pgconn.PgError
	var unsent pgx.ErrPreprocessingBatch
	return errors.As(err, &failed) && failed.SeverityUnlocalized == "ERROR" || errors.As(err, &unsent)
}

// sharedQueries returns the statements of all requests, in their lock order.
func sharedQueries(requests []*writeRequest) *queries {
	slices.SortStableFunc(requests, func(a, b *writeRequest) int { return strings.Compare(a.lockOrder, b.lockOrder) })
	var attempts [][]throttle.Counter
	for _, r := range requests {
		if r.counters != nil {
			attempts = append(attempts, r.counters)
		}
	}

	q := &queries{}
	q.Queue(boundLockWait)
	if slices.ContainsFunc(requests, func(r *writeRequest) bool { return r.durable }) {
		q.Queue(commitDurably)
	}
	if len(attempts) > 1 {
		lockCounters(q, attempts)
	}
	for _, r := range requests {
		r.queue(q)
	}
	return q
}

// lockCounters locks the counters of several attempts that exist. The order is
// the same as that in which each attempt locks its own counters: a counter is
// always followed by the same number of others in its attempt.
func lockCounters(q *queries, attempts [][]throttle.Counter) {
	var owners, parts [][]byte
	var following []int
	for _, counters := range attempts {
		for i, c := range counters {
			owners, parts = append(owners, c.Key.Owner[:]), append(parts, c.Key.Part[:])
			following = append(following, len(counters)-1-i)
		}
	}
	q.Queue(`SELECT FROM unnest($1::bytea[], $2::bytea[], $3::int[]) AS p (owner, part, following)
			JOIN guesses g USING (owner, part)
		ORDER BY following DESC, owner, part FOR NO KEY UPDATE OF g`, owners, parts, following)
}

// scanOne returns a function for pgx.QueuedQuery.Query that reads one row into
// fields. It sets rowErr to the error of the row, or to oauth.NotFound if there
// is none.
func scanOne(fields []any, rowErr *error) func(pgx.Rows) error {
	return func(rows pgx.Rows) error {
		*rowErr = oauth.NotFound
		if rows.Next() {
			*rowErr = scanCurrent(rows, fields)
		}
		return nil // The sender gets the errors of the transaction.
	}
}

// scanCurrent reads the current row into fields. Unlike Scan, it does not end
// the result if the row cannot be decoded.
func scanCurrent(rows pgx.Rows, fields []any) error {
	return pgx.ScanRow(rows.Conn().TypeMap(), rows.FieldDescriptions(), rows.RawValues(), fields...)
}
