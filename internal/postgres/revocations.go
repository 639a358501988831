package postgres

import (
	"context"
	"encoding/binary"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"

	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/revocation"
)

// The row of revocation_head is the last lock of a transaction: after those of
// grants, and after the row of versions. So a transaction that holds it never
// waits for another one, and the numbers of entries have the order in which
// they become visible.

// advanceHead takes the numbers of the next entries. :entries is how many, and
// :keep is Options.RevocationKeep. The time of the row is the moment of the
// entries. It never goes back, also if the clock does. Without entries it
// neither locks the row nor returns one.
const advanceHead = `UPDATE revocation_head SET seq = seq + :entries, at = greatest(at, clock_timestamp()), ` + recordKeep +
	` WHERE :entries > 0 RETURNING seq, at, keep, keep_until`

// recordKeep records how long tokens are valid that a server may have issued.
// Its condition is false while tokens of a longer lifetime may still be valid.
const recordKeep = `keep = CASE WHEN keep_until <= ` + tokensUntil + ` THEN :keep ELSE keep END,
	keep_until = greatest(keep_until, ` + tokensUntil + `)`

// tokensUntil is when the last token expires that a server issues until the
// next call of SweepRevocations.
const tokensUntil = `clock_timestamp() + :keep::interval + interval '5 minutes'`

// entryExpiry is the expires_at of an entry with the moment :before. head has
// the result of advanceHead.
const entryExpiry = `greatest(:before + :keep::interval, least(:before + head.keep, head.keep_until))`

// appendRevocations writes entries and returns their moment, which is that of
// all entries without a moment of their own. It must be the last statement of a
// transaction that locks a row. Then the transaction has the locks of all that
// it revokes before the moment, and it cannot wait for another transaction that
// waits for the head.
func (s *Store) appendRevocations(
	ctx context.Context, tx transaction, entries ...grant.Revocation,
) (moment time.Time, err error) {
	return s.appendNotBefore(ctx, tx, time.Time{}, entries...)
}

// appendNotBefore is appendRevocations with a moment that is not before
// earliest. The moment of later entries does not depend on it.
func (s *Store) appendNotBefore(
	ctx context.Context, tx transaction, earliest time.Time, entries ...grant.Revocation,
) (moment time.Time, err error) {
	if len(entries) == 0 {
		return time.Time{}, nil
	}
	kinds, hashes := make([]int16, len(entries)), make([][]byte, len(entries))
	lags, before := make([]time.Duration, len(entries)), make([]zeronull.Timestamptz, len(entries))
	for i, e := range entries {
		kinds[i], hashes[i] = int16(e.Kind), hashColumn(e.Hash)
		lags[i], before[i] = e.Lag, zeronull.Timestamptz(e.Before)
	}
	err = tx.QueryRow(ctx, insertRevocations, kinds, hashes, lags, before, revocation.NewMark(), s.keep,
		zeronull.Timestamptz(earliest)).Scan(&moment)
	if errors.Is(err, pgx.ErrNoRows) {
		err = errNoHead
	}
	return moment, err
}

var errNoHead = errors.New("the table revocation_head has no row")

var insertRevocations = query(`WITH head AS (`+advanceHead+`), entries AS (
		SELECT ord, kind, hash, coalesce(before, greatest(head.at, $7) + lag) AS before
		FROM unnest($1::smallint[], $2::bytea[], $3::interval[], $4::timestamptz[]) WITH ORDINALITY AS e (kind, hash, lag, before, ord), head
	), logged AS (
		INSERT INTO revocations (seq, mark, kind, key, before, expires_at)
		SELECT head.seq - cardinality($1::smallint[]) + ord, $5, kind, hash, before, `+entryExpiry+` FROM entries, head
	) SELECT greatest(at, $7::timestamptz) FROM head`).replace(":entries", `cardinality($1::smallint[])`, ":before", `entries.before`, ":keep", `$6`)

// logEnded are the last CTEs of a statement that ends grants. They write an
// entry for each row of its CTE ended, which has the columns ord and hash.
// :mark is a mark.
//
// The number of rows is an uncorrelated subquery, so that the grants are ended
// before the head is locked. A join of the head with ended would have another
// order. Without the head, seq is NULL, and the statement fails.
const logEnded = `head AS (
		` + advanceHead + `
	), logged AS (
		INSERT INTO revocations (seq, mark, kind, key, before, expires_at)
		SELECT head.seq + 1 - row_number() OVER (ORDER BY ord DESC), :mark, 1, hash, head.at, ` + entryExpiry + ` FROM ended LEFT JOIN head ON TRUE
	)`

