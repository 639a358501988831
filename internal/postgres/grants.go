package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
)

const grantColumns = `id, user_id, client_id, generation, key_hash, mac_key, moved_at, idle_lifetime, expires_at,
	suspended_at, revoked_at, revoke_reason, scope, audience, auth_time, amr, device_label, ip, created_at, claims`

// storedColumns are grantColumns of a grant g that is not suspended. Whether a
// grant is suspended is in the table endings. The column suspended_at is left
// from the first version of the schema.
const storedColumns = `g.id, g.user_id, g.client_id, g.generation, g.key_hash, g.mac_key, g.moved_at, g.idle_lifetime, g.expires_at,
	NULL::timestamptz AS suspended_at, g.revoked_at, g.revoke_reason, g.scope, g.audience, g.auth_time, g.amr, g.device_label, g.ip,
	g.created_at, g.claims`

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

// createdAt is the creation time of a grant of the subject $2 to the client $3:
// now, and after the acts that concern such grants. So no act concerns a later
// grant, even if the clock was set back.
//
// It is the time before the statement takes its snapshot. So a client that the
// snapshot does not show as deleted, and that is deleted and created again
// while the statement runs, is created later than the grant.
const createdAt = `greatest(statement_timestamp(), (SELECT max(created_until) + interval '1 microsecond' FROM endings
		WHERE subject IN ($2, '') AND client_id IN ($3, '') AND created_until < 'infinity'))`

// insertGrant inserts a grant, unless its client was deleted. Its parameters
// are the values of grantColumns without created_at, and $20, the creation time
// of the client as its record has it.
const (
	insertGrant = `INSERT INTO grants AS g (` + grantColumns + `)
		SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, created.at, $19
		FROM created WHERE NOT EXISTS (
			SELECT FROM endings WHERE subject = '' AND client_id = $3 AND created_until = 'infinity'
		) AND ($20 = '' OR EXISTS (SELECT FROM clients WHERE id = $3 AND record->>'created_at' = $20))
		RETURNING created_at`

	// lockUser locks the row of a user against acts. It is a statement of its
	// own, so that insertUserGrant has a clock and a snapshot of the time after
	// the wait for the lock.
	lockUser = `SELECT FROM users WHERE id = $1 FOR SHARE`

	// insertUserGrant follows lockUser. $21 is the epoch and $22 the limit of
	// the count.
	insertUserGrant = `WITH created AS MATERIALIZED (
			SELECT ` + createdAt + ` AS at FROM users WHERE id = $2 AND epoch = $21 AND disabled_at IS NULL
		), inserted AS (` + insertGrant + `)
		SELECT i.created_at, (SELECT count(*) FROM (
			SELECT FROM (
				SELECT g.* FROM grants g WHERE g.user_id = $2 ORDER BY g.created_at DESC, g.id DESC
				LIMIT CASE WHEN $22 > 0 THEN $23 ELSE 0 END
			) g WHERE g.client_id = $3 AND g.revoked_at IS NULL AND g.expires_at > i.created_at
				AND ` + idleSince + ` + g.idle_lifetime * interval '1 second' > i.created_at AND` + notRevoked + `
			LIMIT $22::bigint
		) others) FROM inserted i`

	insertMintedGrant = `WITH created AS MATERIALIZED (SELECT ` + createdAt + ` AS at), inserted AS (` + insertGrant + `)
		SELECT created_at, 0 FROM inserted`
)

// CreateGrant inserts the grant if its user exists, is enabled and still has
// that epoch. Otherwise it returns oauth.InvalidGrant. It locks the row of the
// user, so it runs either before or after any act on the user's grants.
func (s *Store) CreateGrant(ctx context.Context, g grant.Grant, epoch int64, limit int) (grant.Created, error) {
	args := append(newGrant(g), epoch, limit, grant.MaxCountExamined)
	created, err := s.insertGrant(ctx, lockUsers+g.UserID, func(q *queries) *pgx.QueuedQuery {
		q.Queue(lockUser, g.UserID)
		return q.Queue(insertUserGrant, args...)
	})
	if err == nil && limit > 0 {
		created.Live++ // The statement does not see the new grant.
	}
	return created, wrap("create grant", err)
}

// MintGrant inserts the grant. Its subject need not be a user.
func (s *Store) MintGrant(ctx context.Context, g grant.Grant) (grant.Created, error) {
	created, err := s.insertGrant(ctx, lockGrants+string(g.ID[:]), func(q *queries) *pgx.QueuedQuery {
		return q.Queue(insertMintedGrant, newGrant(g)...)
	})
	return created, wrap("mint grant", err)
}

