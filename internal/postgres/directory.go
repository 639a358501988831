package postgres

import (
	"context"
	"time"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
)

// The directory is all clients and audiences. Their tables have the same
// columns: an id, and the whole record as JSON.

// Directory returns all clients and audiences as of one version, sorted by id.
func (s *Store) Directory(ctx context.Context) (client.Directory, error) {
	var d client.Directory
	err := s.read(ctx, func(ctx context.Context, tx transaction) error {
		err := tx.QueryRow(ctx, selectDirectoryVersion).Scan(&d.Version)
		if err != nil {
			return err
		}
		d.Clients, err = collect(ctx, tx, recordFields[client.Client], `SELECT record FROM clients ORDER BY id`)
		if err != nil {
			return err
		}
		d.Audiences, err = collect(ctx, tx, recordFields[client.Audience], `SELECT record FROM audiences ORDER BY id`)
		return err
	})
	return d, wrap("read directory", err)
}

// recordFields returns the fields of the column record.
func recordFields[T any](record *T) []any { return []any{inJSON{record}} }

// createRecord inserts a record. It returns oauth.AlreadyExists if the id is
// taken.
func createRecord(ctx context.Context, tx transaction, insert query, id string, record any) error {
	inserted, err := tx.Exec(ctx, insert, id, inJSON{record})
	if err == nil && inserted == 0 {
		err = oauth.AlreadyExists
	}
	return err
}

// updateRecord reads a record, lets edit change it, and writes it back. If edit
// fails, it writes nothing. It reports whether the record is disabled now and
// was not before.
func updateRecord[T any](
	ctx context.Context, tx transaction, id string,
	edit func(*T) error, disabledAt func(T) time.Time, find, update query,
) (disabled bool, err error) {
	var record T
	if err := tx.QueryRow(ctx, find, id).Scan(recordFields(&record)...); err != nil {
		return false, noRows(err)
	}
	wasEnabled := disabledAt(record).IsZero()
	if err := edit(&record); err != nil {
		return false, err
	}
	_, err = tx.Exec(ctx, update, inJSON{&record}, id)
	return wasEnabled && !disabledAt(record).IsZero(), err
}

// deleteRecord deletes a record. It returns oauth.NotFound if there is none of
// that id.
func deleteRecord(ctx context.Context, tx transaction, remove query, id string) error {
	deleted, err := tx.Exec(ctx, remove, id)
	if err == nil && deleted == 0 {
		err = oauth.NotFound
	}
	return err
}

// changeDirectory raises the version of the directory, runs change, and writes
// the entries that change returns into the revocation log, in one transaction.
// The version comes first, because its row is the lock of all transactions that
// change the directory: none waits for a record that another one has locked.
func (s *Store) changeDirectory(
	ctx context.Context, change func(context.Context, transaction) ([]grant.Revocation, error),
) error {
	return s.write(ctx, func(ctx context.Context, tx transaction) error {
		if _, err := tx.Exec(ctx, raiseDirectoryVersion); err != nil {
			return err
		}
		entries, err := change(ctx, tx)
		if err != nil {
			return err
		}
		_, err = s.appendRevocations(ctx, tx, entries...)
		return err
	})
}
