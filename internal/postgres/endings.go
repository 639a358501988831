package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

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
	// first part is the same for all rows, so a statement evaluates it
	// once. The table is often empty, and then the second part is not
	// evaluated.
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

// countLive counts the live grants of the subject $1 to the client $2, or to
// any client if it is empty, except the grant $3. They were created until $6,
// or until now if it is NULL. It also returns the time of the newest grant of
// the subject, or now if that is later.
const countLive = `WITH moment AS MATERIALIZED (
		SELECT greatest(clock_timestamp(), (SELECT max(created_at) FROM grants WHERE user_id = $1)) AS at
	), live AS (
		SELECT FROM (
			SELECT g.* FROM grants g WHERE g.user_id = $1 ORDER BY g.created_at DESC, g.id DESC LIMIT $4
		) g CROSS JOIN moment
		WHERE $2 IN ('', g.client_id) AND g.id IS DISTINCT FROM $3 AND g.revoked_at IS NULL AND g.expires_at > moment.at
			AND ` + idleSince + ` + g.idle_lifetime * interval '1 second' > moment.at AND` + notRevoked + `
			AND g.created_at <= coalesce($6, moment.at)
		LIMIT $5
	) SELECT at, (SELECT count(*) FROM live) FROM moment`

// addEnding stores an ending, and writes an entry with that lag into the log.
// It returns the number of live grants that the ending concerns. An ending
// without a reason is a suspension. The transaction has locked the row of the
// user, if there is one.
//
// The time of the ending is the moment of the entry without the lag. It is
// after the row of the user was locked, and not before the creation of a grant
// of the subject, even if the clock was set back. What takes long, or waits for
// a lock, comes before the entry.
//
// If there is an ending that differs only in its time, addEnding raises that
// time. So a client that repeats an act does not fill the table. The scan of
// the worker goes on, since it follows the creation times.
func (s *Store) addEnding(
	ctx context.Context, tx transaction, e grant.Ending, lag time.Duration,
) (ended grant.Ended, err error) {
	except, err := findExcept(ctx, tx, e)
	if err != nil {
		return ended, err
	}
	same, err := lockEndings(ctx, tx, e, except)
	if err != nil {
		return ended, err
	}
	var newest time.Time
	err = tx.QueryRow(ctx, countLive, e.Subject, e.ClientID, except.column(), grant.MaxCountExamined, grant.MaxCounted,
		at(&e.CreatedUntil)).Scan(at(&newest), &ended.Live)
	if err != nil {
		return ended, err
	}

	if except.exists {
		if err := lockHead(ctx, tx); err != nil {
			return ended, err
		}
	}
	entries, err := entriesOf(ctx, tx, e, except, lag)
	if err != nil {
		return ended, err
	}
	if ended.At, err = s.appendNotBefore(ctx, tx, newest, entries...); err != nil {
		return ended, err
	}
	return ended, storeEnding(ctx, tx, e, except, same, ended.At)
}

// An exception is the grant that an ending excepts, if it exists.
type exception struct {
	exists   bool
	id       [16]byte
	clientID string
}

// column returns the except_id of an ending. NULL excepts no grant.
func (x exception) column() *[16]byte {
	if !x.exists {
		return nil
	}
	return &x.id
}

// findExcept returns the grant that the ending excepts, if the ending would
// concern it.
func findExcept(ctx context.Context, tx transaction, e grant.Ending) (exception, error) {
	if e.Except == (oauth.GrantID{}) {
		return exception{}, nil
	}
	x := exception{exists: true, id: e.Except}
	err := tx.QueryRow(ctx, `SELECT client_id FROM grants WHERE id = $1 AND user_id = $2 AND $3 IN ('', client_id)`,
		x.id, e.Subject, e.ClientID).Scan(&x.clientID)
	if errors.Is(err, pgx.ErrNoRows) {
		return exception{}, nil
	}
	return x, err
}

// lockEndings locks the endings that differ from e only in their times, and
// returns their ids.
func lockEndings(ctx context.Context, tx transaction, e grant.Ending, except exception) ([]int64, error) {
	if e.Reason == "" {
		return nil, nil
	}
	fields := func(id *int64) []any { return []any{id} }
	return collect(ctx, tx, fields, `SELECT id FROM endings WHERE subject = $1 AND client_id = $2
		AND except_id IS NOT DISTINCT FROM $3 AND reason = $4 AND created_until < 'infinity' ORDER BY id FOR UPDATE`,
		e.Subject, e.ClientID, except.column(), e.Reason)
}