// withLog returns a statement that has logEnded. keep and mark are its
// parameters.
func withLog(q, mark, keep query) query {
	return q.replace(":entries", `(SELECT count(*) FROM ended)`, ":before", `head.at`, ":mark", mark, ":keep", keep)
}

// lockHead locks the head before appendRevocations does, so that what the
// transaction reads next is not older than the entries before its own.
func lockHead(ctx context.Context, tx transaction) error {
	_, err := tx.Exec(ctx, `SELECT FROM revocation_head FOR UPDATE`)
	return err
}

// hashColumn returns the column key of an entry.
func hashColumn(h revocation.Hash) []byte { return binary.BigEndian.AppendUint64(nil, uint64(h)) }

// Revocations returns the entries from that number on, in order, and at most
// limit of them.
//
// The time is that of the beginning of the transaction, which is before the
// snapshot of the statement. clock_timestamp, and even statement_timestamp, may
// be after it: then an entry could be committed in between. Revocations fails
// on a server that is read-only, because an old primary does not have the
// entries of the new one.
func (s *Store) Revocations(ctx context.Context, from int64, limit int) (grant.LogPage, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	rows, err := readRows(ctx, s, s.conns.polls, logFields, selectRevocations, from, limit)
	if err != nil {
		return grant.LogPage{}, wrap("read revocations", err)
	}
	if rows[0].readOnly {
		s.pools.reset()
		return grant.LogPage{}, wrap("read revocations", ErrReadOnly)
	}

	page := grant.LogPage{ReadAt: rows[0].readAt}
	for _, r := range rows {
		if r.seq != nil {
			page.Entries = append(page.Entries, r.entry())
		}
	}
	return page, nil
}

const selectRevocations = `SELECT ` + readOnly + `, transaction_timestamp(), e.*
	FROM (VALUES (1)) one LEFT JOIN LATERAL (
		SELECT seq, mark, kind, key, before, expires_at FROM revocations WHERE seq >= $1 ORDER BY seq LIMIT $2
	) e ON true ORDER BY e.seq`

// A logRow is a row of selectRevocations. It has no entry if seq is
// nil: then there are no entries from that number on.
type logRow struct {
	readOnly          bool
	readAt            time.Time
	seq, mark         *int64
	kind              *int16
	hash              []byte
	before, expiresAt time.Time
}

func logFields(r *logRow) []any {
	return []any{&r.readOnly, &r.readAt, &r.seq, &r.mark, &r.kind, &r.hash, at(&r.before), at(&r.expiresAt)}
}

func (r *logRow) entry() grant.LoggedRevocation {
	return grant.LoggedRevocation{
		Position: revocation.Position{Seq: *r.seq, Mark: *r.mark}, Kind: revocation.Kind(*r.kind),
		Entry: revocation.Entry{
			Hash: revocation.Hash(binary.BigEndian.Uint64(r.hash)), Before: r.before.UnixMicro(),
		},
		ExpiresAt: r.expiresAt,
	}
}

// AddRevocations writes entries in a transaction of its own and returns their
// moment.
func (s *Store) AddRevocations(ctx context.Context, entries []grant.Revocation) (moment time.Time, err error) {
	err = s.write(ctx, func(ctx context.Context, tx transaction) error {
		moment, err = s.appendRevocations(ctx, tx, entries...)
		return err
	})
	return moment, wrap("add revocations", err)
}

// SweepRevocations deletes at most limit expired entries, up to the first one
// that has not expired. It also records how long tokens are valid.
func (s *Store) SweepRevocations(ctx context.Context, limit int) (deleted int, err error) {
	err = s.readRow(ctx, s.conns.sweeps, []any{&deleted}, sweepRevocations, limit, s.keep)
	return deleted, wrap("sweep revocations", err)
}

var sweepRevocations = query(`WITH first AS MATERIALIZED (
		SELECT seq, bool_and(expires_at <= now()) OVER (ORDER BY seq) AS expired
		FROM (SELECT seq, expires_at FROM revocations ORDER BY seq LIMIT $1) r
	), locked AS MATERIALIZED (
		SELECT seq FROM revocations WHERE seq IN (SELECT seq FROM first WHERE expired)
			AND seq < (SELECT seq FROM revocation_head) ORDER BY seq FOR UPDATE
	), deleted AS (
		DELETE FROM revocations WHERE seq IN (SELECT seq FROM locked) RETURNING seq
	), recorded AS (
		UPDATE revocation_head SET `+recordKeep+`
	) SELECT count(*) FROM deleted`).replace(":keep", `$2`)
