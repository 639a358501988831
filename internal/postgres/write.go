package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/signetd/signet/internal/batch"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/throttle"
)

// writeFlights is how many transactions of shared writes are under way at once, writeSize how many writes one holds at most:
// it keeps the locks of all until the last is made.
const (
	writeFlights = 4
	writeSize    = 64
)

const (
	// durable makes a transaction outlive the server once it is committed, also on a replicated cluster, whatever the role is
	// content with elsewhere.
	durable = `SELECT set_config('synchronous_commit', 'on', true)
		WHERE current_setting('synchronous_commit') IN ('off', 'local', 'remote_write')`
	// impatient ends a transaction that waits for somebody else's lock, so that those who do not need it get on. It is far
	// longer than another transaction of this kind takes.
	impatient = `SELECT set_config('lock_timeout', '250ms', true)`
)

// A writing is a change that shares a round trip and a commit with others that wait at the same moment.
type writing struct {
	// order is where the row is that it locks. A transaction goes through its writings in this order, so that two of them do
	// not wait for each other.
	order string
	// durable writings are, as those of write are, when share returns.
	durable bool
	// counters are those that a guess locks.
	counters []throttle.Counter
	// queue adds its statements. What reads their results returns no error: what becomes of one writing is not for the others.
	queue func(*pgx.Batch)
}

// Where rows are, in the order in which they are locked: a user before their grants, as everything does that ends those.
// Counters of guesses are what most others wait for, and come last.
const (
	amongAssertions = "1"
	amongUsers      = "2"
	amongGrants     = "3"
	amongGuesses    = "4"
)

func (s *Store) newWrites(o Options) *batch.Batcher[struct{}, *writing, struct{}] {
	b := batch.Options[struct{}, *writing, struct{}]{
		Run: s.shareAll, Flights: writeFlights, Size: writeSize, Bound: batchTimeout, Stay: true, Sent: o.SentWrites,
	}
	if o.Alone {
		b.Flights, b.Size = int(s.pool.Config().MaxConns), 1
	}
	return batch.New(b)
}

// errTogether is the answer to those whose transaction was rolled back. Perhaps only one of them is to blame.
var errTogether = errors.New("rolled back together with others")

// share makes a change, perhaps together with others. If they are rolled back, it is made alone, in a transaction of its own.
// When ctx ends, a change that has not left never is made; one that has is waited for.
func (s *Store) share(ctx context.Context, w *writing) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	_, err := s.writes.Do(ctx, w)
	if errors.Is(err, errTogether) {
		err = s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
			b := &pgx.Batch{}
			w.queue(b)
			return tx.SendBatch(ctx, b).Close()
		})
	}
	return err
}

// shareAll makes the changes of a batch in one round trip: all or none. It is one transaction, since nothing in it begins or
// ends one; the server commits at its end. After a timeout or a lost connection nobody knows whether it has, and nobody tries
// again: a guess could be counted twice.
func (s *Store) shareAll(writings []*writing) []batch.Answer[struct{}] {
	ctx, cancel := context.WithTimeout(context.Background(), batchTimeout)
	defer cancel()
	err := s.pool.SendBatch(ctx, statements(writings)).Close()
	if rolledBack(err) {
		err = fmt.Errorf("%w: %w", errTogether, err)
	}
	return batch.Whole[struct{}](len(writings), err)
}

// rolledBack says whether err means that a transaction is known not to have been committed, by a server that lives on.
func rolledBack(err error) bool {
	var failed *pgconn.PgError
	var unsent pgx.ErrPreprocessingBatch
	return errors.As(err, &failed) && failed.SeverityUnlocalized == "ERROR" || errors.As(err, &unsent)
}

// statements returns what makes the changes.
func statements(writings []*writing) *pgx.Batch {
	slices.SortStableFunc(writings, func(a, b *writing) int { return strings.Compare(a.order, b.order) })
	var guesses [][]throttle.Counter
	for _, w := range writings {
		if w.counters != nil {
			guesses = append(guesses, w.counters)
		}
	}
	b := &pgx.Batch{}
	b.Queue(impatient)
	if slices.ContainsFunc(writings, func(w *writing) bool { return w.durable }) {
		b.Queue(durable)
	}
	if len(guesses) > 1 {
		lockCounters(b, guesses)
	}
	for _, w := range writings {
		w.queue(b)
	}
	return b
}

// lockCounters locks the counters of many guesses, as far as they exist, in an order that agrees with that in which each guess
// locks its own.
func lockCounters(b *pgx.Batch, guesses [][]throttle.Counter) {
	var owners, parts [][]byte
	var last []bool
	for _, counters := range guesses {
		for i, c := range counters {
			owners, parts, last = append(owners, c.Key.Owner[:]), append(parts, c.Key.Part[:]), append(last, i == len(counters)-1)
		}
	}
	b.Queue(`SELECT FROM unnest($1::bytea[], $2::bytea[], $3::bool[]) AS p (owner, part, last) JOIN guesses g USING (owner, part)
		ORDER BY last, owner, part FOR NO KEY UPDATE OF g`, owners, parts, last)
}

// changed returns what notes how many rows a statement changed or returned.
func changed(n *int) func(pgconn.CommandTag) error {
	return func(tag pgconn.CommandTag) error {
		*n = int(tag.RowsAffected())
		return nil
	}
}

// one returns what reads the one row of a query. fault is what is wrong with it, or oauth.NotFound if there is none.
func one(fields []any, fault *error) func(pgx.Rows) error {
	return func(found pgx.Rows) error {
		*fault = oauth.NotFound
		if found.Next() {
			*fault = pgx.ScanRow(found.Conn().TypeMap(), found.FieldDescriptions(), found.RawValues(), fields...)
		}
		return nil // an error of the transaction is seen by who sent it
	}
}
