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

// Migrate brings the schema to the version of this program. It never goes back.
// If several programs start at once, one migrates and the others wait. It
// rejects a schema that is newer than this program.
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
	p, err := s.migrationProvider()
	if err != nil {
		return err
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate schema: %w", err)
	}
	return nil
}

// MigrationStatus returns the version of the schema, 0 for an empty store, and
// the version of this program. It changes nothing.
func (s *Store) MigrationStatus(ctx context.Context) (current, target int64, err error) {
	p, err := s.migrationProvider()
	if err != nil {
		return 0, 0, err
	}
	sources := p.ListSources()
	target = sources[len(sources)-1].Version

	var tables int
	err = s.readDB.QueryRow(ctx, `SELECT count(*) FROM sqlite_schema WHERE name = ?`, goose.DefaultTablename).Scan(&tables)
	if err == nil && tables > 0 {
		err = s.readDB.QueryRow(ctx, `SELECT coalesce(max(version_id), 0) FROM `+goose.DefaultTablename).Scan(&current)
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
func (s *Store) migrationProvider() (*goose.Provider, error) {
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, s.writeDB.db, dir,
		goose.WithSlog(slog.New(slog.DiscardHandler)), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	return p, nil
}
