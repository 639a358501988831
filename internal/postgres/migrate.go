package postgres

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var migrations embed.FS

const (
	// lease is how long the lock of a migration that crashed stays valid.
	lease = 15 * time.Second
	// heartbeat is how often a migration renews its lock.
	heartbeat = 3 * time.Second
	// lockRetry is the pause between two tries to get the lock.
	lockRetry = 250 * time.Millisecond
	// lockRetries is how many times the lock is tried.
	lockRetries = 1200
)

// Migrate brings the schema to the version of this program. It never goes back.
// If several programs start at once, one migrates and the others wait. It
// rejects a schema that is newer than this program.
func (s *Store) Migrate(ctx context.Context) (err error) {
	current, target, err := s.MigrationStatus(ctx)
	if err != nil || current == target {
		return err
	}
	if current > target {
		return s.CheckSchema(ctx)
	}

	db := stdlib.OpenDBFromPool(s.db.pool)
	defer func() { err = errors.Join(err, db.Close()) }()
	unlock, err := lockSchema(ctx, db)
	if err != nil {
		return fmt.Errorf("lock schema: %w", err)
	}
	defer func() { err = errors.Join(err, unlock()) }()
	p, err := migrationProvider(db)
	if err != nil {
		return err
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate schema: %w", err)
	}
	return nil
}

// lockSchema waits for the lock on the schema. The lock is a row of a table,
// since a lock of a session does not work through PgBouncer. Goose does
// everything under the lock, even the creation of its own table.
func lockSchema(ctx context.Context, db *sql.DB) (unlock func() error, err error) {
	l, err := lock.NewPostgresTableLocker(
		lock.WithTableLeaseDuration(lease), lock.WithTableHeartbeatInterval(heartbeat),
		lock.WithTableLockTimeout(lockRetry, lockRetries), lock.WithTableLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		return nil, err
	}
	return func() error { return l.Unlock(ctx, db) }, l.Lock(ctx, db)
}

// MigrationStatus returns the version of the schema, 0 for an empty database,
// and the version of this program. It changes nothing.
func (s *Store) MigrationStatus(ctx context.Context) (current, target int64, err error) {
	db := stdlib.OpenDBFromPool(s.db.pool)
	defer func() { err = errors.Join(err, db.Close()) }()
	p, err := migrationProvider(db)
	if err != nil {
		return 0, 0, err
	}
	sources := p.ListSources()
	target = sources[len(sources)-1].Version

	var exists bool
	err = s.readRow(ctx, s.conns.reads, []any{&exists}, `SELECT to_regclass($1) IS NOT NULL`, goose.DefaultTablename)
	if err == nil && exists {
		err = s.readRow(ctx, s.conns.reads, []any{&current}, `SELECT coalesce(max(version_id), 0) FROM `+goose.DefaultTablename)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("read schema version: %w", err)
	}
	return current, target, nil
}

// CheckSchema returns nil if the schema has the version of this program.
// Otherwise the error says what to do.
func (s *Store) CheckSchema(ctx context.Context) error {
	current, target, err := s.MigrationStatus(ctx)
	switch {
	case err != nil:
		return err
	case current > target:
		return fmt.Errorf("the store has schema version %d, this program has %d: use a newer program", current, target)
	case current < target:
		return fmt.Errorf("the store has schema version %d, this program needs %d: run signet migrate", current, target)
	}
	return nil
}

// migrationProvider returns what runs the embedded migrations.
func migrationProvider(db *sql.DB) (*goose.Provider, error) {
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	p, err := goose.NewProvider(goose.DialectPostgres, db, dir,
		goose.WithSlog(slog.New(slog.DiscardHandler)), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	return p, nil
}
