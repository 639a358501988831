package sqlite

import (
	"context"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
)

// ChangeDirectory makes all changes if the version of the directory is still
// that of the changes. Otherwise it returns client.ErrRaced. It writes an entry
// into the revocation log for each record that it disables or deletes, and
// revokes the grants of deleted clients.
func (s *Store) ChangeDirectory(ctx context.Context, c client.Changes, actor string) error {
	err := s.write(ctx, func(ctx context.Context, tx transaction) error {
		raised, err := tx.Exec(ctx, swapDirectoryVersion, c.Version)
		switch {
		case err != nil:
			return err
		case raised == 0:
			return client.ErrRaced
		}

		for _, a := range c.Audiences {
			if err := changeAudience(ctx, tx, a); err != nil {
				return err
			}
		}
		for _, x := range c.Clients {
			if err := s.changeClient(ctx, tx, x); err != nil {
				return err
			}
		}
		moment, err := s.appendRevocations(ctx, tx, grant.RevokedByChanges(c)...)
		if err != nil {
			return err
		}
		for _, id := range c.DeletedClients() {
			if err := addClientEnding(ctx, tx, id, audit.RevokedByDeletion, actor, moment); err != nil {
				return err
			}
		}
		return nil
	})
	return wrap("change directory", err)
}

func changeAudience(ctx context.Context, tx transaction, a client.Change[client.Audience]) error {
	switch {
	case a.New == nil:
		return deleteRecord(ctx, tx, `DELETE FROM audiences WHERE id = ?`, a.Old.ID)
	case a.Old == nil:
		return createRecord(ctx, tx, `INSERT INTO audiences (id, record) VALUES (?, ?)`, a.New.ID, a.New)
	}
	_, err := tx.Exec(ctx, `UPDATE audiences SET record = ? WHERE id = ?`, inJSON{a.New}, a.New.ID)
	return err
}

func (s *Store) changeClient(ctx context.Context, tx transaction, c client.Change[client.Client]) error {
	switch {
	case c.New == nil:
		return deleteRecord(ctx, tx, `DELETE FROM clients WHERE id = ?`, c.Old.ID)
	case c.Old == nil:
		return s.createClient(ctx, tx, *c.New)
	}
	_, err := tx.Exec(ctx, `UPDATE clients SET record = ? WHERE id = ?`, inJSON{c.New}, c.New.ID)
	return err
}
