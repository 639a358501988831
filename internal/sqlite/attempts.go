package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/signetd/signet/internal/throttle"
)

// The table of login attempts has the name guesses. A row is a counter.

// ReserveAttempt adds one attempt to the counters, one after the other until
// one refuses, and returns how many accepted it.
//
// It writes the row of the last counter even if that counter refuses, so that a
// refused attempt takes as long as an accepted one. If a counter before the
// last refuses, it writes nothing: a flood of attempts from a throttled address
// does not keep the disk busy.
func (s *Store) ReserveAttempt(
	ctx context.Context, counters []throttle.Counter, now time.Time,
) (accepted int, err error) {
	err = s.write(ctx, func(ctx context.Context, tx transaction) error {
		for i, c := range counters {
			count, err := readCount(ctx, tx, c.Key)
			if err != nil {
				return err
			}
			count, ok := c.Reserve(count, now)
			if ok || i == len(counters)-1 {
				err = writeCount(ctx, tx, c.Key, count)
			}
			if err != nil || !ok {
				return err
			}
			accepted++
		}
		return nil
	})
	return accepted, wrap("reserve attempt", err)
}

// readCount returns the count of a counter. It is zero if there is no row.
func readCount(ctx context.Context, tx transaction, k throttle.Key) (n throttle.Count, err error) {
	err = tx.QueryRow(ctx, `SELECT last_at, before_at, drained_at FROM guesses WHERE owner = ? AND part = ?`,
		k.Owner[:], k.Part[:]).Scan(at{&n.LastAt}, at{&n.BeforeAt}, at{&n.DrainedAt})
	if errors.Is(err, sql.ErrNoRows) {
		return n, nil
	}
	return n, err
}

// writeCount inserts or replaces the count of a counter.
func writeCount(ctx context.Context, tx transaction, k throttle.Key, n throttle.Count) error {
	_, err := tx.Exec(ctx, `INSERT OR REPLACE INTO guesses (owner, part, last_at, before_at, drained_at)
		VALUES (?, ?, ?, ?, ?)`, k.Owner[:], k.Part[:], at{&n.LastAt}, at{&n.BeforeAt}, at{&n.DrainedAt})
	return err
}

// RefundAttempt undoes the ReserveAttempt of that now in the counters that
// still exist.
func (s *Store) RefundAttempt(ctx context.Context, counters []throttle.Counter, now time.Time) error {
	err := s.write(ctx, func(ctx context.Context, tx transaction) error {
		for _, c := range counters {
			_, err := tx.Exec(ctx, `UPDATE guesses SET drained_at = drained_at - ?,
				last_at = CASE WHEN last_at = ? THEN before_at ELSE last_at END WHERE owner = ? AND part = ?`,
				c.Leak().Microseconds(), at{&now}, c.Key.Owner[:], c.Key.Part[:])
			if err != nil {
				return err
			}
		}
		return nil
	})
	return wrap("refund attempt", err)
}

// DeleteAttempts deletes all counters of an owner.
func (s *Store) DeleteAttempts(ctx context.Context, owner [16]byte) error {
	err := s.write(ctx, func(ctx context.Context, tx transaction) error {
		_, err := tx.Exec(ctx, `DELETE FROM guesses WHERE owner = ?`, owner[:])
		return err
	})
	return wrap("delete attempts", err)
}

// SweepAttempts deletes at most limit counters that have drained at now or
// before, and returns how many it deleted. A drained counter is the same as
// none.
func (s *Store) SweepAttempts(ctx context.Context, now time.Time, limit int) (deleted int, err error) {
	err = s.write(ctx, func(ctx context.Context, tx transaction) error {
		deleted, err = tx.Exec(ctx, `DELETE FROM guesses WHERE (owner, part) IN (
			SELECT owner, part FROM guesses WHERE drained_at <= ? LIMIT ?)`, at{&now}, limit)
		return err
	})
	return deleted, wrap("sweep attempts", err)
}
