package postgres

import (
	"context"
	"time"

	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
)

// ended selects the grants g whose lifetime, idle or absolute, ended at $4 or
// before.
const ended = `(g.expires_at <= $4 OR ` + idleSince + ` + g.idle_lifetime * interval '1 second' <= $4)`

// sweep examines the rows of its snapshot, and again those that it has locked,
// which may have changed since. It skips rows that another transaction has
// locked, so that servers that sweep at the same time share the work. It also
// clears suspended_at, which only the first version of the schema used.
const sweep = `WITH batch AS MATERIALIZED (
		SELECT g.id, ` + ended + ` AS ended, g.suspended_at IS NOT NULL AS marked, g.revoked_at IS NULL AND g.expires_at > $3
			AND ` + idleSince + ` + g.idle_lifetime * interval '1 second' > $3 AND` + notEnded + ` AS live
		FROM grants g WHERE g.id > $1 ORDER BY g.id LIMIT $2
	), locked AS MATERIALIZED (
		SELECT g.id, ` + ended + ` AS ended FROM grants g WHERE g.id IN (SELECT id FROM batch WHERE ended OR marked)
		ORDER BY g.id FOR UPDATE SKIP LOCKED
	), deleted AS (
		DELETE FROM grants g USING locked WHERE g.id = locked.id AND locked.ended RETURNING g.id
	), cleared AS (
		UPDATE grants g SET suspended_at = NULL FROM locked
		WHERE g.id = locked.id AND locked.ended IS NOT TRUE AND g.suspended_at IS NOT NULL
	)
	SELECT (SELECT id FROM batch ORDER BY id DESC LIMIT 1), count(*), count(*) FILTER (WHERE live), (SELECT count(*) FROM deleted)
	FROM batch`

// SweepGrants examines a batch of grants and deletes those that ended at
// endedBy or before. It is one statement in a transaction of its own. Its
// durability is that of the role: if a crash loses the deletions, the next
// sweep repeats them.
func (s *Store) SweepGrants(
	ctx context.Context, after oauth.GrantID, limit int, now, endedBy time.Time,
) (grant.SweepBatch, error) {
	var (
		batch grant.SweepBatch
		last  *[16]byte
	)
	err := s.readRow(ctx, s.conns.sweeps, []any{&last, &batch.Examined, &batch.Live, &batch.Deleted},
		sweep, [16]byte(after), limit, now, at(&endedBy))
	if last != nil {
		batch.Last = *last
	}
	return batch, wrap("sweep grants", err)
}
