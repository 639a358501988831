package sqlite

import (
	"context"
	"database/sql"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
)

// DirectoryVersion reads the version of the clients and audiences, and the store's clock.
func (s *Store) DirectoryVersion(ctx context.Context) (version int64, now time.Time, err error) {
	err = s.reads.QueryRowContext(ctx, `SELECT version FROM versions WHERE name = 'directory'`).Scan(&version)
	return version, s.clock(), err
}

// Directory reads all clients and audiences as of one version, sorted by id.
func (s *Store) Directory(ctx context.Context) (client.Directory, error) {
	var d client.Directory
	err := s.read(ctx, func(ctx context.Context, tx *sql.Tx) error {
		err := tx.QueryRowContext(ctx, `SELECT version FROM versions WHERE name = 'directory'`).Scan(&d.Version)
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
	return s.create(ctx, `INSERT INTO clients (id, record) VALUES (?, ?) ON CONFLICT (id) DO NOTHING`, c.ID, &c)
}

// UpdateClient lets edit change the client.
func (s *Store) UpdateClient(ctx context.Context, id string, edit func(*client.Client) error) error {
	return update(ctx, s, id, edit, `SELECT record FROM clients WHERE id = ?`, `UPDATE clients SET record = ? WHERE id = ?`)
}

// DeleteClient deletes the client and revokes its grants.
func (s *Store) DeleteClient(ctx context.Context, id string, now time.Time) error {
	return s.changeDirectory(ctx, func(ctx context.Context, tx *sql.Tx) error {
		n, err := affected(tx.ExecContext(ctx, `DELETE FROM clients WHERE id = ?`, id))
		switch {
		case err != nil:
			return err
		case n == 0:
			return oauth.NotFound
		}
		_, err = tx.ExecContext(ctx, `UPDATE grants SET revoked_at = ?, revoke_reason = ?
			WHERE client_id = ? AND revoked_at IS NULL`, at{&now}, audit.RevokedByDeletion, id)
		return err
	})
}

// CreateAudience inserts the audience, or returns oauth.AlreadyExists if the id is taken.
func (s *Store) CreateAudience(ctx context.Context, a client.Audience) error {
	return s.create(ctx, `INSERT INTO audiences (id, record) VALUES (?, ?) ON CONFLICT (id) DO NOTHING`, a.ID, &a)
}

// UpdateAudience lets edit change the audience.
func (s *Store) UpdateAudience(ctx context.Context, id string, edit func(*client.Audience) error) error {
	return update(ctx, s, id, edit, `SELECT record FROM audiences WHERE id = ?`, `UPDATE audiences SET record = ? WHERE id = ?`)
}

// DeleteAudience deletes the audience.
func (s *Store) DeleteAudience(ctx context.Context, id string) error {
	return s.changeDirectory(ctx, func(ctx context.Context, tx *sql.Tx) error {
		n, err := affected(tx.ExecContext(ctx, `DELETE FROM audiences WHERE id = ?`, id))
		if err == nil && n == 0 {
			err = oauth.NotFound
		}
		return err
	})
}

func (s *Store) create(ctx context.Context, insert, id string, value any) error {
	return s.changeDirectory(ctx, func(ctx context.Context, tx *sql.Tx) error {
		n, err := affected(tx.ExecContext(ctx, insert, id, inJSON{value}))
		if err == nil && n == 0 {
			err = oauth.AlreadyExists
		}
		return err
	})
}

func update[T any](ctx context.Context, s *Store, id string, edit func(*T) error, query, update string) error {
	return s.changeDirectory(ctx, func(ctx context.Context, tx *sql.Tx) error {
		var value T
		if err := tx.QueryRowContext(ctx, query, id).Scan(record(&value)...); err != nil {
			return knowledge(err)
		}
		if err := edit(&value); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, update, inJSON{&value}, id)
		return err
	})
}

// changeDirectory runs change and raises the directory's version in one transaction.
func (s *Store) changeDirectory(ctx context.Context, change func(context.Context, *sql.Tx) error) error {
	return s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := change(ctx, tx); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE versions SET version = version + 1 WHERE name = 'directory'`)
		return err
	})
}

// record is the one column of a client or an audience.
func record[T any](value *T) []any { return []any{inJSON{value}} }

// clock returns the store's clock, in what columns can hold.
func (s *Store) clock() time.Time { return s.now().UTC().Truncate(time.Microsecond) }
