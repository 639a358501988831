package postgres

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signetd/signet/internal/batch"
	"github.com/signetd/signet/internal/oauth"
)

const (
	// maxUnsharedReads is how many reads run at the same time before they share
	// a statement. Up to about that number, a statement of its own is faster.
	maxUnsharedReads = 12
	// maxReadStatements is how many shared reads run at the same time.
	maxReadStatements = 4
	// maxReads is how many reads share a statement at most.
	maxReads = 64
)

// A rowReader reads single rows by their keys. Concurrent reads share a
// statement. No read begins before its request, so it sees all that was
// committed before.
type rowReader[K, Row any] struct {
	conns   quota
	timeout time.Duration
	// one selects the row of the key $1, and many those of the array of keys
	// $1. The rows of many begin with the ordinal number of their key.
	one, many query
	fields    func(*Row) []any
	// arg returns a key as a parameter, and args several keys as an array.
	arg  func(K) any
	args func([]K) any

	requests *batch.Batcher[struct{}, K, Row]
}

// start prepares the reader. With alone, each read gets a statement of its own.
// The reader calls sent with the number of reads of each statement.
func (r *rowReader[K, Row]) start(alone bool, sent func(int)) {
	o := batch.Options[struct{}, K, Row]{
		Run: r.run, RunOne: r.readOne, MaxInProgress: min(maxReadStatements, r.conns.size()), MaxSize: maxReads,
		MaxUnbatched: maxUnsharedReads, OnDispatch: sent,
	}
	if alone {
		o.MaxUnbatched = math.MaxInt
	}
	r.requests = batch.New(o)
}

// read returns the row of the key, or oauth.NotFound.
func (r *rowReader[K, Row]) read(ctx context.Context, key K) (Row, error) {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	return r.requests.Do(ctx, key)
}

// run reads the rows of a batch. Its time limit is its own: a caller that stops
// waiting does not end the reads of the others. If Postgres rejects one of the
// keys, run reads the rows one by one.
func (r *rowReader[K, Row]) run(keys []K) []batch.Result[Row] {
	ctx := context.Background()
	if len(keys) > 1 {
		results, err := r.readMany(ctx, keys)
		if err == nil {
			return results
		}
		if !retryable(err) {
			return batch.SameError[Row](len(keys), err)
		}
	}

	results := make([]batch.Result[Row], len(keys))
	for i, key := range keys {
		results[i].Value, results[i].Err = r.readOne(ctx, key)
	}
	return results
}

// readOne reads the row of one key.
func (r *rowReader[K, Row]) readOne(ctx context.Context, key K) (row Row, err error) {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	if err := r.conns.acquire(ctx); err != nil {
		return row, err
	}
	defer r.conns.release()
	err = r.conns.QueryRow(ctx, r.one, r.arg(key)).Scan(r.fields(&row)...)
	return row, noRows(err)
}

// readMany reads the rows of all keys with one statement.
func (r *rowReader[K, Row]) readMany(ctx context.Context, keys []K) ([]batch.Result[Row], error) {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	if err := r.conns.acquire(ctx); err != nil {
		return nil, err
	}
	defer r.conns.release()
	rows, err := r.conns.Query(ctx, r.many, r.args(keys))
	if err != nil {
		return nil, err
	}
	defer rows.Close()

	results := batch.SameError[Row](len(keys), oauth.NotFound)
	types, columns := rows.Conn().TypeMap(), rows.FieldDescriptions()
	for rows.Next() {
		var ord int64
		var found Row
		// An error concerns this row only.
		err := pgx.ScanRow(types, columns, rows.RawValues(), append([]any{&ord}, r.fields(&found)...)...)
		if ord < 1 || int(ord) > len(keys) {
			return nil, fmt.Errorf("ordinal number %d of %d keys: %w", ord, len(keys), err)
		}
		results[ord-1] = batch.Result[Row]{Value: found, Err: err}
	}
	return results, rows.Err()
}
