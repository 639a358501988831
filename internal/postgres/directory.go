package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
)

// DirectoryVersion reads the version of the clients and audiences, and the database's clock.
func (s *Store) DirectoryVersion(ctx context.Context) (version int64, now time.Time, err error) {
	err = s.row(ctx, []any{&version, &now}, `SELECT version, clock_timestamp() FROM versions WHERE name = 'directory'`)
	return version, now, err
}

// Directory reads all clients and audiences as of one version, sorted by id.
func (s *Store) Directory(ctx context.Context) (client.Directory, error) {
	var d client.Directory
	err := s.read(ctx, func(ctx context.Context, tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `SELECT version FROM versions WHERE name = 'directory'`).Scan(&d.Version)
		if err != nil {
			return err
		}
		d.Clients, err = collect(ctx, tx, record[client.Client], `SELECT record FROM clients ORDER BY id`)
		if err != nil {
			return err
		}
		d.Audiences, err = collect(ctx, tx, record[client.Audience], `SELECT record FROM audiences ORDER BY id`)
		return err
	})
	return d, err
}

// CreateClient inserts the client, or returns oauth.AlreadyExists if the id is taken.
func (s *Store) CreateClient(ctx context.Context, c client.Client) error {
	return s.create(ctx, `INSERT INTO clients (id, record) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING`, c.ID, &c)
}

// UpdateClient lets edit change the client.
func (s *Store) UpdateClient(ctx context.Context, id string, edit func(*client.Client) error) error {
	return update(ctx, s, id, edit, `SELECT record FROM clients WHERE id = $1 FOR UPDATE`,
		`UPDATE clients SET record = $1 WHERE id = $2`)
}

// DeleteClient deletes the client and revokes its grants.
func (s *Store) DeleteClient(ctx context.Context, id string, now time.Time) error {
	return s.changeDirectory(ctx, func(ctx context.Context, tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `DELETE FROM clients WHERE id = $1`, id)
		switch {
		case err != nil:
			return err
		case tag.RowsAffected() == 0:
			return oauth.NotFound
		}
		_, err = tx.Exec(ctx, `WITH locked AS MATERIALIZED (
				SELECT id FROM grants WHERE client_id = $3 AND revoked_at IS NULL ORDER BY id FOR NO KEY UPDATE
			) UPDATE grants g SET revoked_at = $1, revoke_reason = $2 FROM locked WHERE g.id = locked.id`,
			at(&now), audit.RevokedByDeletion, id)
		return err
	})
}

// CreateAudience inserts the audience, or returns oauth.AlreadyExists if the id is taken.
func (s *Store) CreateAudience(ctx context.Context, a client.Audience) error {
	return s.create(ctx, `INSERT INTO audiences (id, record) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING`, a.ID, &a)
}

// UpdateAudience lets edit change the audience.
func (s *Store) UpdateAudience(ctx context.Context, id string, edit func(*client.Audience) error) error {
	return update(ctx, s, id, edit, `SELECT record FROM audiences WHERE id = $1 FOR UPDATE`,
		`UPDATE audiences SET record = $1 WHERE id = $2`)
}

// DeleteAudience deletes the audience.
func (s *Store) DeleteAudience(ctx context.Context, id string) error {
	return s.changeDirectory(ctx, func(ctx context.Context, tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `DELETE FROM audiences WHERE id = $1`, id)
		if err == nil && tag.RowsAffected() == 0 {
			err = oauth.NotFound
		}
		return err
	})
}

func (s *Store) create(ctx context.Context, insert, id string, value any) error {
	return s.changeDirectory(ctx, func(ctx context.Context, tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, insert, id, inJSON{value})
		if err == nil && tag.RowsAffected() == 0 {
			err = oauth.AlreadyExists
		}
		return err
	})
}

func update[T any](ctx context.Context, s *Store, id string, edit func(*T) error, query, update string) error {
	return s.changeDirectory(ctx, func(ctx context.Context, tx pgx.Tx) error {
		var value T
		if err := tx.QueryRow(ctx, query, id).Scan(record(&value)...); err != nil {
			return knowledge(err)
		}
		if err := edit(&value); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, update, inJSON{&value}, id)
		return err
	})
}

// changeDirectory runs change and raises the directory's version in one transaction.
func (s *Store) changeDirectory(ctx context.Context, change func(context.Context, pgx.Tx) error) error {
	return s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if err := change(ctx, tx); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `UPDATE versions SET version = version + 1 WHERE name = 'directory'`)
		return err
	})
}

// record is the one column of a client or an audience.
func record[T any](value *T) []any { return []any{inJSON{value}} }
