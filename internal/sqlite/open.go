package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	_ "modernc.org/sqlite" // the driver
)

const (
	// readers is how many statements read at the same time at most, except
	// polls. They do not wait for the writer.
	readers = 3
	// maxLists is how many of the readers read lists at the same time at most.
	maxLists = readers - 1
	// busyTimeout is how many milliseconds a statement waits for the lock that
	// another process holds.
	busyTimeout = "10000"

	defaultRevocationKeep = 24 * time.Hour
)

// Options configures a Store.
type Options struct {
	// Now is the store's clock. nil means time.Now.
	Now func() time.Time
	// RevocationKeep is how long the entries of the revocation log are kept
	// after their moment, see grant.RevocationKeep. Zero means 24 hours.
	RevocationKeep time.Duration
	// NoBatching gives every write a transaction of its own. Otherwise
	// concurrent writes share a transaction.
	NoBatching bool
	// OnWriteBatch is called with the number of writes of each transaction. nil
	// means no call.
	OnWriteBatch func(writes int)
}

// A Store is an open SQLite file. It implements client.Store, login.Store,
// grant.Store, grant.SweepStore, grant.EndingStore, grant.LogStore,
// grant.VerifierStore, admin.Store and keys.Store.
type Store struct {
	path string
	now  func() time.Time
	keep time.Duration // Options.RevocationKeep
	// pollDB has one connection. It is for reads of the directory, of the key
	// ring and of their versions, so that no other read delays them.
	pollDB database
	readDB database
	// prepared has a *sql.Stmt on readDB for each query of readRow.
	prepared sync.Map
	// lists has an element for each list that is being read.
	lists chan struct{}
	// writeDB has one connection. Every transaction on it is BEGIN IMMEDIATE.
	writeDB database
	writer  *writer
	// serveLock is the file that LockServe locked, nil without a lock.
	serveLock *os.File
}

// Open opens the file at path. It creates an empty file with the mode 0600 if
// there is none; the directory must exist. It rejects a file that other users
// can read, that is a symbolic link or that belongs to another user, and a
// world-writable directory. It does not change the schema, see Migrate and
// CheckSchema.
func Open(ctx context.Context, path string, o Options) (*Store, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	if err := createFile(path); err != nil {
		return nil, err
	}

	s := &Store{path: path, now: o.Now, keep: o.RevocationKeep, lists: make(chan struct{}, maxLists)}
	if s.now == nil {
		s.now = time.Now
	}
	if s.keep <= 0 {
		s.keep = defaultRevocationKeep
	}
	size := maxWrites
	if o.NoBatching {
		size = 1
	}
	s.writer = s.newWriter(size, o.OnWriteBatch)
	if err := s.connect(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open store %s: %w", path, err), s.Close())
	}
	return s, nil
}

// UseClock replaces the store's clock. Call it before concurrent use of the
// store.
func (s *Store) UseClock(now func() time.Time) { s.now = now }

// connect opens the pools of connections. It holds the lock of the directory:
// switching a new file to WAL mode needs an exclusive lock, for which SQLite
// does not wait.
func (s *Store) connect(ctx context.Context) error {
	unlock, err := lockDirectory(ctx, s.path)
	if err != nil {
		return err
	}
	defer unlock()

	s.writeDB.db, err = sql.Open("sqlite",
		dataSource(s.path, "immediate", "journal_mode(WAL)", "synchronous(FULL)", "secure_delete(1)"))
	if err != nil {
		return err
	}
	s.writeDB.db.SetMaxOpenConns(1)
	if err := s.writeDB.db.PingContext(ctx); err != nil {
		return err
	}

	s.pollDB, err = openReaders(ctx, s.path, 1)
	if err != nil {
		return err
	}
	s.readDB, err = openReaders(ctx, s.path, readers)
	return err
}

// openReaders opens a pool of at most n connections that cannot write.
func openReaders(ctx context.Context, path string, n int) (database, error) {
	db, err := sql.Open("sqlite", dataSource(path, "deferred", "query_only(1)"))
	if err != nil {
		return database{}, err
	}
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
	return database{db}, db.PingContext(ctx)
}

// dataSource returns the data source name of the file. mode=rw never creates
// the file, since only createFile gives it the right mode.
func dataSource(path, lock string, pragmas ...string) string {
	parameters := url.Values{
		"mode": {"rw"}, "_txlock": {lock}, "_dqs": {"0"}, "_defensive": {"1"},
		"_busy_timeout": {busyTimeout},
		"_pragma":       append(pragmas, "trusted_schema(0)"),
	}
	file := url.URL{Scheme: "file", Path: path, RawQuery: parameters.Encode()}
	return file.String()
}

// Close closes the file and releases the lock of LockServe.
func (s *Store) Close() error {
	var errs []error
	for _, d := range []database{s.pollDB, s.readDB, s.writeDB} {
		if d.db != nil {
			errs = append(errs, d.db.Close())
		}
	}
	if s.serveLock != nil {
		errs = append(errs, s.serveLock.Close())
	}
	return errors.Join(errs...)
}
