package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/revocation"
)

// recordInterval is how often SweepRevocations is called at least.
const recordInterval = 5 * time.Minute

// advanceHead takes the numbers of the next ?1 entries. ?2 is the clock, ?3 is
// Options.RevocationKeep and ?4 is when the last token expires that a server
// issues until the next call of SweepRevocations. The time of the row is the
// moment of the entries. It never goes back, also if the clock does.
//
// keep stays the same while tokens of a longer lifetime may still be valid.
const advanceHead = `UPDATE revocation_head SET seq = seq + ?1, at = iif(?1 > 0, max(at, ?2), at),
		keep = iif(keep_until <= ?4, ?3, keep), keep_until = max(keep_until, ?4)
	RETURNING seq, at, keep, keep_until`

// A head is the row of revocation_head.
type head struct {
	seq       int64
	at        time.Time
	keep      time.Duration
	keepUntil time.Time
}

// advanceHead runs the statement of that name.
func (s *Store) advanceHead(ctx context.Context, tx transaction, entries int) (head, error) {
	now := s.clock()
	until := now.Add(s.keep + recordInterval)
	var h head
	err := tx.QueryRow(ctx, advanceHead,
		entries, at{&now}, inMicros{&s.keep}, at{&until}).
		Scan(&h.seq, at{&h.at}, inMicros{&h.keep}, at{&h.keepUntil})
	if errors.Is(err, sql.ErrNoRows) {
		err = errNoHead
	}
	return h, err
}

var errNoHead = errors.New("the table revocation_head has no row")

// appendRevocations writes entries and returns their moment, which is that of
// all entries without a moment of their own.
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
	h, err := s.advanceHead(ctx, tx, len(entries))
	if err != nil {
		return time.Time{}, err
	}
	moment = h.at
	if earliest.After(moment) {
		moment = earliest
	}
	mark, first := revocation.NewMark(), h.seq-int64(len(entries))+1
	for i, e := range entries {
		before := e.Before
		if before.IsZero() {
			before = moment.Add(e.Lag)
		}
		expires := s.entryExpiry(h, before)
		_, err := tx.Exec(ctx, `INSERT INTO revocations (seq, mark, kind, key, before, expires_at) VALUES (?, ?, ?, ?, ?, ?)`,
			first+int64(i), mark, e.Kind, inHash{&e.Hash}, at{&before}, at{&expires})
		if err != nil {
			return time.Time{}, err
		}
	}
	return moment, nil
}

// entryExpiry returns the expires_at of an entry with this moment.
func (s *Store) entryExpiry(h head, before time.Time) time.Time {
	expires, older := before.Add(s.keep), before.Add(h.keep)
	if older.After(h.keepUntil) {
		older = h.keepUntil
	}
	if older.After(expires) {
		return older
	}
	return expires
}

// Revocations returns the entries from that number on, in order, and at most
// limit of them.
func (s *Store) Revocations(ctx context.Context, from int64, limit int) (grant.LogPage, error) {
	page := grant.LogPage{ReadAt: s.clock()}
	var err error
	page.Entries, err = collect(ctx, s.pollDB, logFields,
		`SELECT seq, mark, kind, key, before, expires_at FROM revocations WHERE seq >= ? ORDER BY seq LIMIT ?`, from, limit)
	if err != nil {
		return grant.LogPage{}, wrap("read revocations", err)
	}
	return page, nil
}

func logFields(e *grant.LoggedRevocation) []any {
	return []any{&e.Seq, &e.Mark, &e.Kind, inHash{&e.Entry.Hash}, &e.Entry.Before, at{&e.ExpiresAt}}
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
	err = s.write(ctx, func(ctx context.Context, tx transaction) error {
		h, err := s.advanceHead(ctx, tx, 0)
		if err != nil {
			return err
		}
		now := s.clock()
		deleted, err = tx.Exec(ctx, `DELETE FROM revocations WHERE seq < ?3 AND seq IN (SELECT seq FROM (
				SELECT seq, min(expires_at <= ?1) OVER (ORDER BY seq) AS expired
				FROM (SELECT seq, expires_at FROM revocations ORDER BY seq LIMIT ?2)
			) WHERE expired)`, at{&now}, limit, h.seq)
		return err
	})
	return deleted, wrap("sweep revocations", err)
}
