package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // the driver

	"github.com/signetd/signet/internal/oauth"
)

const (
	// readers is how many statements may read at once. Reading does not wait for the writer.
	readers = 4
	// busyTimeout is how many milliseconds a statement waits for another process's write.
	busyTimeout = "10000"
)

// Options are what Open may be told beside the path.
type Options struct {
	// Now is the store's clock; nil means time.Now.
	Now func() time.Time
	// Alone gives every write a transaction of its own. Otherwise those that wait at the same moment share one.
	Alone bool
	// Sent is told how many writes each transaction holds; nil means that nobody is told.
	Sent func(writes int)
}

// A Store is an open SQLite file. It keeps the promises of keys.Store, issuer.Store and admin.Store.
type Store struct {
	path   string
	now    func() time.Time
	reads  *sql.DB
	writes *sql.DB // one connection; every transaction on it is BEGIN IMMEDIATE

	commits *commits
	served  *os.File // the lock of LockServe, nil without it
}

// Open opens the file at path, and makes an empty one (mode 0600) if there is none; the directory must exist. It refuses a
// file that others may read, that is a symbolic link or belongs to another user, and a directory that everybody may write
// to. The schema is left as it is: see Migrate and CheckSchema.
func Open(ctx context.Context, path string, o Options) (*Store, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open the store: %w", err)
	}
	if err := makeFile(path); err != nil {
		return nil, err
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Store{path: path, now: o.Now}
	s.commits = s.newCommits(o)
	if err := s.connect(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open the store %s: %w", path, err), s.Close())
	}
	return s, nil
}

// connect opens both pools. To turn a new file into a WAL file takes it alone, and SQLite does not wait for that: hence the
// lock.
func (s *Store) connect(ctx context.Context) error {
	unlock, err := lockDirectory(ctx, s.path)
	if err != nil {
		return err
	}
	defer unlock()
	s.writes, err = sql.Open("sqlite", source(s.path, "immediate", "journal_mode(WAL)", "synchronous(FULL)", "secure_delete(1)"))
	if err != nil {
		return err
	}
	s.writes.SetMaxOpenConns(1)
	if err := s.writes.PingContext(ctx); err != nil {
		return err
	}
	if s.reads, err = sql.Open("sqlite", source(s.path, "deferred", "query_only(1)")); err != nil {
		return err
	}
	s.reads.SetMaxOpenConns(readers)
	s.reads.SetMaxIdleConns(readers)
	return s.reads.PingContext(ctx)
}

// source returns the driver's name for the file. mode=rw never makes a file: that is makeFile's work, for its mode.
func source(path, lock string, pragmas ...string) string {
	query := url.Values{
		"mode": {"rw"}, "_txlock": {lock}, "_dqs": {"0"}, "_defensive": {"1"},
		"_busy_timeout": {busyTimeout},
		"_pragma":       append(pragmas, "trusted_schema(0)"),
	}
	file := url.URL{Scheme: "file", Path: path, RawQuery: query.Encode()}
	return file.String()
}

// Close ends the store and gives up LockServe's lock.
func (s *Store) Close() error {
	var errs []error
	for _, db := range []*sql.DB{s.reads, s.writes} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	if s.served != nil {
		errs = append(errs, s.served.Close())
	}
	return errors.Join(errs...)
}

// read runs look inside a transaction that sees the file as of one moment.
func (s *Store) read(ctx context.Context, look func(context.Context, *sql.Tx) error) error {
	tx, err := s.reads.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	return look(ctx, tx)
}

// knowledge turns the absence of a row into oauth.NotFound and leaves every other error as it is.
func knowledge(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return oauth.NotFound
	}
	return err
}

// affected returns how many rows a statement changed.
func affected(r sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}
