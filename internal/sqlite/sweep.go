package sqlite

import (
	"context"
	"time"

	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
)

// endsAt is when a grant expires, by its idle or its absolute lifetime.
const endsAt = `min(expires_at, moved_at + idle_lifetime * 1000000)`

// SweepGrants examines a batch of grants and deletes those that ended at
// endedBy or before. It examines them without a lock. It starts a write
// transaction only if there is a grant to delete.
func (s *Store) SweepGrants(
	ctx context.Context, after oauth.GrantID, limit int, now, endedBy time.Time,
) (grant.SweepBatch, error) {
	var (
		batch grant.SweepBatch
		last  []byte
		ended int
	)
	err := s.readDB.QueryRow(ctx, `SELECT max(id), count(*), coalesce(sum(live), 0), coalesce(sum(ends_at <= ?), 0) FROM (
			SELECT id, `+endsAt+` AS ends_at, revoked_at IS NULL AND suspended_at IS NULL AND `+endsAt+` > ? AS live
			FROM grants WHERE id > ? ORDER BY id LIMIT ?)`,
		at{&endedBy}, at{&now}, inBytes{&after}, limit).Scan(&last, &batch.Examined, &batch.Live, &ended)
	if err != nil {
		return grant.SweepBatch{}, wrap("sweep grants", err)
	}
	copy(batch.Last[:], last)
	if ended == 0 {
		return batch, nil
	}

	err = s.write(ctx, func(ctx context.Context, tx transaction) error {
		batch.Deleted, err = tx.Exec(ctx, `DELETE FROM grants WHERE id > ? AND id <= ? AND `+endsAt+` <= ?`,
			inBytes{&after}, inBytes{&batch.Last}, at{&endedBy})
		return err
	})
	return batch, wrap("sweep grants", err)
}
