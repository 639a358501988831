package sqlite

import (
	"context"
	"time"

	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
)

// RevokeGrant revokes the grant if it belongs to the client (to any client if
// clientID is empty) and is not revoked yet. It returns the row as it then is,
// and changed true if this call revoked it.
func (s *Store) RevokeGrant(
	ctx context.Context, id oauth.GrantID, clientID, reason string, now time.Time,
) (g grant.Grant, changed bool, err error) {
	err = s.write(ctx, func(ctx context.Context, tx transaction) error {
		err := tx.QueryRow(ctx, readGrant, inBytes{&id}).Scan(grantFields(&g)...)
		if err == nil && clientID != "" && clientID != g.ClientID {
			err = oauth.NotFound
		}
		if err != nil || !g.RevokedAt.IsZero() {
			return err
		}
		changed = true
		g.RevokedAt, g.RevokeReason = now.UTC().Truncate(time.Microsecond), reason
		return endGrant(ctx, tx, g)
	})
	if err != nil {
		return grant.Grant{}, false, wrap("revoke grant", noRows(err))
	}
	return g, changed, nil
}

// endGrant writes RevokedAt and RevokeReason of a grant that is not revoked
// yet. It is the only function of the store that revokes grants.
func endGrant(ctx context.Context, tx transaction, g grant.Grant) error {
	_, err := tx.Exec(ctx, `UPDATE grants SET revoked_at = ?, revoke_reason = ? WHERE id = ?`,
		at{&g.RevokedAt}, g.RevokeReason, inBytes{&g.ID})
	return err
}

// RevokeGrants revokes the grants that the ending selects: it stores the
// ending.
func (s *Store) RevokeGrants(ctx context.Context, e grant.Ending) (ended grant.Ended, err error) {
	err = s.write(ctx, func(ctx context.Context, tx transaction) error {
		if e.ClientID == "" && e.CreatedUntil.IsZero() {
			if _, err := tx.Exec(ctx, `UPDATE users SET epoch = epoch + 1 WHERE id = ?`, e.Subject); err != nil {
				return err
			}
		}
		ended, err = s.addEnding(ctx, tx, e)
		return err
	})
	return ended, wrap("revoke grants", err)
}

// RevokeOldest revokes the user's least recently used live grants to the client
// so that limit remain, at most MaxOldest of them.
func (s *Store) RevokeOldest(
	ctx context.Context, userID, clientID string, keep oauth.GrantID, limit int, reason string,
) (revoked []grant.Grant, err error) {
	err = s.write(ctx, func(ctx context.Context, tx transaction) error {
		now := s.clock()
		grants, err := collect(ctx, tx, grantFields, `SELECT `+grantColumns+` FROM (
				SELECT * FROM grants WHERE user_id = ?2 ORDER BY created_at DESC, id DESC LIMIT ?4
			) g WHERE g.client_id = ?3 AND`+live+`ORDER BY g.moved_at, g.id`,
			at{&now}, userID, clientID, grant.MaxCountExamined)
		excess := min(len(grants)-limit, grant.MaxOldest)
		for _, g := range grants {
			if err != nil || len(revoked) >= excess {
				break
			}
			if g.ID == keep {
				continue
			}
			g.RevokedAt, g.RevokeReason = now, reason
			err = endGrant(ctx, tx, g)
			revoked = append(revoked, g)
		}
		return err
	})
	return revoked, wrap("revoke oldest grants", err)
}
