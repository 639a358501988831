package postgres

import (
	"context"
	"time"

	"github.com/signetd/signet/keys"
)

// The table versions has a row for the directory, which is all clients and
// audiences, and a row for the key ring.

// DirectoryVersion returns the version of the clients and audiences, and the
// database's time.
func (s *Store) DirectoryVersion(ctx context.Context) (version int64, now time.Time, err error) {
	err = s.readRow(ctx, s.conns.polls, []any{&version, &now}, `SELECT version, clock_timestamp() FROM versions WHERE name = 'directory'`)
	return version, now, wrap("read directory version", err)
}

// RingVersion returns the version of the key ring and the database's time.
func (s *Store) RingVersion(ctx context.Context) (keys.Version, error) {
	var v keys.Version
	err := s.readRow(ctx, s.conns.polls, []any{&v.Version, &v.Restored, &v.Now},
		`SELECT version, restored, clock_timestamp() FROM versions WHERE name = 'ring'`)
	return v, wrap("read ring version", err)
}

const (
	selectDirectoryVersion = `SELECT version FROM versions WHERE name = 'directory'`
	raiseDirectoryVersion  = `UPDATE versions SET version = version + 1 WHERE name = 'directory'`

	selectRingVersion = `SELECT version, restored FROM versions WHERE name = 'ring'`
	swapRingVersion   = `UPDATE versions SET version = version + 1, restored = $1,
		restored_at = CASE WHEN $1 > restored THEN clock_timestamp() ELSE restored_at END
		WHERE name = 'ring' AND version = $2`
)
