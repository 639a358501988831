package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
)

// maxApplied is how many endings one call of ApplyEndings continues at most.
const maxApplied = 64

// A pendingEnding is an ending that a worker continues.
type pendingEnding struct {
	id              int64
	subject, reason string
	at              time.Time
	scanAt          time.Time
	found           int
	cursorAt        int64
	cursorID        oauth.GrantID
}

// The next grants of the scan of the ending ?1, with their creation times and
// whether to revoke them. The scan of a subject follows the index of the
// subject's grants. That of a client follows the ids of all grants.
const (
	examineOfSubject = `SELECT g.id, g.created_at,` + toRevoke + ` FROM endings e JOIN grants g ON g.user_id = e.subject
		WHERE e.id = ?1 AND g.created_at <= e.created_until AND (g.created_at, g.id) > (e.cursor_at, e.cursor_id)
		ORDER BY g.created_at, g.id LIMIT ?2`
	examineOfClient = `SELECT g.id, g.created_at,` + toRevoke + ` FROM endings e JOIN grants g ON g.id > e.cursor_id
		WHERE e.id = ?1 ORDER BY g.id LIMIT ?2`

	// toRevoke is whether the worker must revoke a grant. It leaves a grant
	// alone whose absolute lifetime ended at ?3, a day ago, or before. So if
	// the clock was ahead by less than a day, the worker still finds all grants
	// that are live. The idle lifetime does not count: if an operator accepts a
	// restore later, a token that is ahead of the row may continue the grant.
	toRevoke = ` (` + concerned + ` AND g.revoked_at IS NULL AND g.expires_at > ?3) `
)

// ApplyEndings continues with the endings that are due, one after the other.
func (s *Store) ApplyEndings(
	ctx context.Context, limit int, delay time.Duration,
) (applied grant.AppliedEndings, err error) {
	var due int
	now := s.clock()
	err = s.readDB.QueryRow(ctx, `SELECT count(*) FROM (SELECT 1 FROM endings WHERE next_at <= ? LIMIT 1)`, at{&now}).Scan(&due)
	if err != nil || due == 0 {
		return applied, wrap("apply endings", err)
	}
	err = s.write(ctx, func(ctx context.Context, tx transaction) error {
		for applied.Examined < limit && applied.Continued < maxApplied {
			e, err := s.dueEnding(ctx, tx)
			if errors.Is(err, sql.ErrNoRows) {
				return nil
			}
			if err == nil {
				err = s.apply(ctx, tx, e, limit-applied.Examined, delay, &applied)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	return applied, wrap("apply endings", err)
}

// dueEnding returns the first ending that is due, or sql.ErrNoRows.
func (s *Store) dueEnding(ctx context.Context, tx transaction) (e pendingEnding, err error) {
	now := s.clock()
	err = tx.QueryRow(ctx, `SELECT id, subject, reason, at, coalesce(scan_at, ?1), found, cursor_at, cursor_id
		FROM endings WHERE next_at <= ?1 ORDER BY next_at, id LIMIT 1`, at{&now}).
		Scan(&e.id, &e.subject, &e.reason, at{&e.at}, at{&e.scanAt}, &e.found, &e.cursorAt, inBytes{&e.cursorID})
	return e, err
}

// apply examines at most limit grants for an ending and revokes those that it
// concerns.
func (s *Store) apply(
	ctx context.Context, tx transaction, e pendingEnding, limit int, delay time.Duration, applied *grant.AppliedEndings,
) error {
	scan := query(examineOfSubject)
	if e.subject == "" {
		scan = examineOfClient
	}
	expired := s.clock().Add(-24 * time.Hour)
	examined, err := collect(ctx, tx, examinedFields, scan, e.id, limit, at{&expired})
	if err != nil {
		return err
	}
	for _, x := range examined {
		e.cursorAt, e.cursorID = x.createdAt.UnixMicro(), x.id
		if !x.revoke {
			continue
		}
		e.found++
		applied.Revoked++
		if err := endGrant(ctx, tx, grant.Grant{ID: x.id, RevokedAt: e.at, RevokeReason: e.reason}); err != nil {
			return err
		}
	}
	applied.Continued++
	applied.Examined += len(examined)
	return s.finish(ctx, tx, e, len(examined) < limit, delay, applied)
}

// An examinedGrant is a row of examineOfSubject and examineOfClient.
type examinedGrant struct {
	id        oauth.GrantID
	createdAt time.Time
	revoke    bool
}

// examinedFields returns the fields of an examinedGrant.
func examinedFields(x *examinedGrant) []any {
	return []any{inBytes{&x.id}, at{&x.createdAt}, &x.revoke}
}

// finish writes what remains of the ending. After a whole scan, the next one
// begins when no request can be in progress any more that began before the
// ending.
func (s *Store) finish(
	ctx context.Context, tx transaction, e pendingEnding, scanned bool, delay time.Duration,
	applied *grant.AppliedEndings,
) (err error) {
	switch next := e.at.Add(delay); {
	case scanned && e.found == 0 && !e.scanAt.Before(next):
		applied.Done++
		_, err = tx.Exec(ctx, `DELETE FROM endings WHERE id = ?`, e.id)
	case scanned:
		_, err = tx.Exec(ctx, `UPDATE endings SET scan_at = NULL, found = 0, cursor_at = -1, cursor_id = zeroblob(16), next_at = ?
			WHERE id = ?`, at{&next}, e.id)
	default:
		now := s.clock() // The other endings come first.
		_, err = tx.Exec(ctx, `UPDATE endings SET scan_at = ?, found = ?, cursor_at = ?, cursor_id = ?, next_at = ?
			WHERE id = ?`, at{&e.scanAt}, e.found, e.cursorAt, inBytes{&e.cursorID}, at{&now}, e.id)
	}
	return err
}
