package sqlite

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
		inBytes{&g.ID},
		&g.UserID, &g.ClientID, &g.Generation,
		inDigest{&g.KeyHash},
		&g.MACKey,
		at{&g.RotatedAt},
		inSeconds{&g.IdleLifetime},
		at{&g.ExpiresAt},
		at{&g.SuspendedAt},
		at{&g.RevokedAt},
		&g.RevokeReason,
		spaceSeparated{&g.Scope},
		inJSON{&g.Audience},
		at{&g.AuthTime},
		inJSON{&g.AMR},
		&g.DeviceLabel, &g.IP,
		at{&g.CreatedAt},
		optionalClaims{&g.Claims},
	}
}

// CreateGrant inserts the grant if its user exists, is enabled and still has
// that epoch. Otherwise it returns oauth.InvalidGrant.
func (s *Store) CreateGrant(ctx context.Context, g grant.Grant, epoch int64) error {
	err := s.write(ctx, func(ctx context.Context, tx transaction) error {
		inserted, err := tx.Exec(ctx, `INSERT INTO grants (`+grantColumns+`)
			SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?
			FROM users WHERE id = ? AND epoch = ? AND disabled_at IS NULL`, append(grantFields(&g), g.UserID, epoch)...)
		if err == nil && inserted == 0 {
			err = oauth.InvalidGrant
		}
		return err
	})
	return wrap("create grant", err)
}

// MintGrant inserts the grant. Its subject need not be a user.
func (s *Store) MintGrant(ctx context.Context, g grant.Grant) error {
	err := s.write(ctx, func(ctx context.Context, tx transaction) error {
		_, err := tx.Exec(ctx, `INSERT INTO grants (`+grantColumns+`)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, grantFields(&g)...)
		return err
	})
	return wrap("mint grant", err)
}

// Grant returns the grant of that id, or oauth.NotFound.
func (s *Store) Grant(ctx context.Context, id oauth.GrantID) (grant.Grant, error) {
	var g grant.Grant
	err := s.readDB.QueryRow(ctx, `SELECT `+grantColumns+` FROM grants WHERE id = ?`, inBytes{&id}).
		Scan(grantFields(&g)...)
	return g, wrap("read grant", noRows(err))
}

// Grants returns the grants that the filter selects, by id.
func (s *Store) Grants(ctx context.Context, f grant.Filter) ([]grant.Grant, error) {
	grants, err := collect(ctx, s.readDB, grantFields, `SELECT `+grantColumns+` FROM grants
		WHERE user_id = ?1 AND ?2 IN ('', client_id) AND id > ?3
			AND (?4 IS NULL OR revoked_at IS NULL AND expires_at > ?4 AND moved_at + idle_lifetime * 1000000 > ?4)
		ORDER BY id LIMIT ?5`, f.Subject, f.ClientID, inBytes{&f.After}, at{&f.NotEndedAt}, f.Limit)
	return grants, wrap("list grants", err)
}

// RevokeGrant revokes the grant if it belongs to the client (to any client if
// clientID is empty) and is not revoked yet. It returns the row as it then is,
// and changed true if this call revoked it.
func (s *Store) RevokeGrant(
	ctx context.Context, id oauth.GrantID, clientID, reason string, now time.Time,
) (g grant.Grant, changed bool, err error) {
	err = s.write(ctx, func(ctx context.Context, tx transaction) error {
		ended, err := endGrants(ctx, tx, oneGrant(id, clientID), reason, now)
		if err != nil {
			return err
		}
		changed = ended > 0
		return tx.QueryRow(ctx, `SELECT `+grantColumns+` FROM grants WHERE id = ? AND ? IN ('', client_id)`,
			inBytes{&id}, clientID).Scan(grantFields(&g)...)
	})
	if err != nil {
		return grant.Grant{}, false, wrap("revoke grant", noRows(err))
	}
	return g, changed, nil
}

// RevokeGrants revokes the subject's grants to the client (to any client if
// clientID is empty) that are not revoked, except the grant of the id except.
// It raises the user's epoch, and returns how many grants it revoked.
func (s *Store) RevokeGrants(
	ctx context.Context, subject, clientID string, except oauth.GrantID, reason string, now time.Time,
) (revoked int, err error) {
	err = s.write(ctx, func(ctx context.Context, tx transaction) error {
		if _, err := tx.Exec(ctx, `UPDATE users SET epoch = epoch + 1 WHERE id = ?`, subject); err != nil {
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

// A selection is the grants that endGrants ends. The first two parameters of
// its statement are the time and the reason, its arguments are the others.
type selection struct {
	end  query
	args []any
}

// oneGrant selects a grant if it belongs to the client, or to any client if
// clientID is empty.
func oneGrant(id oauth.GrantID, clientID string) selection {
	return selection{`UPDATE grants SET revoked_at = ?, revoke_reason = ?
		WHERE id = ? AND ? IN ('', client_id) AND revoked_at IS NULL`, []any{inBytes{&id}, clientID}}
}

// grantsOfSubject selects the grants of a subject to a client, or to any client
// if clientID is empty, except the grant of the id except. The zero id excepts
// none.
func grantsOfSubject(subject, clientID string, except oauth.GrantID) selection {
	return selection{
		`UPDATE grants SET revoked_at = ?, revoke_reason = ?
		WHERE user_id = ? AND ? IN ('', client_id) AND id <> ? AND revoked_at IS NULL`,
		[]any{subject, clientID, inBytes{&except}},
	}
}

// grantsOfClient selects all grants to a client.
func grantsOfClient(clientID string) selection {
	return selection{`UPDATE grants SET revoked_at = ?, revoke_reason = ?
		WHERE client_id = ? AND revoked_at IS NULL`, []any{clientID}}
}

// endGrants revokes the selected grants that are not revoked yet, and returns
// how many it revoked. It is the only function of the store that revokes
// grants.
func endGrants(ctx context.Context, tx transaction, s selection, reason string, now time.Time) (int, error) {
	return tx.Exec(ctx, s.end, append([]any{at{&now}, reason}, s.args...)...)
}
