package postgres

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
) (grant.Grant, bool, error) {
	result, err := s.revoke(ctx, revokeRequest{id, clientID, reason, now})
	if err == nil && !result.found {
		err = oauth.NotFound
	}
	return result.grant, result.changed, wrap("revoke grant", err)
}

// endGrants revokes the grants that are not revoked yet, and returns them. If a
// grant is in the list more than once, its first time counts. endGrants locks
// the grants by id, as every statement does that locks several grants, so that
// two statements never wait for each other.
//
// A grant is revoked here, by revokeEach or, if its refresh token was reused,
// by decideAttempts. Only these two write entries into the log: what
// ApplyEndings revokes has the entry of its ending.
func endGrants(ctx context.Context, tx transaction, list []pendingGrant) ([]grant.Grant, error) {
	if len(list) == 0 {
		return nil, nil
	}
	ids, times, reasons := make([][16]byte, len(list)), make([]time.Time, len(list)), make([]string, len(list))
	for i, p := range list {
		ids[i], times[i], reasons[i] = p.id, p.at, p.reason
	}
	return collect(ctx, tx, grantFields, `WITH locked AS MATERIALIZED (
			SELECT g.id, a.at, a.reason FROM unnest($1::uuid[], $2::timestamptz[], $3::text[]) AS a (id, at, reason)
				JOIN grants g USING (id) ORDER BY g.id FOR NO KEY UPDATE OF g
		) UPDATE grants g SET revoked_at = first.at, revoke_reason = first.reason
		FROM (SELECT DISTINCT ON (id) id, at, reason FROM locked ORDER BY id, at) first
		WHERE g.id = first.id AND g.revoked_at IS NULL RETURNING `+storedColumns, ids, times, reasons)
}

// RevokeGrants revokes the grants that the ending selects: it stores the
// ending. It locks the row of the user, if the subject is one, so that every
// concurrent login either commits its grant before and is concerned, or reads
// the new epoch.
func (s *Store) RevokeGrants(ctx context.Context, e grant.Ending) (ended grant.Ended, err error) {
	lock := query(`SELECT FROM users WHERE id = $1 FOR NO KEY UPDATE`)
	if e.ClientID == "" && e.CreatedUntil.IsZero() {
		lock = `UPDATE users SET epoch = epoch + 1 WHERE id = $1`
	}
	err = s.write(ctx, func(ctx context.Context, tx transaction) error {
		if _, err := tx.Exec(ctx, lock, e.Subject); err != nil {
			return err
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
		oldest, err := collect(ctx, tx, pendingFields, `WITH live AS MATERIALIZED (
				SELECT g.id, g.created_at, g.moved_at, now.at FROM (SELECT clock_timestamp() AS at) now CROSS JOIN LATERAL (
					SELECT g.* FROM grants g WHERE g.user_id = $1 ORDER BY g.created_at DESC, g.id DESC LIMIT $3
				) g
				WHERE g.client_id = $2 AND g.revoked_at IS NULL AND g.expires_at > now.at
					AND `+idleSince+` + g.idle_lifetime * interval '1 second' > now.at AND`+notRevoked+`
			), until AS MATERIALIZED (
				SELECT * FROM live WHERE NOT EXISTS (
					SELECT FROM grants keep WHERE keep.id = $5 AND (keep.created_at, keep.id) < (live.created_at, live.id))
			) SELECT id, at, $4 FROM until WHERE id <> $5 ORDER BY moved_at, created_at, id
			LIMIT least(greatest((SELECT count(*) FROM until) - $6, 0), $7)`,
			userID, clientID, grant.MaxCountExamined, reason, [16]byte(keep), limit, grant.MaxOldest)
		if err != nil || len(oldest) == 0 {
			return err
		}
		if revoked, err = endGrants(ctx, tx, oldest); err != nil {
			return err
		}
		entries := make([]grant.Revocation, len(revoked))
		for i, g := range revoked {
			entries[i] = grant.RevokedGrant(g.ID)
		}
		_, err = s.appendRevocations(ctx, tx, entries...)
		return err
	})
	return revoked, wrap("revoke oldest grants", err)
}

// A pendingGrant is a grant to revoke.
type pendingGrant struct {
	id     [16]byte
	at     time.Time
	reason string
}

// pendingFields returns the fields of a pendingGrant.
func pendingFields(p *pendingGrant) []any { return []any{&p.id, at(&p.at), &p.reason} }
