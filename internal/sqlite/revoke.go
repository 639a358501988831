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
		return s.endGrants(ctx, tx, g)
	})
	if err != nil {
		return grant.Grant{}, false, wrap("revoke grant", noRows(err))
	}
	return g, changed, nil
}

// endGrants revokes grants that are not revoked yet, as endGrant does, and
// writes an entry into the log for each of them.
func (s *Store) endGrants(ctx context.Context, tx transaction, grants ...grant.Grant) error {
	entries := make([]grant.Revocation, len(grants))
	for i, g := range grants {
		if err := endGrant(ctx, tx, g); err != nil {
			return err
		}
		entries[i] = grant.RevokedGrant(g.ID)
	}
	_, err := s.appendRevocations(ctx, tx, entries...)
	return err
}

// endGrant writes RevokedAt and RevokeReason of a grant that is not revoked
// yet. It is the only function of the store that revokes grants. ApplyEndings
// calls it directly: what it revokes has the entry of its ending.
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
		ended, err = s.addEnding(ctx, tx, e, 0)
		return err
	})
	return ended, wrap("revoke grants", err)
}

// RevokeOldest revokes the user's least recently used live grants to the client
// that were created before the grant keep, so that limit remain with it, at
// most MaxOldest of them.
func (s *Store) RevokeOldest(
	ctx context.Context, userID, clientID string, keep oauth.GrantID, limit int, reason string,
) (revoked []grant.Grant, err error) {
	err = s.write(ctx, func(ctx context.Context, tx transaction) error {
		now := s.clock()
		revoked, err = collect(ctx, tx, grantFields, `WITH live AS MATERIALIZED (
				SELECT * FROM (SELECT * FROM grants WHERE user_id = ?2 ORDER BY created_at DESC, id DESC LIMIT ?4) g
				WHERE g.client_id = ?3 AND`+live+`
			), until AS MATERIALIZED (
				SELECT * FROM live WHERE NOT EXISTS (
					SELECT 1 FROM grants keep WHERE keep.id = ?5 AND (keep.created_at, keep.id) < (live.created_at, live.id))
			) SELECT `+grantColumns+` FROM until WHERE id <> ?5 ORDER BY moved_at, created_at, id
			LIMIT max(min((SELECT count(*) FROM until) - ?6, ?7), 0)`,
			at{&now}, userID, clientID, grant.MaxCountExamined, inBytes{&keep}, limit, grant.MaxOldest)
		if err != nil {
			return err
		}
		for i := range revoked {
			revoked[i].RevokedAt, revoked[i].RevokeReason = now, reason
		}
		return s.endGrants(ctx, tx, revoked...)
	})
	return revoked, wrap("revoke oldest grants", err)
}
