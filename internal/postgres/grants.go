package postgres

import (
	"context"
	"time"

	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
)

const grantColumns = `id, user_id, client_id, generation, key_hash, mac_key, moved_at, idle_lifetime, expires_at,
	suspended_at, revoked_at, revoke_reason, scope, audience, auth_time, amr, device_label, ip, created_at, claims`

// grantFields returns the fields of a grant in the order of grantColumns.
func grantFields(g *grant.Grant) []any {
	return []any{
		(*[16]byte)(&g.ID), &g.UserID, &g.ClientID, &g.Generation, (*inBytes)(&g.KeyHash), &g.MACKey,
		at(&g.RotatedAt),
		(*inSeconds)(&g.IdleLifetime),
		at(&g.ExpiresAt),
		at(&g.SuspendedAt),
		at(&g.RevokedAt),
		&g.RevokeReason,
		(*spaceSeparated)(&g.Scope),
		&g.Audience,
		at(&g.AuthTime),
		&g.AMR,
		&g.DeviceLabel, &g.IP,
		at(&g.CreatedAt),
		optionalClaims{&g.Claims},
	}
}

// CreateGrant inserts the grant if its user exists, is enabled and still has
// that epoch. Otherwise it returns oauth.InvalidGrant. It locks the row of the
// user, so it runs either before or after any change that ends or suspends the
// user's grants.
func (s *Store) CreateGrant(ctx context.Context, g grant.Grant, epoch int64) error {
	var inserted int
	err := s.share(ctx, &writeRequest{
		lockOrder: lockUsers + g.UserID, durable: true,
		queue: func(q *queries) {
			q.Queue(`INSERT INTO grants (`+grantColumns+`)
				SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20
				FROM users WHERE id = $2 AND epoch = $21 AND disabled_at IS NULL FOR SHARE`, append(grantFields(&g), epoch)...).
				Exec(setChanged(&inserted))
		},
	})
	if err == nil && inserted == 0 {
		err = oauth.InvalidGrant
	}
	return wrap("create grant", err)
}

// MintGrant inserts the grant. Its subject need not be a user.
func (s *Store) MintGrant(ctx context.Context, g grant.Grant) error {
	return wrap("mint grant", s.share(ctx, &writeRequest{
		lockOrder: lockGrants + string(g.ID[:]), durable: true,
		queue: func(q *queries) {
			q.Queue(`INSERT INTO grants (`+grantColumns+`)
				VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)`,
				grantFields(&g)...)
		},
	}))
}

// Grant returns the grant of that id, or oauth.NotFound.
func (s *Store) Grant(ctx context.Context, id oauth.GrantID) (grant.Grant, error) {
	var g grant.Grant
	err := s.readRow(ctx, grantFields(&g), `SELECT `+grantColumns+` FROM grants WHERE id = $1`, [16]byte(id))
	return g, wrap("read grant", noRows(err))
}

// Grants returns the grants that the filter selects, by id.
func (s *Store) Grants(ctx context.Context, f grant.Filter) ([]grant.Grant, error) {
	grants, err := readRows(ctx, s, grantFields, `SELECT `+grantColumns+` FROM grants
		WHERE user_id = $1 AND $2 IN ('', client_id) AND id > $3 AND ($4::timestamptz IS NULL OR
			revoked_at IS NULL AND expires_at > $4 AND moved_at + idle_lifetime * interval '1 second' > $4)
		ORDER BY id LIMIT $5`, f.Subject, f.ClientID, [16]byte(f.After), at(&f.NotEndedAt), f.Limit)
	return grants, wrap("list grants", err)
}

