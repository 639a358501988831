package sqlite

import (
	"context"
	"math"
	"time"

	"github.com/signetd/signet/internal/grant"
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

	// revokingEnding and suspension are the rowid of the ending that revokes or
	// suspends the grant g.
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

// addEnding stores an ending and returns the number of grants that it concerns.
// An ending without a reason is a suspension.
//
// If there is an ending that differs only in its moment, addEnding raises that
// moment. So a client that repeats an act does not fill the table. The scan of
// the worker goes on, since it follows the creation times.
func (s *Store) addEnding(ctx context.Context, tx transaction, e grant.Ending) (grant.Ended, error) {
	ended, err := s.moment(ctx, tx, &e)
	if err != nil {
		return ended, err
	}
	until, next := e.CreatedUntil.UnixMicro(), ended.At.UnixMicro()
	if e.Reason == "" {
		until, next = forever, forever
	}
	args := []any{e.Subject, e.ClientID, orNull{&e.Except}, e.Reason, e.Actor, at{&ended.At}, until, next}
	raised, err := tx.Exec(ctx, `UPDATE endings
		SET at = ?6, created_until = max(created_until, ?7), actor = ?5, next_at = min(next_at, ?8)
		WHERE subject = ?1 AND client_id = ?2 AND except_id IS `+excepted+` AND reason = ?4 AND reason <> ''
			AND created_until < `+foreverText, args...)
	if err == nil && raised == 0 {
		_, err = tx.Exec(ctx, `INSERT INTO endings (subject, client_id, except_id, reason, actor, at, created_until, next_at)
			VALUES (?1, ?2, `+excepted+`, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING -- the subject is suspended`, args...)
	}
	return ended, err
}

// excepted is the excepted grant ?3, or NULL if the act does not concern it.
const excepted = `(SELECT id FROM grants WHERE id = ?3 AND user_id = ?1 AND ?2 IN ('', client_id))`

// moment returns the time of an act, and the number of live grants that it
// concerns. The time is not before the creation of a grant of the subject, even
// if the clock was set back. moment sets CreatedUntil if it is not set.
func (s *Store) moment(ctx context.Context, tx transaction, e *grant.Ending) (grant.Ended, error) {
	ended := grant.Ended{At: s.clock()}
	if e.Subject == "" {
		return ended, nil
	}
	var newest time.Time
	if err := tx.QueryRow(ctx, `SELECT max(created_at) FROM grants WHERE user_id = ?`, e.Subject).Scan(at{&newest}); err != nil {
		return ended, err
	}
	if newest.After(ended.At) {
		ended.At = newest
	}
	if e.CreatedUntil.IsZero() {
		e.CreatedUntil = ended.At
	}
	err := tx.QueryRow(ctx, `SELECT count(*) FROM (SELECT 1 FROM (
			SELECT * FROM grants WHERE user_id = ?2 ORDER BY created_at DESC, id DESC LIMIT ?5
		) g WHERE ?3 IN ('', g.client_id) AND g.id IS NOT ?4 AND g.created_at <= ?7 AND`+live+`LIMIT ?6)`,
		at{&ended.At}, e.Subject, e.ClientID, orNull{&e.Except}, grant.MaxCountExamined, grant.MaxCounted,
		at{&e.CreatedUntil}).Scan(&ended.Live)
	return ended, err
}

// liftSuspension ends the suspension of the grants of a user, if there is one.
func liftSuspension(ctx context.Context, tx transaction, userID string) error {
	_, err := tx.Exec(ctx, `DELETE FROM endings WHERE subject = ? AND reason = ''`, userID)
	return err
}

// addClientEnding revokes all grants to a deleted client, and those that a
// request in progress still creates. A client that is created with the same id
// later ends that, see restrictClientEnding.
func (s *Store) addClientEnding(ctx context.Context, tx transaction, clientID, reason, actor string) error {
	now := s.clock()
	_, err := tx.Exec(ctx, `INSERT INTO endings (subject, client_id, reason, actor, at, created_until, next_at)
		VALUES ('', ?1, ?2, ?3, ?4, `+foreverText+`, ?4)`, clientID, reason, actor, at{&now})
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
