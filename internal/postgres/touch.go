package postgres

import (
	"context"
	"time"

	"github.com/signetd/signet/internal/oauth"
)

// TouchGrant sets the time of the last use of a grant that is active then, if
// that is later. It shares a transaction with other writes, and need not be
// durable.
func (s *Store) TouchGrant(ctx context.Context, id oauth.GrantID, now time.Time) error {
	r := &writeRequest{lockOrder: lockGrants + string(id[:]), queue: func(q *queries) {
		q.Queue(touchGrant, [16]byte(id), now)
	}}
	return wrap("touch grant", s.share(ctx, r))
}

// touchGrant sets moved_at of the grant $1 to the time $2. It does not wait for
// a lock, because a login may share its transaction: a transaction that has
// locked the grant most likely ends or touches it.
const touchGrant = `WITH locked AS MATERIALIZED (
		SELECT g.id FROM grants g WHERE g.id = $1 AND g.moved_at < $2 AND g.revoked_at IS NULL AND g.expires_at > $2
			AND g.moved_at + g.idle_lifetime * interval '1 second' > $2 AND` + notEnded + `
		FOR NO KEY UPDATE OF g SKIP LOCKED
	) UPDATE grants g SET moved_at = greatest(g.moved_at, $2) FROM locked WHERE g.id = locked.id`