// RevokeGrant revokes the grant if it belongs to the client (to any client if
// clientID is empty) and is not revoked yet. It returns the row as it then is,
// and changed true if this call revoked it.
func (s *Store) RevokeGrant(
	ctx context.Context, id oauth.GrantID, clientID, reason string, now time.Time,
) (grant.Grant, bool, error) {
	var g grant.Grant
	var revoked int
	var rowErr error
	err := s.share(ctx, &writeRequest{
		lockOrder: lockGrants + string(id[:]), durable: true,
		queue: func(q *queries) {
			queueEnd(q, oneGrant(id, clientID), reason, now, &revoked)
			q.Queue(`SELECT `+grantColumns+` FROM grants WHERE id = $1 AND $2 IN ('', client_id)`, [16]byte(id), clientID).
				Query(scanOne(grantFields(&g), &rowErr))
		},
	})
	if err == nil {
		err = rowErr
	}
	if err != nil {
		return grant.Grant{}, false, wrap("revoke grant", err)
	}
	return g, revoked > 0, nil
}

// RevokeGrants revokes the subject's grants to the client (to any client if
// clientID is empty) that are not revoked, except the grant of the id except.
// It raises the user's epoch, and returns how many grants it revoked.
func (s *Store) RevokeGrants(
	ctx context.Context, subject, clientID string, except oauth.GrantID, reason string, now time.Time,
) (revoked int, err error) {
	err = s.write(ctx, func(ctx context.Context, tx transaction) error {
		if _, err := tx.Exec(ctx, `UPDATE users SET epoch = epoch + 1 WHERE id = $1`, subject); err != nil {
			return err
		}
		revoked, err = endGrants(ctx, tx, grantsOfSubject(subject, clientID, except), reason, now)
		return err
	})
	if err != nil {
		return 0, wrap("revoke grants", err)
	}
	return revoked, nil
}

// A selection is the grants that endGrants ends. The parameters $1 and $2 of
// its statement are the time and the reason, its arguments are the others. A
// statement that locks several grants locks them by id, so that two statements
// never wait for each other.
type selection struct {
	end  query
	args []any
}

// oneGrant selects a grant if it belongs to the client, or to any client if
// clientID is empty.
func oneGrant(id oauth.GrantID, clientID string) selection {
	return selection{`UPDATE grants SET revoked_at = $1, revoke_reason = $2
		WHERE id = $3 AND $4 IN ('', client_id) AND revoked_at IS NULL`, []any{[16]byte(id), clientID}}
}

// grantsOfSubject selects the grants of a subject to a client, or to any client
// if clientID is empty, except the grant of the id except. The zero id excepts
// none.
func grantsOfSubject(subject, clientID string, except oauth.GrantID) selection {
	return selection{
		`WITH locked AS MATERIALIZED (
			SELECT id FROM grants
			WHERE user_id = $3 AND $4 IN ('', client_id) AND id <> $5 AND revoked_at IS NULL ORDER BY id FOR NO KEY UPDATE
		) UPDATE grants g SET revoked_at = $1, revoke_reason = $2 FROM locked WHERE g.id = locked.id`,
		[]any{subject, clientID, [16]byte(except)},
	}
}

// grantsOfClient selects all grants to a client.
func grantsOfClient(clientID string) selection {
	return selection{
		`WITH locked AS MATERIALIZED (
			SELECT id FROM grants WHERE client_id = $3 AND revoked_at IS NULL ORDER BY id FOR NO KEY UPDATE
		) UPDATE grants g SET revoked_at = $1, revoke_reason = $2 FROM locked WHERE g.id = locked.id`,
		[]any{clientID},
	}
}

// endGrants revokes the selected grants that are not revoked yet, and returns
// how many it revoked.
func endGrants(ctx context.Context, tx transaction, s selection, reason string, now time.Time) (int, error) {
	var revoked int
	q := &queries{}
	queueEnd(q, s, reason, now, &revoked)
	err := tx.Send(ctx, q)
	return revoked, err
}

// queueEnd queues the statement of endGrants. It sets revoked to how many
// grants the statement revoked. It is the only function of the store that
// revokes grants, with one exception: the statement decideAttempts revokes a
// grant whose refresh token was reused.
func queueEnd(q *queries, s selection, reason string, now time.Time, revoked *int) {
	q.Queue(s.end, append([]any{at(&now), reason}, s.args...)...).Exec(setChanged(revoked))
}
