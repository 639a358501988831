package sqlite

import (
	"context"
	"time"

	"github.com/signetd/signet/keys"
)

// The table versions has a row for the directory, which is all clients and
// audiences, a row for the key ring, and a row for CheckWritable.

// DirectoryVersion returns the version of the clients and audiences, and the
// store's time.
func (s *Store) DirectoryVersion(ctx context.Context) (version int64, now time.Time, err error) {
	err = s.pollDB.QueryRow(ctx, selectDirectoryVersion).Scan(&version)
	return version, s.clock(), wrap("read directory version", err)
}

// RingVersion returns the version of the key ring and the store's time.
func (s *Store) RingVersion(ctx context.Context) (keys.Version, error) {
	var v keys.Version
	err := s.pollDB.QueryRow(ctx, selectRingVersion).Scan(&v.Version, &v.Restored)
	v.Now = s.clock()
	return v, wrap("read ring version", err)
}

// CheckWritable commits a small write, as a refresh does.
func (s *Store) CheckWritable(ctx context.Context) error {
	return wrap("write", s.write(ctx, func(ctx context.Context, tx transaction) error {
		_, err := tx.Exec(ctx, recordWrite)
		return err
	}))
}

const (
	recordWrite = `INSERT INTO versions AS v (name, version, restored) VALUES ('write', 1, 0)
		ON CONFLICT (name) DO UPDATE SET version = v.version + 1`

	selectDirectoryVersion = `SELECT version FROM versions WHERE name = 'directory'`
	raiseDirectoryVersion  = `UPDATE versions SET version = version + 1 WHERE name = 'directory'`
	swapDirectoryVersion   = `UPDATE versions SET version = version + 1 WHERE name = 'directory' AND version = ?`

	selectRingVersion = `SELECT version, restored FROM versions WHERE name = 'ring'`
	swapRingVersion   = `UPDATE versions SET version = version + 1, restored = ?1,
		restored_at = iif(?1 > restored, ?3, restored_at) WHERE name = 'ring' AND version = ?2`
)
