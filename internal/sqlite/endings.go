package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"time"

	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
)

// The table endings has the acts that end or suspend many grants, and that are
// not yet written into each of them. Every statement that reads a grant g looks
// it up there, so that an act has effect as soon as it is committed.

// concerned selects the endings e that concern the grant g.
const concerned = ` e.subject IN (g.user_id, '') AND e.client_id IN (g.client_id, '')
	AND g.created_at <= e.created_until AND g.id IS NOT e.except_id `

const (
	// notEnded is true for a grant that no ending revokes or suspends.
	notEnded = ` NOT EXISTS (SELECT 1 FROM endings e WHERE` + concerned + `) `
	// notRevoked is true for a grant that no ending revokes.
	notRevoked = ` NOT EXISTS (SELECT 1 FROM endings e WHERE` + concerned + `AND e.reason <> '') `

	// revokingEnding and suspension are the rowid of the ending that
	// revokes or suspends the grant g.
	revokingEnding = `(SELECT e.id FROM endings e WHERE` + concerned + `AND e.reason <> '' ORDER BY at, e.id LIMIT 1)`
	suspension     = `(SELECT e.id FROM endings e WHERE` + concerned + `AND e.reason = '' LIMIT 1)`

	// withEndings joins the ending r that revokes the grant g and the
	// suspension s. Their columns are NULL if there is none.
	withEndings = ` LEFT JOIN endings r ON r.id = ` + revokingEnding + ` LEFT JOIN endings s ON s.id = ` + suspension + ` `

	// currentColumns are grantColumns with what endings say of the grant. A
	// refresh is decided by them.
	currentColumns = tokenColumns + `g.moved_at` + lifetimeColumns
	// readColumns are currentColumns for all who do not decide a refresh: a
	// grant is live for one idle lifetime after a restore.
	readColumns = tokenColumns + idleSince + lifetimeColumns

	tokenColumns    = `g.id, g.user_id, g.client_id, g.generation, g.key_hash, g.mac_key, `
	lifetimeColumns = `, g.idle_lifetime, g.expires_at,
		s.at, coalesce(g.revoked_at, r.at), iif(g.revoked_at IS NULL AND r.at IS NOT NULL, r.reason, g.revoke_reason),
		g.scope, g.audience, g.auth_time, g.amr, g.device_label, g.ip, g.created_at, g.claims`
)

// forever is a time after all others.
const (
	forever     = math.MaxInt64
	foreverText = `9223372036854775807`
)

// idleSince is when the idle lifetime of a grant g began. After a restore the
// row may be older than the grant: then it began at the restore at the
// earliest.
const idleSince = `max(g.moved_at, coalesce((SELECT restored_at FROM versions WHERE name = 'ring'), g.moved_at))`

// live is true for a grant that is neither revoked nor expired at the time ?1.
const live = ` g.revoked_at IS NULL AND g.expires_at > ?1 AND ` + idleSince + ` + g.idle_lifetime * 1000000 > ?1 AND` + notRevoked

// addEnding stores an ending, and writes an entry with that lag into the log.
// It returns the number of live grants that the ending concerns. An ending
// without a reason is a suspension.
//
// The time of the ending is the moment of the entry without the lag. It is not
// before the creation of a grant of the subject, even if the clock was set
// back.
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
	entries, err := s.entriesOf(ctx, tx, e, except, lag)
	if err != nil {
		return ended, err
	}
	newest, err := newestGrant(ctx, tx, e.Subject)
	if err != nil {
		return ended, err
	}
	if ended.At, err = s.appendNotBefore(ctx, tx, newest, entries...); err != nil {
		return ended, err
	}

	if e.CreatedUntil.IsZero() {
		e.CreatedUntil = ended.At
	}
	err = tx.QueryRow(ctx, `SELECT count(*) FROM (SELECT 1 FROM (
			SELECT * FROM grants WHERE user_id = ?2 ORDER BY created_at DESC, id DESC LIMIT ?5
		) g WHERE ?3 IN ('', g.client_id) AND g.id IS NOT ?4 AND g.created_at <= ?7 AND`+live+`LIMIT ?6)`,
		at{&ended.At}, e.Subject, e.ClientID, orNull{&except.id}, grant.MaxCountExamined, grant.MaxCounted,
		at{&e.CreatedUntil}).Scan(&ended.Live)
	if err != nil {
		return ended, err
	}
	return ended, storeEnding(ctx, tx, e, except, ended.At)
}

// An exception is the grant that an ending excepts. Its id is zero if there is
// none.
type exception struct {
	id       oauth.GrantID
	clientID string
}

// findExcept returns the grant that the ending excepts, if the ending would
// concern it.
func findExcept(ctx context.Context, tx transaction, e grant.Ending) (exception, error) {
	x := exception{id: e.Except}
	err := tx.QueryRow(ctx, `SELECT client_id FROM grants WHERE id = ?3 AND user_id = ?1 AND ?2 IN ('', client_id)`,
		e.Subject, e.ClientID, inBytes{&e.Except}).Scan(&x.clientID)
	if errors.Is(err, sql.ErrNoRows) {
		return exception{}, nil
	}
	return x, err
}

