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
	// maxWrites is how many writes share one transaction at most.
	maxWrites = 256
	// writeTimeout bounds a transaction; the wait for another process's write does not count.
	writeTimeout = 10 * time.Second
	// yieldShare is how long the file stays free for other processes after a transaction, as a part of how long that held
	// it. A process that waits for its turn asks again and again; without free time between our transactions it could ask
	// at the wrong moment every time.
	yieldShare = 4
	// maxYield bounds that time.
	maxYield = 20 * time.Millisecond
)

// A commits is the one way to write: writes that wait at the same moment share a transaction, and so the one flush to the disk
// that a commit costs.
type commits struct {
	*batch.Batcher[struct{}, *writing, struct{}]
	held time.Duration // how long the last transaction held the file
	// hot are the statements of every write and of refreshes, by their text. SQLite takes longer to read one than to run it.
	hot map[string]*sql.Stmt
}

// Each write has a savepoint of its own.
const (
	beginOne = `SAVEPOINT one`
	undoOne  = `ROLLBACK TO one`
	endOne   = `RELEASE one`
)

// prepare reads the hot statements, once there is a schema.
func (s *Store) prepare() error {
	for _, text := range []string{beginOne, undoOne, endOne, findGrant, moveGrant} {
		if s.commits.hot[text] != nil {
			continue
		}
		statement, err := s.writes.PrepareContext(context.Background(), text)
		if err != nil {
			return fmt.Errorf("prepare: %w", err)
		}
		s.commits.hot[text] = statement
	}
	return nil
}

// statement returns a hot statement for a transaction. It runs to its end whatever becomes of the caller's context: to watch
// that costs more than to run it.
func (s *Store) statement(tx *sql.Tx, text string) *sql.Stmt {
	return tx.StmtContext(context.Background(), s.commits.hot[text])
}

func (s *Store) newCommits(o Options) *commits {
	c, size := &commits{hot: make(map[string]*sql.Stmt)}, maxWrites
	if o.Alone {
		size = 1
	}
	c.Batcher = batch.New(batch.Options[struct{}, *writing, struct{}]{
		Run: func(writes []*writing) []batch.Answer[struct{}] {
			began := time.Now()
			defer func() { c.held = time.Since(began) }()
			return s.commit(writes)
		},
		Rest:    func() { time.Sleep(min(c.held/yieldShare, maxYield)) },
		Flights: 1, Size: size, Sent: o.Sent,
	})
	return c
}

// A writing is a change and what became of it.
type writing struct {
	change func(context.Context, *sql.Tx) error
	// bare changes change one row by one statement, and fail only if SQLite does: with them the whole transaction does. They go
	// without a savepoint, which costs as much as they do.
	bare bool
	// taken is set by whoever comes first: the transaction that makes the change, or the caller who gives up waiting.
	taken atomic.Bool
	done  chan struct{} // closed when err is what the change came to
	err   error
}

func newWriting(change func(context.Context, *sql.Tx) error) *writing {
	return &writing{change: change, done: make(chan struct{}), err: batch.ErrPanicked}
}

// write runs change inside BEGIN IMMEDIATE, perhaps together with others, and commits, unless change fails; the failure of
// one undoes nothing of the others. The context that change is given bounds the transaction.
func (s *Store) write(ctx context.Context, change func(context.Context, *sql.Tx) error) error {
	return s.make(ctx, newWriting(change))
}

// make makes a change. When ctx ends, one that has not begun never does; one that has is waited for, since it may come to pass.
func (s *Store) make(ctx context.Context, w *writing) error {
	_, err := s.commits.Do(ctx, w)
	if err != nil && ctx.Err() != nil && !w.taken.CompareAndSwap(false, true) {
		<-w.done
		return w.err
	}
	return err
}

// commit makes all changes in one transaction. If that fails as a whole, it has made none.
func (s *Store) commit(writes []*writing) []batch.Answer[struct{}] {
	defer func() {
		for _, w := range writes {
			close(w.done)
		}
	}()
	answers := make([]batch.Answer[struct{}], len(writes))
	if err := s.prepare(); err != nil {
		for _, w := range writes {
			w.err = err
		}
		return batch.Whole[struct{}](len(writes), err)
	}
	err := s.transact(func(ctx context.Context, tx *sql.Tx) (broken error) {
		for i, w := range writes {
			if answers[i].Err = errAbandoned; w.taken.CompareAndSwap(false, true) {
				answers[i].Err, broken = s.one(ctx, tx, w)
			}
			if broken != nil {
				return broken
			}
		}
		return nil
	})
	if err != nil {
		answers = batch.Whole[struct{}](len(writes), err)
	}
	for i, w := range writes {
		w.err = answers[i].Err
	}
	return answers
}

var errAbandoned = errors.New("nobody waited for the write any more")

func (s *Store) transact(work func(context.Context, *sql.Tx) error) error {
	tx, err := s.writes.BeginTx(context.Background(), nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // does nothing after a commit
	ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
	defer cancel()
	if err := work(ctx, tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// one makes one change. broken says that the transaction as a whole is lost.
func (s *Store) one(ctx context.Context, tx *sql.Tx, w *writing) (err, broken error) {
	if !w.bare {
		return s.savepoint(ctx, tx, w.change)
	}
	if broken = ctx.Err(); broken == nil {
		broken = w.change(ctx, tx)
	}
	return nil, broken
}

// savepoint makes one change and undoes what it did if it failed. broken says that the transaction as a whole is lost, as
// SQLite gives it up when the disk is full.
func (s *Store) savepoint(ctx context.Context, tx *sql.Tx, change func(context.Context, *sql.Tx) error) (err, broken error) {
	if broken = ctx.Err(); broken != nil {
		return nil, broken
	}
	if _, broken = s.statement(tx, beginOne).Exec(); broken != nil {
		return nil, broken
	}
	if err = change(ctx, tx); err != nil {
		if _, broken = s.statement(tx, undoOne).Exec(); broken != nil {
			return nil, errors.Join(err, broken)
		}
	}
	if _, broken = s.statement(tx, endOne).Exec(); broken != nil {
		return nil, errors.Join(err, broken)
	}
	return err, nil
}
