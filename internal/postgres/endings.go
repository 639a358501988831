package postgres

import (
	"context"

	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
)

// The table endings has the acts that end or suspend many grants, and that are
// not yet written into each of them. Every statement that reads a grant g looks
// it up there, so that an act has effect as soon as it is committed.

// concerned selects the endings e that concern the grant g.
const concerned = ` e.subject IN (g.user_id, '') AND e.client_id IN (g.client_id, '')
	AND g.created_at <= e.created_until AND g.id IS DISTINCT FROM e.except_id `

const (
	// notEnded is true for a grant that no ending revokes or suspends. Its
	// first part is the same for all rows, so a statement evaluates it once.
	// The table is often empty, and then the second part is not evaluated.
	notEnded = ` (NOT EXISTS (SELECT FROM endings) OR NOT EXISTS (SELECT FROM endings e WHERE` + concerned + `)) `
	// notRevoked is true for a grant that no ending revokes.
	notRevoked = ` NOT EXISTS (SELECT FROM endings e WHERE` + concerned + `AND e.reason <> '') `

	// withEndings joins the ending r that revokes the grant g and the
	// suspension s. Their columns are NULL if there is none.
	withEndings = ` LEFT JOIN LATERAL (
			SELECT at, reason FROM endings e WHERE` + concerned + `AND e.reason <> '' ORDER BY at, e.id LIMIT 1
		) r ON TRUE LEFT JOIN LATERAL (
			SELECT at FROM endings e WHERE` + concerned + `AND e.reason = '' LIMIT 1
		) s ON TRUE `

	// currentColumns are grantColumns with what endings say of the grant. A
	// refresh is decided by them.
	currentColumns = tokenColumns + `g.moved_at` + lifetimeColumns
	// readColumns are currentColumns for all who do not decide a refresh: a
	// grant is live for one idle lifetime after a restore.
	readColumns = tokenColumns + idleSince + ` AS moved_at` + lifetimeColumns

	tokenColumns    = `g.id, g.user_id, g.client_id, g.generation, g.key_hash, g.mac_key, `
	lifetimeColumns = `, g.idle_lifetime, g.expires_at,
		s.at AS suspended_at, coalesce(g.revoked_at, r.at) AS revoked_at,
		CASE WHEN g.revoked_at IS NULL AND r.at IS NOT NULL THEN r.reason ELSE g.revoke_reason END AS revoke_reason,
		g.scope, g.audience, g.auth_time, g.amr, g.device_label, g.ip, g.created_at, g.claims`
)

// idleSince is when the idle lifetime of a grant g began. After a restore the
// row may be older than the grant: then it began at the restore at the
// earliest.
const idleSince = `greatest(g.moved_at, (SELECT restored_at FROM versions WHERE name = 'ring'))`

// storedRotatedAt is the time in the row of a grant g if readColumns have the
// time of a restore instead.
const storedRotatedAt = `, CASE WHEN ` + idleSince + ` > g.moved_at THEN g.moved_at END AS stored_rotated_at`

// exceptID returns the except_id of an ending. NULL excepts no grant.
func exceptID(id oauth.GrantID) *[16]byte {
	if id == (oauth.GrantID{}) {
		return nil
	}
	return (*[16]byte)(&id)
}

// moment is the time of an act: the time after the row of the user or of the
// client was locked. It is not before the creation of a grant of the subject
// $1, even if the clock was set back.
const moment = `WITH moment AS MATERIALIZED (
		SELECT greatest(clock_timestamp(), (SELECT max(created_at) FROM grants WHERE user_id = $1)) AS at
	), `

