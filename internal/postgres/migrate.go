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
	// lease is how long a migration that died keeps others waiting, heartbeat how often a live one says that it is.
	lease     = 15 * time.Second
	heartbeat = 3 * time.Second
	// lockRetry is how often those who wait ask again, and lockRetries how many times.
	lockRetry   = 250 * time.Millisecond
	lockRetries = 1200
)

// Migrate brings the schema to this program's version, forward only. Of many that start at once one does the work and the
// others wait. A newer schema than the program's is refused.
func (s *Store) Migrate(ctx context.Context) (err error) {
	current, target, err := s.MigrationStatus(ctx)
	if err != nil || current == target {
		return err
	}
	if current > target {
		return s.CheckSchema(ctx)
	}
	db := stdlib.OpenDBFromPool(s.pool)
	defer func() { err = errors.Join(err, db.Close()) }()
	unlock, err := lockSchema(ctx, db)
	if err != nil {
		return fmt.Errorf("lock the schema: %w", err)
	}
	defer func() { err = errors.Join(err, unlock()) }()
	p, err := provider(db)
	if err != nil {
		return err
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate the schema: %w", err)
	}
	return nil
}

// lockSchema waits for the lock on the schema. A row of a table is the lock, since a session's lock does not survive
// PgBouncer. Everything that goose does happens under it, the making of its own table too.
func lockSchema(ctx context.Context, db *sql.DB) (unlock func() error, err error) {
	l, err := lock.NewPostgresTableLocker(
		lock.WithTableLeaseDuration(lease), lock.WithTableHeartbeatInterval(heartbeat),
		lock.WithTableLockTimeout(lockRetry, lockRetries), lock.WithTableLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		return nil, err
	}
	return func() error { return l.Unlock(ctx, db) }, l.Lock(ctx, db)
}

// MigrationStatus returns the schema's version, 0 for an empty database, and the version that this program has. It changes
// nothing.
func (s *Store) MigrationStatus(ctx context.Context) (current, target int64, err error) {
	db := stdlib.OpenDBFromPool(s.pool)
	defer func() { err = errors.Join(err, db.Close()) }()
	p, err := provider(db)
	if err != nil {
		return 0, 0, err
	}
	sources := p.ListSources()
	target = sources[len(sources)-1].Version

	var exists bool
	err = s.row(ctx, []any{&exists}, `SELECT to_regclass($1) IS NOT NULL`, goose.DefaultTablename)
	if err == nil && exists {
		err = s.row(ctx, []any{&current}, `SELECT coalesce(max(version_id), 0) FROM `+goose.DefaultTablename)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("read the schema's version: %w", err)
	}
	return current, target, nil
}

// CheckSchema returns nil if the schema has this program's version, and else a sentence that says what to do.
func (s *Store) CheckSchema(ctx context.Context) error {
	current, target, err := s.MigrationStatus(ctx)
	switch {
	case err != nil:
		return err
	case current > target:
		return fmt.Errorf("the store's schema has version %d and this program knows %d: use a newer program", current, target)
	case current < target:
		return fmt.Errorf("the store's schema has version %d and this program needs %d: run signet migrate", current, target)
	}
	return nil
}

func provider(db *sql.DB) (*goose.Provider, error) {
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	p, err := goose.NewProvider(goose.DialectPostgres, db, dir,
		goose.WithSlog(slog.New(slog.DiscardHandler)), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return nil, fmt.Errorf("read the migrations: %w", err)
	}
	return p, nil
}
