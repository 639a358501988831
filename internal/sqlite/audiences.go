package sqlite

import (
	"context"
	"time"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
)

// CreateAudience inserts the audience. It returns oauth.AlreadyExists if the id
// is taken.
func (s *Store) CreateAudience(ctx context.Context, a client.Audience) error {
	err := s.changeDirectory(ctx, func(ctx context.Context, tx transaction) ([]grant.Revocation, error) {
		return nil, createRecord(ctx, tx, `INSERT INTO audiences (id, record) VALUES (?, ?) ON CONFLICT (id) DO NOTHING`, a.ID, &a)
	})
	return wrap("create audience", err)
}

// UpdateAudience lets edit change the audience. If edit fails, it writes
// nothing and returns the error of edit. If edit disables the audience,
// UpdateAudience writes an entry into the revocation log.
func (s *Store) UpdateAudience(ctx context.Context, id string, edit func(*client.Audience) error) error {
	err := s.changeDirectory(ctx, func(ctx context.Context, tx transaction) ([]grant.Revocation, error) {
		disabled, err := updateRecord(ctx, tx, id, edit, func(a client.Audience) time.Time { return a.DisabledAt },
			`SELECT record FROM audiences WHERE id = ?`, `UPDATE audiences SET record = ? WHERE id = ?`)
		if err != nil || !disabled {
			return nil, err
		}
		return []grant.Revocation{grant.RevokedAudience(id)}, nil
	})
	return wrap("update audience", err)
}

// DeleteAudience deletes the audience. Grants stay. It writes an entry into the
// revocation log.
func (s *Store) DeleteAudience(ctx context.Context, id string) error {
	err := s.changeDirectory(ctx, func(ctx context.Context, tx transaction) ([]grant.Revocation, error) {
		err := deleteRecord(ctx, tx, `DELETE FROM audiences WHERE id = ?`, id)
		return []grant.Revocation{grant.RevokedAudience(id)}, err
	})
	return wrap("delete audience", err)
}
