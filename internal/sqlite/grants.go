package sqlite

import (
	"context"
	"time"

	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
)

const grantColumns = `id, user_id, client_id, generation, key_hash, mac_key, moved_at, idle_lifetime, expires_at,
	suspended_at, revoked_at, revoke_reason, scope, audience, auth_time, amr, device_label, ip, created_at, claims`

const (
	// selectGrant selects the grant of an id to decide a refresh.
	selectGrant = `SELECT ` + currentColumns + ` FROM grants g` + withEndings + `WHERE g.id = ?`
	// readGrant selects the grant of an id for everybody else.
	readGrant = `SELECT ` + readColumns + ` FROM grants g` + withEndings + `WHERE g.id = ?`
	// readStoredGrant is readGrant with StoredRotatedAt.
	readStoredGrant = `SELECT ` + readColumns + `, iif(` + idleSince + ` > g.moved_at, g.moved_at, NULL)
		FROM grants g` + withEndings + `WHERE g.id = ?`
)

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
func (s *Store) CreateGrant(
	ctx context.Context, g grant.Grant, epoch int64, limit int,
) (created grant.Created, err error) {
	err = s.write(ctx, func(ctx context.Context, tx transaction) error {
		var users int
		err := tx.QueryRow(ctx, `SELECT count(*) FROM users WHERE id = ? AND epoch = ? AND disabled_at IS NULL`,
			g.UserID, epoch).Scan(&users)
		if err == nil && users == 0 {
			err = oauth.InvalidGrant
		}
		if err == nil {
			created.At, err = s.insertGrant(ctx, tx, g)
		}
		if err != nil || limit <= 0 {
			return err
		}
		return tx.QueryRow(ctx, `SELECT count(*) FROM (SELECT 1 FROM (
				SELECT * FROM grants WHERE user_id = ?2 ORDER BY created_at DESC, id DESC LIMIT ?4
			) g WHERE g.client_id = ?3 AND`+live+`LIMIT ?5)`,
			at{&created.At}, g.UserID, g.ClientID, grant.MaxCountExamined, limit+1).Scan(&created.Live)
	})
	return created, wrap("create grant", err)
}

// MintGrant inserts the grant. Its subject need not be a user.
func (s *Store) MintGrant(ctx context.Context, g grant.Grant) (created grant.Created, err error) {
	err = s.write(ctx, func(ctx context.Context, tx transaction) error {
		created.At, err = s.insertGrant(ctx, tx, g)
		return err
	})
	return created, wrap("mint grant", err)
}

// insertGrant inserts a grant, unless its client was deleted, and returns its
// creation time: now, and after the acts that concern grants of its subject to
// its client. So no act concerns a later grant, even if the clock was set back.
func (s *Store) insertGrant(ctx context.Context, tx transaction, g grant.Grant) (createdAt time.Time, err error) {
	var deleted bool
	var lastAct time.Time
	err = tx.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM endings WHERE subject = '' AND client_id = ?1 AND created_until = ?2)
				OR ?4 <> '' AND NOT EXISTS (SELECT 1 FROM clients WHERE id = ?1 AND record ->> 'created_at' = ?4),
			(SELECT max(created_until) FROM endings
				WHERE subject IN (?3, '') AND client_id IN (?1, '') AND created_until < ?2)`,
		g.ClientID, forever, g.UserID, clientCreatedAt(g)).Scan(&deleted, at{&lastAct})
	if err == nil && deleted {
		err = oauth.InvalidGrant
	}
	if err != nil {
		return createdAt, err
	}
	if g.CreatedAt = s.clock(); !lastAct.Before(g.CreatedAt) {
		g.CreatedAt = lastAct.Add(time.Microsecond)
	}
	g.SuspendedAt = time.Time{}
	_, err = tx.Exec(ctx, `INSERT INTO grants (`+grantColumns+`)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, grantFields(&g)...)
	return g.CreatedAt, err
}

// clientCreatedAt returns the creation time of the client as the record of the
// client has it. It is empty for the zero time, which is not compared.
func clientCreatedAt(g grant.Grant) string {
	if g.ClientCreatedAt.IsZero() {
		return ""
	}
	return g.ClientCreatedAt.Format(time.RFC3339Nano) // as encoding/json writes it
}

// Grant returns the grant of that id, or oauth.NotFound.
func (s *Store) Grant(ctx context.Context, id oauth.GrantID) (grant.Grant, error) {
	var g grant.Grant
	err := s.readRow(ctx, append(grantFields(&g), at{&g.StoredRotatedAt}), readStoredGrant, inBytes{&id})
	return g, wrap("read grant", noRows(err))
}

// Grants returns a page of the grants that the filter selects, the newest
// first.
func (s *Store) Grants(ctx context.Context, f grant.Filter) (grant.Page, error) {
	var p grant.Page
	after := []any{f.Subject, at{&f.After.CreatedAt}, inBytes{&f.After.ID}}
	last, err := readList(ctx, s, positionFields, `SELECT created_at, id FROM grants
		WHERE user_id = ?1 AND (?2 IS NULL OR (created_at, id) < (?2, ?3))
		ORDER BY created_at DESC, id DESC LIMIT 1 OFFSET ?4`, append(after, grant.MaxExamined-1)...)
	if err != nil {
		return p, wrap("list grants", err)
	}
	if len(last) > 0 {
		p.Next = last[0]
	}

	p.Grants, err = readList(ctx, s, grantFields, `SELECT `+readColumns+` FROM grants g`+withEndings+`
		WHERE g.user_id = ?1 AND (?2 IS NULL OR (g.created_at, g.id) < (?2, ?3))
			AND (?4 IS NULL OR (g.created_at, g.id) >= (?4, ?5))
			AND ?6 IN ('', g.client_id) AND (?7 IS NULL OR g.revoked_at IS NULL AND r.at IS NULL
				AND g.expires_at > ?7 AND `+idleSince+` + g.idle_lifetime * 1000000 > ?7)
		ORDER BY g.created_at DESC, g.id DESC LIMIT ?8`,
		append(after, at{&p.Next.CreatedAt}, inBytes{&p.Next.ID}, f.ClientID, at{&f.NotEndedAt}, f.Limit+1)...)
	if len(p.Grants) > f.Limit {
		p.Grants = p.Grants[:f.Limit]
		p.Next = p.Grants[f.Limit-1].Position()
	}
	return p, wrap("list grants", err)
}

// positionFields returns the columns of a position in a list.
func positionFields(p *grant.Position) []any { return []any{at{&p.CreatedAt}, inBytes{&p.ID}} }
