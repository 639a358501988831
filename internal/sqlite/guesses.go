package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/signetd/signet/internal/throttle"
)

// ReserveAttempt lets the counters take one more guess, one after the other until one refuses, and returns how many took it. The
// last counter's row is written even if it refuses, so that a refused guess takes as long as one that is not. Before it none
// is: whoever floods us from a throttled address does not keep the disk busy.
func (s *Store) ReserveAttempt(ctx context.Context, counters []throttle.Counter, now time.Time) (taken int, err error) {
	err = s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		taken = 0 // change may run again
		for i, c := range counters {
			n, err := count(ctx, tx, c.Key)
			if err != nil {
				return err
			}
			n, ok := c.Take(n, now)
			if ok || i == len(counters)-1 {
				err = writeCount(ctx, tx, c.Key, n)
			}
			if err != nil || !ok {
				return err
			}
			taken++
		}
		return nil
	})
	return taken, err
}

func count(ctx context.Context, tx *sql.Tx, k throttle.Key) (n throttle.Count, err error) {
	err = tx.QueryRowContext(ctx, `SELECT last_at, before_at, drained_at FROM guesses WHERE owner = ? AND part = ?`,
		k.Owner[:], k.Part[:]).Scan(at{&n.LastAt}, at{&n.BeforeAt}, at{&n.DrainedAt})
	if errors.Is(err, sql.ErrNoRows) {
		return n, nil
	}
	return n, err
}

func writeCount(ctx context.Context, tx *sql.Tx, k throttle.Key, n throttle.Count) error {
	_, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO guesses (owner, part, last_at, before_at, drained_at) VALUES (?, ?, ?, ?, ?)`,
		k.Owner[:], k.Part[:], at{&n.LastAt}, at{&n.BeforeAt}, at{&n.DrainedAt})
	return err
}

// RefundAttempt undoes a ReserveAttempt of that now, as far as the counters still exist.
func (s *Store) RefundAttempt(ctx context.Context, counters []throttle.Counter, now time.Time) error {
	return s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for _, c := range counters {
			if _, err := tx.ExecContext(ctx, `UPDATE guesses SET drained_at = drained_at - ?,
				last_at = CASE WHEN last_at = ? THEN before_at ELSE last_at END WHERE owner = ? AND part = ?`,
				c.Leak().Microseconds(), at{&now}, c.Key.Owner[:], c.Key.Part[:]); err != nil {
				return err
			}
		}
		return nil
	})
}

// DeleteAttempts deletes all counters of an owner.
func (s *Store) DeleteAttempts(ctx context.Context, owner [16]byte) error {
	return s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM guesses WHERE owner = ?`, owner[:])
		return err
	})
}

// SweepAttempts deletes at most limit counters that have drained, and returns how many. Those say no more than none.
func (s *Store) SweepAttempts(ctx context.Context, now time.Time, limit int) (swept int, err error) {
	err = s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		n, err := affected(tx.ExecContext(ctx, `DELETE FROM guesses WHERE (owner, part) IN (
			SELECT owner, part FROM guesses WHERE drained_at <= ? LIMIT ?)`, at{&now}, limit))
		swept = int(n)
		return err
	})
	return swept, err
}
