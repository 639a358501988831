package sqlite

import (
	"context"
	"time"

	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
)

// endsAt is when a grant g expires, by its idle or its absolute lifetime.
const endsAt = `min(g.expires_at, ` + idleSince + ` + g.idle_lifetime * 1000000)`

// ended selects the grants g whose lifetime, idle or absolute, ended at ?1 or
// before.
const ended = endsAt + ` <= ?1`

// SweepGrants examines a batch of grants and deletes those that ended at
// endedBy or before. It examines them without a lock. It starts a write
// transaction only if there is a grant to change. It also clears suspended_at,
// which only the first version of the schema used.
func (s *Store) SweepGrants(
	ctx context.Context, after oauth.GrantID, limit int, now, endedBy time.Time,
) (grant.SweepBatch, error) {
	var (
		batch  grant.SweepBatch
		last   []byte
		change int
	)
	if err := s.beginList(ctx); err != nil {
		return grant.SweepBatch{}, wrap("sweep grants", err)
	}
	err := s.readDB.QueryRow(ctx, `SELECT max(id), count(*), coalesce(sum(live), 0), coalesce(sum(change), 0) FROM (
			SELECT g.id, coalesce(`+ended+`, FALSE) OR g.suspended_at IS NOT NULL AS change,
				g.revoked_at IS NULL AND `+endsAt+` > ?2 AND`+notEnded+` AS live
			FROM grants g WHERE g.id > ?3 ORDER BY g.id LIMIT ?4)`,
		at{&endedBy}, at{&now}, inBytes{&after}, limit).Scan(&last, &batch.Examined, &batch.Live, &change)
	s.endList()
	if err != nil {
		return grant.SweepBatch{}, wrap("sweep grants", err)
	}
	copy(batch.Last[:], last)
	if change == 0 {
		return batch, nil
	}

	err = s.write(ctx, func(ctx context.Context, tx transaction) error {
		batch.Deleted, err = tx.Exec(ctx, `DELETE FROM grants AS g WHERE g.id > ?2 AND g.id <= ?3 AND `+ended,
			at{&endedBy}, inBytes{&after}, inBytes{&batch.Last})
		if err == nil {
			_, err = tx.Exec(ctx, `UPDATE grants SET suspended_at = NULL WHERE id > ? AND id <= ? AND suspended_at IS NOT NULL`,
				inBytes{&after}, inBytes{&batch.Last})
		}
		return err
	})
	return batch, wrap("sweep grants", err)
}
