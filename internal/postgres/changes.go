package postgres

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

		if err := tx.Send(ctx, changeRecords(c)); err != nil {
			return err
		}
		if err := rejectUserIDs(ctx, tx, c.CreatedClients()); err != nil {
			return err
		}
		if err := restrictClientEndings(ctx, tx, c.CreatedClients()); err != nil {
			return err
		}
		moment, err := s.appendRevocations(ctx, tx, grant.RevokedByChanges(c)...)
		if err != nil {
			return err
		}
		return addClientEndings(ctx, tx, c.DeletedClients(), audit.RevokedByDeletion, actor, moment)
	})
	return wrap("change directory", err)
}

// changeRecords returns the statements that change the records.
func changeRecords(c client.Changes) *queries {
	q := &queries{}
	for _, a := range c.Audiences {
		switch {
		case a.New == nil:
			q.Queue(`DELETE FROM audiences WHERE id = $1`, a.Old.ID)
		case a.Old == nil:
			q.Queue(`INSERT INTO audiences (id, record) VALUES ($1, $2)`, a.New.ID, inJSON{a.New})
		default:
			q.Queue(`UPDATE audiences SET record = $1 WHERE id = $2`, inJSON{a.New}, a.New.ID)
		}
	}
	for _, x := range c.Clients {
		switch {
		case x.New == nil:
			q.Queue(`DELETE FROM clients WHERE id = $1`, x.Old.ID)
		case x.Old == nil:
			q.Queue(`INSERT INTO clients (id, record) VALUES ($1, $2)`, x.New.ID, inJSON{x.New})
		default:
			q.Queue(`UPDATE clients SET record = $1 WHERE id = $2`, inJSON{x.New}, x.New.ID)
		}
	}
	return q
}
