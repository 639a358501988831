package postgres

import (
	"context"
	"time"

	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
)

// ended says that the life of a grant ended at a moment ($4) or before.
const ended = `(expires_at <= $4 OR moved_at + idle_lifetime * interval '1 second' <= $4)`

// sweep judges twice: what its snapshot shows, and, under its lock, the row as it is then. A row that somebody else has
// locked is left for the next walk, so that servers that sweep at the same time share the work.
const sweep = `WITH slice AS MATERIALIZED (
		SELECT id, ` + ended + ` AS over, revoked_at IS NULL AND suspended_at IS NULL AND expires_at > $3
			AND moved_at + idle_lifetime * interval '1 second' > $3 AS live
		FROM grants WHERE id > $1 ORDER BY id LIMIT $2
	), locked AS MATERIALIZED (
		SELECT id FROM grants WHERE id IN (SELECT id FROM slice WHERE over) AND ` + ended + `
		ORDER BY id FOR UPDATE SKIP LOCKED
	), deleted AS (
		DELETE FROM grants g USING locked WHERE g.id = locked.id RETURNING g.id
	)
	SELECT (SELECT id FROM slice ORDER BY id DESC LIMIT 1), count(*), count(*) FILTER (WHERE live), (SELECT count(*) FROM deleted)
	FROM slice`

// SweepGrants looks at a slice of the grants and deletes what is over for long. It is one statement that commits by itself,
// and not more durable than the role has it: what comes back is swept again.
func (s *Store) SweepGrants(ctx context.Context, after oauth.GrantID, limit int, now, over time.Time) (grant.SweepBatch, error) {
	var (
		slice grant.SweepBatch
		last  *[16]byte
	)
	err := s.row(ctx, []any{&last, &slice.Examined, &slice.Live, &slice.Deleted}, sweep, [16]byte(after), limit, now, at(&over))
	if last != nil {
		slice.Last = *last
	}
	return slice, err
}
