package postgres

import (
	"context"

	"github.com/signetd/signet/internal/client"
)

// CreateAudience inserts the audience. It returns oauth.AlreadyExists if the id
// is taken.
func (s *Store) CreateAudience(ctx context.Context, a client.Audience) error {
	return wrap("create audience", s.changeDirectory(ctx, func(ctx context.Context, tx transaction) error {
		return createRecord(ctx, tx, `INSERT INTO audiences (id, record) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING`, a.ID, &a)
	}))
}

// UpdateAudience lets edit change the audience. If edit fails, it writes
// nothing and returns the error of edit.
func (s *Store) UpdateAudience(ctx context.Context, id string, edit func(*client.Audience) error) error {
	return wrap("update audience", updateRecord(ctx, s, id, edit,
		`SELECT record FROM audiences WHERE id = $1 FOR UPDATE`, `UPDATE audiences SET record = $1 WHERE id = $2`))
}

// DeleteAudience deletes the audience. Grants stay.
func (s *Store) DeleteAudience(ctx context.Context, id string) error {
	return wrap("delete audience", s.changeDirectory(ctx, func(ctx context.Context, tx transaction) error {
		return deleteRecord(ctx, tx, `DELETE FROM audiences WHERE id = $1`, id)
	}))
}
