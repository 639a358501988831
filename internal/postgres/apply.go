package postgres

import (
	"context"
	"time"

	"github.com/signetd/signet/internal/grant"
)

const (
	// maxApplied is how many endings one call of ApplyEndings continues at
	// most.
	maxApplied = 64
	// minExamined is how many grants it examines at least for each of them.
	minExamined = 8
)

// A pendingEnding is an ending that a worker continues.
type pendingEnding struct {
	id       int64
	subject  string
	at       time.Time
	scanAt   time.Time
	found    int64
	cursorAt *time.Time // nil at the beginning of a scan
	cursorID [16]byte

	examined int  // by this call
	done     bool // by this call
}

// pendingEndingFields returns the columns of dueEndings.
func pendingEndingFields(e *pendingEnding) []any {
	return []any{&e.id, &e.subject, at(&e.at), at(&e.scanAt), &e.found, &e.cursorAt, &e.cursorID}
}

// dueEndings locks the endings that are due. A scan begins before the next
// statement takes its snapshot, so it examines all grants that were committed
// by then.
const dueEndings = `SELECT id, subject, at, coalesce(scan_at, clock_timestamp()), found,
		nullif(cursor_at, '-infinity'), cursor_id
	FROM endings WHERE next_at <= statement_timestamp() ORDER BY next_at, id LIMIT $1 FOR UPDATE SKIP LOCKED`

// The next grants of the scan of each ending. The columns are the ending, the
// grant, when it was created, and whether to revoke it, when and why. The scan
// of a subject follows the index of the subject's grants. That of a client
// follows the ids of all grants.
const (
	examineOfSubject = `SELECT e.id, g.id, g.created_at, (` + toRevoke + `), e.at, e.reason
		FROM endings e CROSS JOIN LATERAL (
			SELECT g.* FROM grants g WHERE g.user_id = e.subject AND g.created_at <= e.created_until
				AND (g.created_at, g.id) > (e.cursor_at, e.cursor_id) ORDER BY g.created_at, g.id LIMIT $2
		) g WHERE e.id = ANY ($1)`
	examineOfClient = `SELECT e.id, g.id, g.created_at, (` + toRevoke + `), e.at, e.reason
		FROM endings e CROSS JOIN LATERAL (
			SELECT g.* FROM grants g WHERE g.id > e.cursor_id ORDER BY g.id LIMIT $2
		) g WHERE e.id = ANY ($1)`

	// toRevoke is whether the worker must revoke a grant. It leaves a grant
	// alone whose absolute lifetime ended more than a day ago. So if the clock
	// was ahead by less than a day, the worker still finds all grants that are
	// live. The idle lifetime does not count: if an operator accepts a restore
	// later, a token that is ahead of the row may continue the grant.
	toRevoke = concerned + ` AND g.revoked_at IS NULL AND g.expires_at > clock_timestamp() - interval '1 day'`
)

// ApplyEndings continues with the endings that are due.
func (s *Store) ApplyEndings(
	ctx context.Context, limit int, delay time.Duration,
) (applied grant.AppliedEndings, err error) {
	err = s.transact(ctx, s.conns.sweeps, beginDurable, func(ctx context.Context, tx transaction) error {
		endings, err := collect(ctx, tx, pendingEndingFields, dueEndings, maxApplied)
		if err != nil || len(endings) == 0 {
			return err
		}
		each := max(limit/len(endings), minExamined)
		grants, err := examine(ctx, tx, endings, each)
		if err != nil {
			return err
		}
		revoked, err := endGrants(ctx, tx, grants)
		if err != nil {
			return err
		}

		applied = grant.AppliedEndings{Revoked: len(revoked), Continued: len(endings)}
		q := &queries{}
		for i := range endings {
			e := &endings[i]
			e.finish(q, each, delay)
			applied.Examined += e.examined
			if e.done {
				applied.Done++
			}
		}
		return tx.Send(ctx, q)
	})
	return applied, wrap("apply endings", err)
}

// examine returns the grants to revoke among the next grants of each ending. It
// moves the cursors of the endings forward.
func examine(ctx context.Context, tx transaction, endings []pendingEnding, each int) ([]pendingGrant, error) {
	byID := make(map[int64]*pendingEnding, len(endings))
	var ofSubject, ofClient []int64
	for i := range endings {
		e := &endings[i]
		byID[e.id] = e
		if e.subject == "" {
			ofClient = append(ofClient, e.id)
		} else {
			ofSubject = append(ofSubject, e.id)
		}
	}

	var toRevoke []pendingGrant
	for _, scan := range []struct {
		statement query
		endings   []int64
	}{{examineOfSubject, ofSubject}, {examineOfClient, ofClient}} {
		if len(scan.endings) == 0 {
			continue
		}
		examined, err := collect(ctx, tx, examinedFields, scan.statement, scan.endings, each)
		if err != nil {
			return nil, err
		}
		for _, x := range examined {
			e := byID[x.ending]
			e.examined++
			e.cursorAt, e.cursorID = &x.createdAt, x.grant.id
			if x.revoke {
				e.found++
				toRevoke = append(toRevoke, x.grant)
			}
		}
	}
	return toRevoke, nil
}

// An examinedGrant is a row of examineOfSubject and examineOfClient.
type examinedGrant struct {
	ending    int64
	createdAt time.Time
	revoke    bool
	grant     pendingGrant
}

// examinedFields returns the fields of an examinedGrant.
func examinedFields(x *examinedGrant) []any {
	return []any{&x.ending, &x.grant.id, at(&x.createdAt), &x.revoke, at(&x.grant.at), &x.grant.reason}
}

// finish queues what remains of the ending after this call. After a whole scan,
// the next one begins when no request can be in progress any more that began
// before the ending.
func (e *pendingEnding) finish(q *queries, each int, delay time.Duration) {
	scanned := e.examined < each
	switch e.done = scanned && e.found == 0 && !e.scanAt.Before(e.at.Add(delay)); {
	case e.done:
		q.Queue(`DELETE FROM endings WHERE id = $1`, e.id)
	case scanned:
		q.Queue(`UPDATE endings SET scan_at = NULL, found = 0, cursor_at = DEFAULT, cursor_id = DEFAULT,
			next_at = at + $2 WHERE id = $1`, e.id, delay)
	default:
		q.Queue(`UPDATE endings SET scan_at = $2, found = $3, cursor_at = $4, cursor_id = $5, next_at = clock_timestamp()
			WHERE id = $1`, // The other endings come first.
			e.id, e.scanAt, e.found, e.cursorAt, e.cursorID)
	}
}
