package sqlite

import (
	"context"
	"database/sql"
	"time"

	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
)

const grantColumns = `id, user_id, client_id, generation, key_hash, mac_key, moved_at, idle_lifetime, expires_at,
	suspended_at, revoked_at, revoke_reason, scope, audience, auth_time, amr, device_label, ip, created_at, claims`

// grantFields are the grant's values in the order of grantColumns, to be read into or written from.
func grantFields(g *grant.Grant) []any {
	return []any{
		inBytes{&g.ID},
		&g.UserID, &g.ClientID, &g.Generation, &g.KeyHash, &g.MACKey,
		at{&g.RotatedAt},
		inSeconds{&g.IdleLifetime},
		at{&g.ExpiresAt},
		at{&g.SuspendedAt},
		at{&g.RevokedAt},
		&g.RevokeReason,
		inWords{&g.Scope},
		inJSON{&g.Audience},
		at{&g.AuthTime},
		inJSON{&g.AMR},
		&g.DeviceLabel, &g.IP,
		at{&g.CreatedAt},
		ifAny{&g.Claims},
	}
}

// CreateGrant inserts the grant if its user exists, is enabled and still has that epoch; else it returns
// oauth.InvalidGrant.
func (s *Store) CreateGrant(ctx context.Context, g grant.Grant, epoch int64) error {
	return s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		n, err := affected(tx.ExecContext(ctx, `INSERT INTO grants (`+grantColumns+`)
			SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?
			FROM users WHERE id = ? AND epoch = ? AND disabled_at IS NULL`, append(grantFields(&g), g.UserID, epoch)...))
		if err == nil && n == 0 {
			err = oauth.InvalidGrant
		}
		return err
	})
}

// MintGrant inserts the grant, whose subject need not be a user.
func (s *Store) MintGrant(ctx context.Context, g grant.Grant) error {
	return s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO grants (`+grantColumns+`)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, grantFields(&g)...)
		return err
	})
}

// Grant returns the grant of that id, or oauth.NotFound.
func (s *Store) Grant(ctx context.Context, id oauth.GrantID) (grant.Grant, error) {
	var g grant.Grant
	err := s.reads.QueryRowContext(ctx, `SELECT `+grantColumns+` FROM grants WHERE id = ?`, inBytes{&id}).Scan(grantFields(&g)...)
	return g, knowledge(err)
}

// Grants returns the grants that the filter means, by id.
func (s *Store) Grants(ctx context.Context, f grant.Filter) ([]grant.Grant, error) {
	return collect(ctx, s.reads, grantFields, `SELECT `+grantColumns+` FROM grants
		WHERE user_id = ?1 AND ?2 IN ('', client_id) AND id > ?3
			AND (?4 IS NULL OR revoked_at IS NULL AND expires_at > ?4 AND moved_at + idle_lifetime * 1000000 > ?4)
		ORDER BY id LIMIT ?5`, f.Subject, f.ClientID, inBytes{&f.After}, at{&f.NotEndedAt}, f.Limit)
}

// RevokeGrant ends the grant if it belongs to the client (any client if clientID is empty) and is not revoked yet, and
// returns the row as it stands then.
func (s *Store) RevokeGrant(
	ctx context.Context, id oauth.GrantID, clientID, reason string, now time.Time,
) (g grant.Grant, changed bool, err error) {
	err = s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		n, err := affected(tx.ExecContext(ctx, `UPDATE grants SET revoked_at = ?, revoke_reason = ?
			WHERE id = ? AND ? IN ('', client_id) AND revoked_at IS NULL`, at{&now}, reason, inBytes{&id}, clientID))
		if err != nil {
			return err
		}
		changed = n > 0
		return tx.QueryRowContext(ctx, `SELECT `+grantColumns+` FROM grants WHERE id = ? AND ? IN ('', client_id)`,
			inBytes{&id}, clientID).Scan(grantFields(&g)...)
	})
	if err != nil {
		return grant.Grant{}, false, knowledge(err)
	}
	return g, changed, nil
}

// RevokeGrants revokes the subject's grants to the client (to any client if clientID is empty) that are not revoked, all but
// except, raises the user's epoch, and returns how many it revoked.
func (s *Store) RevokeGrants(
	ctx context.Context, subject, clientID string, except oauth.GrantID, reason string, now time.Time,
) (revoked int, err error) {
	err = s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `UPDATE users SET epoch = epoch + 1 WHERE id = ?`, subject); err != nil {
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

func revokeOfUser(
	ctx context.Context, tx *sql.Tx, userID, clientID string, except oauth.GrantID, reason string, now time.Time,
) (int, error) {
	n, err := affected(tx.ExecContext(ctx, `UPDATE grants SET revoked_at = ?, revoke_reason = ?
		WHERE user_id = ? AND ? IN ('', client_id) AND id <> ? AND revoked_at IS NULL`,
		at{&now}, reason, userID, clientID, inBytes{&except}))
	return int(n), err
}
