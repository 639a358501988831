package postgres

import (
	"context"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signetd/signet/internal/throttle"
)

// takeFrom is throttle.Counter.Take in one statement: it returns a row if the counter takes the guess, and none if it refuses.
// Its parameters are the time $1, the key $2 and $3, the leak $4, the level $5 at which the counter is full, the free guesses
// $6, the waits $7 and the skew of clocks $8. All times are in microseconds.
const (
	takeFrom = `INSERT INTO guesses AS g (owner, part, last_at, before_at, drained_at)
		SELECT $2::bytea, $3::bytea, $1::bigint, 0, $1 + $4::bigint WHERE ` + always + `
		ON CONFLICT (owner, part) DO UPDATE SET before_at = g.last_at, last_at = ` + later + `,
			drained_at = ` + later + ` + least(` + level + ` + $4, $5::bigint)
		WHERE ` + setBack + ` OR greatest($1 - g.last_at, 0) >= ` + wait + `
		RETURNING 1`

	always  = `TRUE`
	setBack = `g.last_at > $1 + $8::bigint`
	later   = `CASE WHEN ` + setBack + ` THEN $1 ELSE greatest($1, g.last_at) END`
	level   = `greatest(g.drained_at - greatest(g.last_at, $1), 0)`
	guesses = `(` + level + ` + $4 - 1) / $4`
	wait    = `coalesce(($7::bigint[])[least(` + guesses + ` - $6::bigint, cardinality($7::bigint[]))::int], 0)`
)

// takeFromBoth asks the second counter, whose parameters are $9 to $14, only if the first has taken the guess.
var takeFromBoth = `WITH first AS (` + takeFrom + `), second AS (` + strings.NewReplacer(
	"$2", "$9", "$3", "$10", "$4", "$11", "$5", "$12", "$6", "$13", "$7", "$14", always, "EXISTS (SELECT FROM first)",
).Replace(takeFrom) + `) SELECT 1 FROM first UNION ALL SELECT 1 FROM second`

// ReserveAttempt lets the counters take one more guess, one after the other until one refuses, and returns how many took it.
func (s *Store) ReserveAttempt(ctx context.Context, counters []throttle.Counter, now time.Time) (int, error) {
	statement, args := takeFrom, append([]any{now.UnixMicro()}, parameters(counters[0])...)
	args = append(args, throttle.MaxSkew.Microseconds())
	if len(counters) > 1 {
		statement, args = takeFromBoth, append(args, parameters(counters[1])...)
	}
	var taken int
	err := s.share(ctx, guessAt(counters, func(b *pgx.Batch) { b.Queue(statement, args...).Exec(changed(&taken)) }))
	return taken, err
}

func guessAt(counters []throttle.Counter, queue func(*pgx.Batch)) *writing {
	k := counters[0].Key
	return &writing{order: amongGuesses + string(k.Owner[:]) + string(k.Part[:]), counters: counters, queue: queue}
}

func parameters(c throttle.Counter) []any {
	waits := make([]int64, len(c.Waits))
	for i, w := range c.Waits {
		waits[i] = w.Microseconds()
	}
	leak := c.Leak().Microseconds()
	return []any{c.Key.Owner[:], c.Key.Part[:], leak, int64(c.Burst()) * leak, c.Free, waits}
}

// RefundAttempt undoes a ReserveAttempt of that now, as far as the counters still exist. It locks their rows in the order in which
// ReserveAttempt does.
func (s *Store) RefundAttempt(ctx context.Context, counters []throttle.Counter, now time.Time) error {
	var owners, parts [][]byte
	var leaks []int64
	for _, c := range counters {
		owners, parts, leaks = append(owners, c.Key.Owner[:]), append(parts, c.Key.Part[:]), append(leaks, c.Leak().Microseconds())
	}
	return s.share(ctx, guessAt(counters, func(b *pgx.Batch) {
		b.Queue(`WITH locked AS MATERIALIZED (
			SELECT owner, part, leak
			FROM unnest($1::bytea[], $2::bytea[], $3::bigint[]) WITH ORDINALITY AS p (owner, part, leak, ord) JOIN guesses g USING (owner, part)
			ORDER BY ord FOR NO KEY UPDATE OF g
		) UPDATE guesses g SET drained_at = g.drained_at - leak,
			last_at = CASE WHEN g.last_at = $4 THEN g.before_at ELSE g.last_at END
		FROM locked WHERE g.owner = locked.owner AND g.part = locked.part`, owners, parts, leaks, now.UnixMicro())
	}))
}

// DeleteAttempts deletes all counters of an owner.
func (s *Store) DeleteAttempts(ctx context.Context, owner [16]byte) error {
	return s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM guesses WHERE owner = $1`, owner[:])
		return err
	})
}

// SweepAttempts deletes at most limit counters that have drained, and returns how many. Those say no more than none. It passes
// over those that somebody else is writing.
func (s *Store) SweepAttempts(ctx context.Context, now time.Time, limit int) (swept int, err error) {
	err = s.write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `DELETE FROM guesses g USING (
				SELECT owner, part FROM guesses WHERE drained_at <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED
			) old WHERE g.owner = old.owner AND g.part = old.part`, now.UnixMicro(), limit)
		swept = int(tag.RowsAffected())
		return err
	})
	return swept, err
}