// countLive counts the live grants of the subject $1 to the client $2, or to
// any client if it is empty, except the grant $3. They were created until $6,
// or until the moment if it is NULL.
const countLive = `live AS (
		SELECT FROM (
			SELECT g.* FROM grants g WHERE g.user_id = $1 ORDER BY g.created_at DESC, g.id DESC LIMIT $4
		) g CROSS JOIN moment
		WHERE $2 IN ('', g.client_id) AND g.id IS DISTINCT FROM $3 AND g.revoked_at IS NULL AND g.expires_at > moment.at
			AND ` + idleSince + ` + g.idle_lifetime * interval '1 second' > moment.at AND` + notRevoked + `
			AND g.created_at <= coalesce($6, moment.at)
		LIMIT $5
	) `

// addEnding stores an ending and returns the number of grants that it concerns.
// An ending without a reason is a suspension. The transaction has locked the
// row of the user or of the client, if there is one.
//
// If there is an ending that differs only in its moment, addEnding raises that
// moment. So a client that repeats an act does not fill the table. The scan of
// the worker goes on, since it follows the creation times.
func addEnding(ctx context.Context, tx transaction, e grant.Ending) (grant.Ended, error) {
	var ended grant.Ended
	err := tx.QueryRow(ctx, moment+countLive+`, excepted AS (
			SELECT id FROM grants WHERE id = $3 AND user_id = $1 AND $2 IN ('', client_id)
		), raised AS (
			UPDATE endings SET at = moment.at, created_until = greatest(created_until, coalesce($6, moment.at)), actor = $8,
				next_at = least(next_at, moment.at)
			FROM moment WHERE subject = $1 AND client_id = $2 AND except_id IS NOT DISTINCT FROM (SELECT id FROM excepted)
				AND reason = $7 AND reason <> '' AND created_until < 'infinity'
			RETURNING 1
		), added AS (
			INSERT INTO endings (subject, client_id, except_id, reason, actor, at, created_until, next_at)
			SELECT $1, $2, (SELECT id FROM excepted), $7, $8, at, CASE $7 WHEN '' THEN 'infinity' ELSE coalesce($6, at) END,
				CASE $7 WHEN '' THEN 'infinity' ELSE at END FROM moment WHERE NOT EXISTS (SELECT FROM raised)
			ON CONFLICT DO NOTHING -- the subject is suspended
		) SELECT at, (SELECT count(*) FROM live) FROM moment`,
		e.Subject, e.ClientID, exceptID(e.Except), grant.MaxCountExamined, grant.MaxCounted,
		at(&e.CreatedUntil), e.Reason, e.Actor).Scan(at(&ended.At), &ended.Live)
	return ended, err
}

// liftSuspension ends the suspension of the grants of a user, if there is one.
func liftSuspension(ctx context.Context, tx transaction, userID string) error {
	_, err := tx.Exec(ctx, `DELETE FROM endings WHERE subject = $1 AND reason = ''`, userID)
	return err
}

// addClientEnding revokes all grants to a deleted client, and those that a
// request in progress still creates. A client that is created with the same id
// later ends that, see restrictClientEnding. The time of the ending is after
// the ending before it, also if the clock was set back; see createdAt.
func addClientEnding(ctx context.Context, tx transaction, clientID, reason, actor string) error {
	_, err := tx.Exec(ctx, `INSERT INTO endings (subject, client_id, except_id, reason, actor, at, created_until, next_at)
		SELECT '', $1, NULL, $2, $3, at, 'infinity', clock_timestamp() FROM (SELECT greatest(clock_timestamp(), (
			SELECT max(created_until) + interval '1 microsecond' FROM endings
			WHERE subject = '' AND client_id = $1 AND created_until < 'infinity')) AS at) moment`,
		clientID, reason, actor)
	return err
}

// restrictClientEnding makes the ending of a deleted client concern no grant
// that is created from now on.
func restrictClientEnding(ctx context.Context, tx transaction, clientID string) error {
	_, err := tx.Exec(ctx, `UPDATE endings SET created_until = greatest(at, clock_timestamp())
		WHERE subject = '' AND client_id = $1 AND created_until = 'infinity'`, clientID)
	return err
}
