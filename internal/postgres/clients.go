package postgres

import (
	"context"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/login"
)

// CreateClient inserts the client. It returns oauth.AlreadyExists if the id is
// taken, and login.ErrIDTaken if a user has it.
func (s *Store) CreateClient(ctx context.Context, c client.Client) error {
	err := s.changeDirectory(ctx, func(ctx context.Context, tx transaction) ([]grant.Revocation, error) {
		err := createRecord(ctx, tx, `INSERT INTO clients (id, record) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING`, c.ID, &c)
		if err == nil {
			err = rejectUserIDs(ctx, tx, []string{c.ID})
		}
		if err == nil {
			err = restrictClientEndings(ctx, tx, []string{c.ID})
		}
		return nil, err
	})
	return wrap("create client", err)
}

// rejectUserIDs returns login.ErrIDTaken if a user has the id of a new client.
// It runs after the version of the directory was raised: CreateUser locks that
// row, so no transaction creates such a user meanwhile.
func rejectUserIDs(ctx context.Context, tx transaction, clientIDs []string) error {
	if len(clientIDs) == 0 {
		return nil
	}
	var taken bool
	err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM users WHERE id = ANY ($1))`, clientIDs).Scan(&taken)
	if err == nil && taken {
		err = login.ErrIDTaken
	}
	return err
}

// UpdateClient lets edit change the client. If edit fails, it writes nothing
// and returns the error of edit. If edit disables the client, UpdateClient
// writes an entry into the revocation log.
func (s *Store) UpdateClient(ctx context.Context, id string, edit func(*client.Client) error) error {
	err := s.changeDirectory(ctx, func(ctx context.Context, tx transaction) ([]grant.Revocation, error) {
		disabled, err := updateRecord(ctx, tx, id, edit, func(c client.Client) time.Time { return c.DisabledAt },
			`SELECT record FROM clients WHERE id = $1 FOR UPDATE`, `UPDATE clients SET record = $1 WHERE id = $2`)
		if err != nil || !disabled {
			return nil, err
		}
		return []grant.Revocation{grant.RevokedClient(id)}, nil
	})
	return wrap("update client", err)
}

// DeleteClient deletes the client and revokes its grants. It writes one entry
// into the revocation log, about all its tokens.
func (s *Store) DeleteClient(ctx context.Context, id, actor string) error {
	err := s.write(ctx, func(ctx context.Context, tx transaction) error {
		if _, err := tx.Exec(ctx, raiseDirectoryVersion); err != nil {
			return err
		}
		if err := deleteRecord(ctx, tx, `DELETE FROM clients WHERE id = $1`, id); err != nil {
			return err
		}
		moment, err := s.appendRevocations(ctx, tx, grant.RevokedClient(id))
		if err != nil {
			return err
		}
		return addClientEndings(ctx, tx, []string{id}, audit.RevokedByDeletion, actor, moment)
	})
	return wrap("delete client", err)
}
