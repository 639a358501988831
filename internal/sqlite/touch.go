package sqlite

import (
	"context"
	"time"

	"github.com/signetd/signet/internal/oauth"
)

// TouchGrant sets the time of the last use of a grant that is active then, if
// that is later. It shares a transaction with other writes.
func (s *Store) TouchGrant(ctx context.Context, id oauth.GrantID, now time.Time) error {
	now = now.Truncate(time.Microsecond)
	r := newWriteRequest(func(_ context.Context, tx transaction) error {
		_, err := s.statement(tx, touchGrant).Exec(at{&now}, inBytes{&id})
		return err
	})
	r.noSavepoint = true
	return wrap("touch grant", s.submit(ctx, r))
}

// touchGrant sets moved_at of the grant ?2 to the time ?1.
const touchGrant = `UPDATE grants AS g SET moved_at = ?1
	WHERE g.id = ?2 AND g.moved_at < ?1 AND g.revoked_at IS NULL AND g.expires_at > ?1
		AND g.moved_at + g.idle_lifetime * 1000000 > ?1 AND` + notEnded