// newGrant returns the arguments of insertGrant.
func newGrant(g grant.Grant) []any {
	g.SuspendedAt = time.Time{}
	values := grantFields(&g)
	return append(values[:18:18], values[19], clientCreatedAt(g))
}

// clientCreatedAt returns the creation time of the client as the record of the
// client has it. It is empty for the zero time, which is not compared.
func clientCreatedAt(g grant.Grant) string {
	if g.ClientCreatedAt.IsZero() {
		return ""
	}
	return g.ClientCreatedAt.Format(time.RFC3339Nano) // as encoding/json writes it
}

// insertGrant runs insertUserGrant or insertMintedGrant, which insert queues.
// It returns oauth.InvalidGrant if the statement inserts nothing.
func (s *Store) insertGrant(
	ctx context.Context, lockOrder string, insert func(*queries) *pgx.QueuedQuery,
) (grant.Created, error) {
	var created grant.Created
	var rowErr error
	err := s.share(ctx, &writeRequest{lockOrder: lockOrder, durable: true, queue: func(q *queries) {
		insert(q).Query(scanOne([]any{at(&created.At), &created.Live}, &rowErr))
	}})
	if err == nil {
		err = rowErr
	}
	if errors.Is(err, oauth.NotFound) {
		err = oauth.InvalidGrant
	}
	return created, err
}

// Grant returns the grant of that id, or oauth.NotFound.
func (s *Store) Grant(ctx context.Context, id oauth.GrantID) (grant.Grant, error) {
	g, err := s.grants.read(ctx, id)
	return g, wrap("read grant", err)
}

// newGrantReader returns the reader of grants by their ids.
func (s *Store) newGrantReader() rowReader[oauth.GrantID, grant.Grant] {
	return rowReader[oauth.GrantID, grant.Grant]{
		conns: s.conns.reads, timeout: s.timeout,
		one: `SELECT ` + readColumns + storedRotatedAt + ` FROM grants g` + withEndings + `WHERE g.id = $1`,
		many: `SELECT k.ord, ` + readColumns + storedRotatedAt + ` FROM unnest($1::uuid[]) WITH ORDINALITY k (id, ord)
			JOIN grants g USING (id)` + withEndings,
		fields: func(g *grant.Grant) []any { return append(grantFields(g), at(&g.StoredRotatedAt)) },
		arg:    func(id oauth.GrantID) any { return [16]byte(id) },
		args: func(ids []oauth.GrantID) any {
			array := make([][16]byte, len(ids))
			for i, id := range ids {
				array[i] = id
			}
			return array
		},
	}
}

// Grants returns a page of the grants that the filter selects, the newest
// first.
func (s *Store) Grants(ctx context.Context, f grant.Filter) (grant.Page, error) {
	var p grant.Page
	after := []any{f.Subject, at(&f.After.CreatedAt), [16]byte(f.After.ID)}
	last, err := readRows(ctx, s, s.conns.lists, positionFields, `SELECT created_at, id FROM grants
		WHERE user_id = $1 AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3))
		ORDER BY created_at DESC, id DESC OFFSET $4 LIMIT 1`, append(after, grant.MaxExamined-1)...)
	if err != nil {
		return p, wrap("list grants", err)
	}
	if len(last) > 0 {
		p.Next = last[0]
	}

	p.Grants, err = readRows(ctx, s, s.conns.lists, grantFields, `SELECT `+readColumns+` FROM grants g`+withEndings+`
		WHERE g.user_id = $1 AND ($2::timestamptz IS NULL OR (g.created_at, g.id) < ($2, $3))
			AND ($4::timestamptz IS NULL OR (g.created_at, g.id) >= ($4, $5))
			AND $6 IN ('', g.client_id) AND ($7::timestamptz IS NULL OR
				g.revoked_at IS NULL AND r.at IS NULL AND g.expires_at > $7
				AND `+idleSince+` + g.idle_lifetime * interval '1 second' > $7)
		ORDER BY g.created_at DESC, g.id DESC LIMIT $8`,
		append(after, at(&p.Next.CreatedAt), [16]byte(p.Next.ID), f.ClientID, at(&f.NotEndedAt), f.Limit+1)...)
	if len(p.Grants) > f.Limit {
		p.Grants = p.Grants[:f.Limit]
		p.Next = p.Grants[f.Limit-1].Position()
	}
	return p, wrap("list grants", err)
}

// positionFields returns the columns of a position in a list.
func positionFields(p *grant.Position) []any { return []any{at(&p.CreatedAt), (*[16]byte)(&p.ID)} }