// entriesOf returns the entries of an ending.
func entriesOf(
	ctx context.Context, tx transaction, e grant.Ending, except exception, lag time.Duration,
) ([]grant.Revocation, error) {
	subject := grant.RevokedSubject(e.Subject, e.ClientID)
	subject.Lag = lag
	if !except.exists {
		return []grant.Revocation{subject}, nil
	}
	exempt := grant.ExemptGrant(e.Except)
	var accepted bool
	anyClient, atClient := grant.RevokedSubject(e.Subject, ""), grant.RevokedSubject(e.Subject, except.clientID)
	err := tx.QueryRow(ctx, isAccepted, except.id,
		hashColumn(exempt.Hash), hashColumn(anyClient.Hash), hashColumn(atClient.Hash)).Scan(&accepted)
	if accepted {
		return []grant.Revocation{exempt, subject}, err
	}
	return []grant.Revocation{subject}, err
}

// isAccepted is true for a grant $1 that is not revoked, if verifiers accept
// all its tokens: there is no entry about the subject that concerns them.
// Otherwise an entry that exempts the grant would make such a token valid
// again. $2, $3 and $4 are the hashes of the entries about the grant, the
// subject, and the subject at the client.
const isAccepted = `SELECT EXISTS (SELECT FROM grants g WHERE g.id = $1 AND g.revoked_at IS NULL AND` + notRevoked + `
		AND NOT EXISTS (
			SELECT FROM revocations r WHERE r.kind IN (4, 5) AND r.key IN ($3, $4)
				AND r.before > g.created_at AND r.expires_at > clock_timestamp() AND NOT EXISTS (
					SELECT FROM revocations x WHERE x.kind = 8 AND x.key = $2 AND x.before >= r.before)
		))`

// storeEnding stores an ending of that time, or raises the time of the same
// endings. It waits for no lock: the transaction has locked the same endings,
// and the row of the user if e is a suspension.
func storeEnding(
	ctx context.Context, tx transaction, e grant.Ending, except exception, same []int64, moment time.Time,
) error {
	if len(same) > 0 {
		_, err := tx.Exec(ctx, `UPDATE endings
			SET at = $1::timestamptz, created_until = greatest(created_until, coalesce($2::timestamptz, $1::timestamptz)), actor = $3,
				next_at = least(next_at, $1::timestamptz)
			WHERE id = ANY ($4)`, moment, at(&e.CreatedUntil), e.Actor, same)
		return err
	}
	_, err := tx.Exec(ctx, `INSERT INTO endings (subject, client_id, except_id, reason, actor, at, created_until, next_at)
		VALUES ($1, $2, $3, $4, $5, $6::timestamptz, CASE $4 WHEN '' THEN 'infinity' ELSE coalesce($7, $6::timestamptz) END,
			CASE $4 WHEN '' THEN 'infinity'::timestamptz ELSE $6 END)
		ON CONFLICT DO NOTHING -- the subject is suspended`,
		e.Subject, e.ClientID, except.column(), e.Reason, e.Actor, moment, at(&e.CreatedUntil))
	return err
}

// isSuspended reports whether the grants of a user are suspended.
func isSuspended(ctx context.Context, tx transaction, userID string) (suspended bool, err error) {
	err = tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM endings WHERE subject = $1 AND reason = '')`, userID).Scan(&suspended)
	return suspended, err
}

// liftSuspension ends the suspension of the grants of a user, if there is one.
func liftSuspension(ctx context.Context, tx transaction, userID string) error {
	_, err := tx.Exec(ctx, `DELETE FROM endings WHERE subject = $1 AND reason = ''`, userID)
	return err
}

// addClientEndings revokes all grants to deleted clients, and those that a
// request in progress still creates. A client that is created with the same id
// later ends that, see restrictClientEndings. The time of the ending is the
// moment of the entry in the log without its lag, and after the ending before
// it, also if the clock was set back; see createdAt.
func addClientEndings(
	ctx context.Context, tx transaction, clientIDs []string, reason, actor string, moment time.Time,
) error {
	if len(clientIDs) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, `INSERT INTO endings (subject, client_id, except_id, reason, actor, at, created_until, next_at)
		SELECT '', client_id, NULL, $2, $3, at, 'infinity', clock_timestamp() FROM (
			SELECT deleted.client_id, greatest($4::timestamptz, (
				SELECT max(created_until) + interval '1 microsecond' FROM endings e
				WHERE subject = '' AND e.client_id = deleted.client_id AND created_until < 'infinity')) AS at
			FROM unnest($1::text[]) AS deleted (client_id)) moment`,
		clientIDs, reason, actor, moment)
	return err
}

// restrictClientEndings makes the endings of deleted clients concern no grant
// that is created from now on.
func restrictClientEndings(ctx context.Context, tx transaction, clientIDs []string) error {
	if len(clientIDs) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, `UPDATE endings SET created_until = greatest(at, clock_timestamp())
		WHERE subject = '' AND client_id = ANY ($1) AND created_until = 'infinity'`, clientIDs)
	return err
}
