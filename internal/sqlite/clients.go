package sqlite

import (
	"context"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
)

// CreateClient inserts the client. It returns oauth.AlreadyExists if the id is
// taken.
func (s *Store) CreateClient(ctx context.Context, c client.Client) error {
	err := s.changeDirectory(ctx, func(ctx context.Context, tx transaction) error {
		err := createRecord(ctx, tx, `INSERT INTO clients (id, record) VALUES (?, ?) ON CONFLICT (id) DO NOTHING`, c.ID, &c)
		if err == nil {
			err = s.restrictClientEnding(ctx, tx, c.ID)
		}
		return err
	})
	return wrap("create client", err)
}

// UpdateClient lets edit change the client. If edit fails, it writes nothing
// and returns the error of edit.
func (s *Store) UpdateClient(ctx context.Context, id string, edit func(*client.Client) error) error {
	return wrap("update client", updateRecord(ctx, s, id, edit,
		`SELECT record FROM clients WHERE id = ?`, `UPDATE clients SET record = ? WHERE id = ?`))
}

// DeleteClient deletes the client and revokes its grants.
func (s *Store) DeleteClient(ctx context.Context, id, actor string) error {
	err := s.changeDirectory(ctx, func(ctx context.Context, tx transaction) error {
		err := deleteRecord(ctx, tx, `DELETE FROM clients WHERE id = ?`, id)
		if err == nil {
			err = s.addClientEnding(ctx, tx, id, audit.RevokedByDeletion, actor)
		}
		return err
	})
	return wrap("delete client", err)
}
