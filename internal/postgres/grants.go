package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
)

const grantColumns = `id, user_id, client_id, generation, key_hash, mac_key, moved_at, idle_lifetime, expires_at,
	suspended_at, revoked_at, revoke_reason, scope, audience, auth_time, amr, device_label, ip, created_at, claims`

// grantFields are the grant's values in the order of grantColumns, to be read into or written from.
func grantFields(g *grant.Grant) []any {
	return []any{
		(*[16]byte)(&g.ID), &g.UserID, &g.ClientID, &g.Generation, &g.KeyHash, &g.MACKey, at(&g.RotatedAt), (*seconds)(&g.IdleLifetime),
		at(&g.ExpiresAt), at(&g.SuspendedAt), at(&g.RevokedAt), &g.RevokeReason, (*words)(&g.Scope), &g.Audience,
		at(&g.AuthTime), &g.AMR, &g.DeviceLabel, &g.IP, at(&g.CreatedAt),
		ifAny{&g.Claims},
	}
}

// CreateGrant inserts the grant if its user exists, is enabled and still has that epoch; else it returns
// oauth.InvalidGrant. The lock on the user's row orders it with whatever ends or suspends the user's grants.
func (s *Store) CreateGrant(ctx context.Context, g grant.Grant, epoch int64) error {
	var created int
	err := s.share(ctx, &writing{order: amongUsers + g.UserID, durable: true, queue: func(b *pgx.Batch) {
		b.Queue(`INSERT INTO grants (`+grantColumns+`)
			SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20
			FROM users WHERE id = $2 AND epoch = $21 AND disabled_at IS NULL FOR SHARE`, append(grantFields(&g), epoch)...).
			Exec(changed(&created))
	}})
	if err == nil && created == 0 {
		err = oauth.InvalidGrant
	}
	return err
}

// MintGrant inserts the grant, whose subject need not be a user.
func (s *Store) MintGrant(ctx context.Context, g grant.Grant) error {
	return s.share(ctx, &writing{order: amongGrants + string(g.ID[:]), durable: true, queue: func(b *pgx.Batch) {
		b.Queue(`INSERT INTO grants (`+grantColumns+`)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)`, grantFields(&g)...)
	}})
}

// Grant returns the grant of that id, or oauth.NotFound.
func (s *Store) Grant(ctx context.Context, id oauth.GrantID) (grant.Grant, error) {
	var g grant.Grant
	err := s.row(ctx, grantFields(&g), `SELECT `+grantColumns+` FROM grants WHERE id = $1`, [16]byte(id))
	return g, knowledge(err)
}

// Grants returns the grants that the filter means, by id.
func (s *Store) Grants(ctx context.Context, f grant.Filter) ([]grant.Grant, error) {
	return rows(ctx, s, grantFields, `SELECT `+grantColumns+` FROM grants
		WHERE user_id = $1 AND $2 IN ('', client_id) AND id > $3 AND ($4::timestamptz IS NULL OR
			revoked_at IS NULL AND expires_at > $4 AND moved_at + idle_lifetime * interval '1 second' > $4)
		ORDER BY id LIMIT $5`, f.Subject, f.ClientID, [16]byte(f.After), at(&f.NotEndedAt), f.Limit)
}

// RevokeGrant ends the grant if it belongs to the client (any client if clientID is empty) and is not revoked yet, and
// returns the row as it stands then.
func (s *Store) RevokeGrant(
	ctx context.Context, id oauth.GrantID, clientID, reason string, now time.Time,
) (grant.Grant, bool, error) {
	var g grant.Grant
	var ended int
	var found error
	err := s.share(ctx, &writing{order: amongGrants + string(id[:]), durable: true, queue: func(b *pgx.Batch) {
		b.Queue(`UPDATE grants SET revoked_at = $1, revoke_reason = $2
			WHERE id = $3 AND $4 IN ('', client_id) AND revoked_at IS NULL`, at(&now), reason, [16]byte(id), clientID).
			Exec(changed(&ended))
		b.Queue(`SELECT `+grantColumns+` FROM grants WHERE id = $1 AND $2 IN ('', client_id)`, [16]byte(id), clientID).
			Query(one(grantFields(&g), &found))
	}})
	if err == nil {
		err = found
	}
	if err != nil {
		return grant.Grant{}, false, err
	}
	return g, ended > 0, nil
}

// RevokeGrants revokes the subject's grants to the client (to any client if clientID is empty) that are not revoked, all but
// except, raises the user's epoch, and returns how many it revoked.
func (s *Store) RevokeGrants(
	ctx context.Context, subject, clientID string, except oauth.GrantID, reason string, now time.Time,
) (revoked int, err error) {
	err = s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `UPDATE users SET epoch = epoch + 1 WHERE id = $1`, subject); err != nil {
			return err
		}
		revoked, err = revokeOfUser(ctx, tx, subject, clientID, except, reason, now)
		return err
	})
	if err != nil {
		return 0, err
	}
	return revoked, nil
}

// revokeOfUser locks the grants by id, as everything does that locks more than one, so that nobody waits for each other.
func revokeOfUser(
	ctx context.Context, tx pgx.Tx, userID, clientID string, except oauth.GrantID, reason string, now time.Time,
) (int, error) {
	tag, err := tx.Exec(ctx, `WITH locked AS MATERIALIZED (
			SELECT id FROM grants
			WHERE user_id = $3 AND $4 IN ('', client_id) AND id <> $5 AND revoked_at IS NULL ORDER BY id FOR NO KEY UPDATE
		) UPDATE grants g SET revoked_at = $1, revoke_reason = $2 FROM locked WHERE g.id = locked.id`,
		at(&now), reason, userID, clientID, [16]byte(except))
	return int(tag.RowsAffected()), err
}
