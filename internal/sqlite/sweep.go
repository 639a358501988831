package sqlite

import (
	"context"
	"database/sql"
	"time"

	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
)

// lifeEnds is when a grant ends, by its idle or its absolute lifetime.
const lifeEnds = `min(expires_at, moved_at + idle_lifetime * 1000000)`

// SweepGrants looks at a slice of the grants and deletes what is over for long. It looks without a lock, and takes the turn
// of a writer only if there is something to delete.
func (s *Store) SweepGrants(ctx context.Context, after oauth.GrantID, limit int, now, over time.Time) (grant.SweepBatch, error) {
	var (
		slice grant.SweepBatch
		last  []byte
		ended int
	)
	err := s.reads.QueryRowContext(ctx, `SELECT max(id), count(*), coalesce(sum(live), 0), coalesce(sum(ended <= ?), 0) FROM (
			SELECT id, `+lifeEnds+` AS ended, revoked_at IS NULL AND suspended_at IS NULL AND `+lifeEnds+` > ? AS live
			FROM grants WHERE id > ? ORDER BY id LIMIT ?)`,
		at{&over}, at{&now}, inBytes{&after}, limit).Scan(&last, &slice.Examined, &slice.Live, &ended)
	if err != nil {
		return grant.SweepBatch{}, err
	}
	copy(slice.Last[:], last)
	if ended == 0 {
		return slice, nil
	}
	err = s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		n, err := affected(tx.ExecContext(ctx, `DELETE FROM grants WHERE id > ? AND id <= ? AND `+lifeEnds+` <= ?`,
			inBytes{&after}, inBytes{&slice.Last}, at{&over}))
		slice.Deleted = int(n)
		return err
	})
	return slice, err
}