// entriesOf returns the entries of an ending.
func (s *Store) entriesOf(
	ctx context.Context, tx transaction, e grant.Ending, except exception, lag time.Duration,
) ([]grant.Revocation, error) {
	subject := grant.RevokedSubject(e.Subject, e.ClientID)
	subject.Lag = lag
	if except.id == (oauth.GrantID{}) {
		return []grant.Revocation{subject}, nil
	}
	exempt, now := grant.ExemptGrant(except.id), s.clock()
	anyClient, atClient := grant.RevokedSubject(e.Subject, ""), grant.RevokedSubject(e.Subject, except.clientID)
	var accepted bool
	err := tx.QueryRow(ctx, isAccepted, inBytes{&except.id},
		inHash{&exempt.Hash}, inHash{&anyClient.Hash}, inHash{&atClient.Hash}, at{&now}).Scan(&accepted)
	if accepted {
		return []grant.Revocation{exempt, subject}, err
	}
	return []grant.Revocation{subject}, err
}

// isAccepted is true for a grant ?1 that is not revoked, if verifiers accept
// all its tokens: there is no entry about the subject that concerns them.
// Otherwise an entry that exempts the grant would make such a token valid
// again. ?2, ?3 and ?4 are the hashes of the entries about the grant, the
// subject, and the subject at the client. The condition on kind is as in the
// index, so that SQLite uses the index.
const isAccepted = `SELECT EXISTS (SELECT 1 FROM grants g WHERE g.id = ?1 AND g.revoked_at IS NULL AND` + notRevoked + `
		AND NOT EXISTS (
			SELECT 1 FROM revocations r WHERE r.kind IN (4, 5, 8) AND r.kind <> 8 AND r.key IN (?3, ?4)
				AND r.before > g.created_at AND r.expires_at > ?5 AND NOT EXISTS (
					SELECT 1 FROM revocations x WHERE x.kind IN (4, 5, 8) AND x.kind = 8 AND x.key = ?2 AND x.before >= r.before)
		))`

// newestGrant returns when the newest grant of a subject was created.
func newestGrant(ctx context.Context, tx transaction, subject string) (created time.Time, err error) {
	err = tx.QueryRow(ctx, `SELECT max(created_at) FROM grants WHERE user_id = ?`, subject).Scan(at{&created})
	return created, err
}

// storeEnding stores an ending of that time, or raises the time of the ending
// that differs only in its time.
func storeEnding(ctx context.Context, tx transaction, e grant.Ending, except exception, moment time.Time) error {
	until, next := e.CreatedUntil.UnixMicro(), moment.UnixMicro()
	if e.Reason == "" {
		until, next = forever, forever
	}
	args := []any{e.Subject, e.ClientID, orNull{&except.id}, e.Reason, e.Actor, at{&moment}, until, next}
	raised, err := tx.Exec(ctx, `UPDATE endings
		SET at = ?6, created_until = max(created_until, ?7), actor = ?5, next_at = min(next_at, ?8)
		WHERE subject = ?1 AND client_id = ?2 AND except_id IS ?3 AND reason = ?4 AND reason <> ''
			AND created_until < `+foreverText, args...)
	if err == nil && raised == 0 {
		_, err = tx.Exec(ctx, `INSERT INTO endings (subject, client_id, except_id, reason, actor, at, created_until, next_at)
			VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING -- the subject is suspended`, args...)
	}
	return err
}

// isSuspended reports whether the grants of a user are suspended.
func isSuspended(ctx context.Context, tx transaction, userID string) (suspended bool, err error) {
	err = tx.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM endings WHERE subject = ? AND reason = '')`, userID).Scan(&suspended)
	return suspended, err
}

// liftSuspension ends the suspension of the grants of a user, if there is one.
func liftSuspension(ctx context.Context, tx transaction, userID string) error {
	_, err := tx.Exec(ctx, `DELETE FROM endings WHERE subject = ? AND reason = ''`, userID)
	return err
}

// addClientEnding revokes all grants to a deleted client, and those that a
// request in progress still creates. A client that is created with the same id
// later ends that, see restrictClientEnding. moment is that of the entry in the
// log without its lag.
func addClientEnding(
	ctx context.Context, tx transaction, clientID, reason, actor string, moment time.Time,
) error {
	_, err := tx.Exec(ctx, `INSERT INTO endings (subject, client_id, reason, actor, at, created_until, next_at)
		VALUES ('', ?1, ?2, ?3, ?4, `+foreverText+`, ?4)`, clientID, reason, actor, at{&moment})
	return err
}

// restrictClientEnding makes the ending of a deleted client concern no grant
// that is created from now on.
func (s *Store) restrictClientEnding(ctx context.Context, tx transaction, clientID string) error {
	now := s.clock()
	_, err := tx.Exec(ctx, `UPDATE endings SET created_until = ? WHERE subject = '' AND client_id = ? AND created_until = ?`,
		at{&now}, clientID, forever)
	return err
}
