package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/signetd/signet/config"
	"github.com/signetd/signet/internal/admin"
	"github.com/signetd/signet/internal/app/components"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/postgres"
	"github.com/signetd/signet/internal/sqlite"
	"github.com/signetd/signet/internal/telemetry"
)

// Store is what both stores, SQLite and PostgreSQL, implement.
type Store interface {
	components.ServiceStore
	admin.Store
	// Migrate migrates the schema to the version of this program.
	Migrate(context.Context) error
	// MigrationStatus returns the version of the schema and that of this
	// program.
	MigrationStatus(context.Context) (current, target int64, err error)
	// CheckSchema returns an error unless both versions are the same.
	CheckSchema(context.Context) error
	// CheckWritable commits a small write, as a refresh does.
	CheckWritable(context.Context) error
	// Close waits for calls in progress and closes the store.
	Close() error
}

// connect opens the store that the configuration names.
func connect(ctx context.Context, cfg config.Config, m *telemetry.Metrics) (Store, error) {
	c := cfg.Store
	if path, ok := c.SQLite(); ok {
		s, err := openSQLite(ctx, path, cfg, m)
		if err != nil {
			return nil, err
		}
		return s, nil
	}

	s, err := postgres.Open(ctx, postgres.Options{
		URL: string(c.URL), MaxConns: int32(c.MaxConns),
		ConnectTimeout: c.ConnectTimeout, StatementTimeout: c.StatementTimeout,
		RevocationKeep: grant.RevocationKeep(cfg.Tokens.MaxLifetime),
		NoBatching:     !c.Coalesce, OnRefreshBatch: m.BatchObserver("refresh"), OnWriteBatch: m.BatchObserver("write"),
		OnReadBatch: m.BatchObserver("read"),
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// openSQLite opens the SQLite file at path.
func openSQLite(ctx context.Context, path string, cfg config.Config, m *telemetry.Metrics) (*sqlite.Store, error) {
	return sqlite.Open(ctx, path, sqlite.Options{
		RevocationKeep: grant.RevocationKeep(cfg.Tokens.MaxLifetime),
		NoBatching:     !cfg.Store.Coalesce, OnWriteBatch: m.BatchObserver("write"),
	})
}

// fileClock returns the method by which a store that is a file gets a clock. It
// returns nil for a database, which has its own.
func (a *App) fileClock() func(now func() time.Time) {
	if s, ok := a.Store.(*sqlite.Store); ok {
		return s.UseClock
	}
	return nil
}

// checkStoreExists returns an error if the store is an SQLite file that does
// not exist. Otherwise a command would create an empty store and report that it
// is empty.
func checkStoreExists(c config.Store) error {
	path, ok := c.SQLite()
	if !ok {
		return nil
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no store at %s yet: run `signet serve` or `signet migrate` to create it", path)
	}
	return nil
}
