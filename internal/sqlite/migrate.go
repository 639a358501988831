package sqlite

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrate brings the schema to this program's version, forward only. Of many that start at once one does the work and the
// others wait. A newer schema than the program's is refused.
func (s *Store) Migrate(ctx context.Context) error {
	current, target, err := s.MigrationStatus(ctx)
	if err != nil || current == target {
		return err
	}
	if current > target {
		return s.CheckSchema(ctx)
	}
	unlock, err := lockDirectory(ctx, s.path)
	if err != nil {
		return err
	}
	defer unlock()
	p, err := s.provider()
	if err != nil {
		return err
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate the schema: %w", err)
	}
	return nil
}

// MigrationStatus returns the schema's version, 0 for an empty store, and the version that this program has. It changes
// nothing.
func (s *Store) MigrationStatus(ctx context.Context) (current, target int64, err error) {
	p, err := s.provider()
	if err != nil {
		return 0, 0, err
	}
	sources := p.ListSources()
	target = sources[len(sources)-1].Version

	var tables int
	err = s.reads.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_schema WHERE name = ?`, goose.DefaultTablename).Scan(&tables)
	if err == nil && tables > 0 {
		err = s.reads.QueryRowContext(ctx, `SELECT coalesce(max(version_id), 0) FROM `+goose.DefaultTablename).Scan(&current)
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

func (s *Store) provider() (*goose.Provider, error) {
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, s.writes, dir,
		goose.WithSlog(slog.New(slog.DiscardHandler)), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return nil, fmt.Errorf("read the migrations: %w", err)
	}
	return p, nil
}
