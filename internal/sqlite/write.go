package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/signetd/signet/internal/batch"
)

const (
	// maxWrites is how many writes share a transaction at most.
	maxWrites = 256
	// writeTimeout bounds a transaction. The wait for another process's write
	// does not count.
	writeTimeout = 10 * time.Second
	// pauseShare is how long the file stays unlocked after a transaction, as a
	// part of how long the transaction locked it. Another process polls for the
	// lock. Without a pause between our transactions each of its polls could
	// find the file locked.
	pauseShare = 4
	// maxPause bounds the pause.
	maxPause = 20 * time.Millisecond
)

// A writer runs all writes. Concurrent writes share a transaction, and so the
// one flush to the disk that a commit costs.
type writer struct {
	*batch.Batcher[struct{}, *writeRequest, struct{}]
	// locked is how long the last transaction locked the file.
	locked time.Duration
	// prepared has the statements of preparedQueries.
	prepared map[query]*sql.Stmt
}

// newWriter returns a writer whose transactions hold at most size writes. It
// calls sent with the number of writes of each transaction.
func (s *Store) newWriter(size int, sent func(writes int)) *writer {
	w := &writer{prepared: make(map[query]*sql.Stmt)}
	w.Batcher = batch.New(batch.Options[struct{}, *writeRequest, struct{}]{
		Run: func(requests []*writeRequest) []batch.Result[struct{}] {
			start := time.Now()
			defer func() { w.locked = time.Since(start) }()
			return s.commit(requests)
		},
		Pause:         func() { time.Sleep(min(w.locked/pauseShare, maxPause)) },
		MaxInProgress: 1, MaxSize: size, OnDispatch: sent,
	})
	return w
}

// A writeRequest is a change and its result.
type writeRequest struct {
	change func(context.Context, transaction) error
	// noSavepoint runs the change without a savepoint. It is for a change of
	// one row by one statement, for which a savepoint costs as much as the
	// change itself. Such a change fails only if SQLite fails, and then the
	// whole transaction fails.
	noSavepoint bool
	// claimed is set by the transaction that runs the change, or by the caller
	// that stops waiting, whichever is first.
	claimed atomic.Bool
	// done is closed when err is the result.
	done chan struct{}
	err  error
}

func newWriteRequest(change func(context.Context, transaction) error) *writeRequest {
	return &writeRequest{change: change, done: make(chan struct{}), err: batch.ErrPanicked}
}

// write runs change in a BEGIN IMMEDIATE transaction, perhaps together with
// other changes, and commits. If change fails, its own work is rolled back, and
// that of the others is not. change gets a context that bounds the transaction.
func (s *Store) write(ctx context.Context, change func(context.Context, transaction) error) error {
	return s.submit(ctx, newWriteRequest(change))
}

// submit runs a request. If ctx ends before the change has started, the change
// never runs. If it has started, submit waits for the result, since the change
// may be committed.
func (s *Store) submit(ctx context.Context, r *writeRequest) error {
	_, err := s.writer.Do(ctx, r)
	if err != nil && ctx.Err() != nil && !r.claimed.CompareAndSwap(false, true) {
		<-r.done
		return r.err
	}
	return err
}

// errAbandoned is the result of a change whose caller stopped waiting before it
// started.
var errAbandoned = errors.New("the caller stopped waiting before the write started")

// commit runs all requests in one transaction. If the transaction fails, no
// change is made.
func (s *Store) commit(requests []*writeRequest) []batch.Result[struct{}] {
	defer func() {
		for _, r := range requests {
			close(r.done)
		}
	}()

	results, err := s.runAll(requests)
	if err != nil {
		results = batch.SameError[struct{}](len(requests), err)
	}
	for i, r := range requests {
		r.err = results[i].Err
	}
	return results
}

// runAll runs all requests in one transaction and commits it. It returns an
// error if the transaction as a whole failed.
func (s *Store) runAll(requests []*writeRequest) ([]batch.Result[struct{}], error) {
	if err := s.prepare(); err != nil {
		return nil, err
	}
	tx, err := s.writeDB.Begin(context.Background())
	if err != nil {
		return nil, fmt.Errorf("begin: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // It does nothing after Commit.
	ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
	defer cancel()

	results := make([]batch.Result[struct{}], len(requests))
	for i, r := range requests {
		if !r.claimed.CompareAndSwap(false, true) {
			results[i].Err = errAbandoned
			continue
		}
		if results[i].Err, err = s.run(ctx, tx, r); err != nil {
			return nil, err
		}
	}
	if err := tx.Commit(); err != nil {
		return nil, fmt.Errorf("commit: %w", err)
	}
	return results, nil
}

// run runs the change of a request. txErr means that the transaction as a whole
// failed.
func (s *Store) run(ctx context.Context, tx transaction, r *writeRequest) (err, txErr error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if r.noSavepoint {
		return nil, r.change(ctx, tx)
	}
	return s.runInSavepoint(ctx, tx, r.change)
}

// Each change runs in a savepoint.
const (
	setSavepoint        = `SAVEPOINT change`
	rollbackToSavepoint = `ROLLBACK TO change`
	releaseSavepoint    = `RELEASE change`
)

// runInSavepoint runs a change and rolls its work back if it fails. txErr means
// that the transaction as a whole failed: SQLite itself rolls it back when the
// disk is full, for example.
func (s *Store) runInSavepoint(
	ctx context.Context, tx transaction, change func(context.Context, transaction) error,
) (err, txErr error) {
	if _, txErr = s.statement(tx, setSavepoint).Exec(); txErr != nil {
		return nil, txErr
	}
	if err = change(ctx, tx); err != nil {
		if _, txErr = s.statement(tx, rollbackToSavepoint).Exec(); txErr != nil {
			return nil, errors.Join(err, txErr)
		}
	}
	if _, txErr = s.statement(tx, releaseSavepoint).Exec(); txErr != nil {
		return nil, errors.Join(err, txErr)
	}
	return err, nil
}

// statement returns one of preparedQueries for a transaction.
func (s *Store) statement(tx transaction, q query) *sql.Stmt {
	return tx.Prepared(s.writer.prepared[q])
}
