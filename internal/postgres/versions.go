package postgres

import (
	"context"
	"time"

	"github.com/signetd/signet/keys"
)

// The table versions has a row for the directory, which is all clients and
// audiences, a row for the key ring, and a row for CheckWritable.

// DirectoryVersion returns the version of the clients and audiences, and the
// database's time. It fails on a server that is read-only.
func (s *Store) DirectoryVersion(ctx context.Context) (version int64, now time.Time, err error) {
	err = s.poll(ctx, []any{&version, &now}, `SELECT `+readOnly+`, version, clock_timestamp() FROM versions WHERE name = 'directory'`)
	return version, now, wrap("read directory version", err)
}

// RingVersion returns the version of the key ring and the database's time. It
// fails on a server that is read-only.
func (s *Store) RingVersion(ctx context.Context) (keys.Version, error) {
	var v keys.Version
	err := s.poll(ctx, []any{&v.Version, &v.Restored, &v.Now},
		`SELECT `+readOnly+`, version, restored, clock_timestamp() FROM versions WHERE name = 'ring'`)
	return v, wrap("read ring version", err)
}

// poll reads one row, whose first column is readOnly, into fields. If the
// server is read-only, it closes all connections: an old primary that still
// answers would go on answering all reads.
func (s *Store) poll(ctx context.Context, fields []any, q query) error {
	var refusesWrites bool
	if err := s.readRow(ctx, s.conns.polls, append([]any{&refusesWrites}, fields...), q); err != nil {
		return err
	}
	if refusesWrites {
		s.pools.reset()
		return ErrReadOnly
	}
	return nil
}

// CheckWritable commits a small write, on a connection for refreshes.
func (s *Store) CheckWritable(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	q := &queries{}
	q.Queue(recordWrite)
	return wrap("write", s.conns.refreshes.send(ctx, q))
}

const (
	// readOnly is a column that is true on a server that accepts no writes.
	readOnly = `current_setting('transaction_read_only')::bool`

	recordWrite = `INSERT INTO versions AS v (name, version, restored) VALUES ('write', 1, 0)
		ON CONFLICT (name) DO UPDATE SET version = v.version + 1`

	selectDirectoryVersion = `SELECT version FROM versions WHERE name = 'directory'`
	raiseDirectoryVersion  = `UPDATE versions SET version = version + 1 WHERE name = 'directory'`
	lockDirectory          = `SELECT FROM versions WHERE name = 'directory' FOR SHARE`
	swapDirectoryVersion   = `UPDATE versions SET version = version + 1 WHERE name = 'directory' AND version = $1`

	selectRingVersion = `SELECT version, restored FROM versions WHERE name = 'ring'`
	swapRingVersion   = `UPDATE versions SET version = version + 1, restored = $1,
		restored_at = CASE WHEN $1 > restored THEN clock_timestamp() ELSE restored_at END
		WHERE name = 'ring' AND version = $2`
)
