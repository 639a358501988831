package postgres

import (
	"context"
	"time"

	"github.com/signetd/signet/internal/throttle"
)

// The table of login attempts has the name guesses. A row is a counter.

// reserve is throttle.Counter.Reserve in one statement. It returns a row if the
// counter accepts the attempt, and none if it refuses.
//
// The parameters are the time $1, the key $2 and $3, the leak $4, the level $5
// at which the counter is full, the free attempts $6, the waits $7 and the
// greatest difference of clocks $8. All times are in microseconds.
const (
	reserve = `INSERT INTO guesses AS g (owner, part, last_at, before_at, drained_at)
		SELECT $2::bytea, $3::bytea, $1::bigint, 0, $1 + $4::bigint WHERE ` + always + `
		ON CONFLICT (owner, part) DO UPDATE SET before_at = g.last_at, last_at = ` + attemptAt + `,
			drained_at = ` + attemptAt + ` + least(` + level + ` + $4, $5::bigint)
		WHERE ` + clockSetBack + ` OR greatest($1 - g.last_at, 0) >= ` + wait + `
		RETURNING 1`

	always       = `TRUE`
	clockSetBack = `g.last_at > $1 + $8::bigint`
	attemptAt    = `CASE WHEN ` + clockSetBack + ` THEN $1 ELSE greatest($1, g.last_at) END`
	level        = `greatest(g.drained_at - greatest(g.last_at, $1), 0)`
	attempts     = `(` + level + ` + $4 - 1) / $4`
	wait         = `coalesce(($7::bigint[])[least(` + attempts + ` - $6::bigint, cardinality($7::bigint[]))::int], 0)`
)

// reserveAll has the statement for each number of counters. The parameters of
// the second counter are $9 to $14, those of the third $15 to $20. A counter
// reserves if the counter before it accepts the attempt. The statement returns
// a row for each counter that accepts.
var reserveAll = map[int]query{
	1: reserve,
	2: `WITH first AS (` + reserve + `), second AS (` + reserveSecond + `)
		SELECT 1 FROM first UNION ALL SELECT 1 FROM second`,
	3: `WITH first AS (` + reserve + `), second AS (` + reserveSecond + `), third AS (` + reserveThird + `)
		SELECT 1 FROM first UNION ALL SELECT 1 FROM second UNION ALL SELECT 1 FROM third`,
}

var (
	reserveSecond = query(reserve).replace(
		"$2", "$9", "$3", "$10", "$4", "$11", "$5", "$12", "$6", "$13", "$7", "$14",
		always, "EXISTS (SELECT FROM first)")
	reserveThird = query(reserve).replace(
		"$2", "$15", "$3", "$16", "$4", "$17", "$5", "$18", "$6", "$19", "$7", "$20",
		always, "EXISTS (SELECT FROM second)")
)

// ReserveAttempt adds one attempt to the counters, one after the other until
// one refuses, and returns how many accepted it.
func (s *Store) ReserveAttempt(ctx context.Context, counters []throttle.Counter, now time.Time) (int, error) {
	args := append([]any{now.UnixMicro()}, counterArgs(counters[0])...)
	args = append(args, throttle.MaxSkew.Microseconds())
	for _, c := range counters[1:] {
		args = append(args, counterArgs(c)...)
	}

	var accepted int
	err := s.share(ctx, attemptRequest(counters, func(q *queries) {
		q.Queue(reserveAll[len(counters)], args...).Exec(setChanged(&accepted))
	}))
	return accepted, wrap("reserve attempt", err)
}

// counterArgs returns the arguments of a counter, $2 to $7.
func counterArgs(c throttle.Counter) []any {
	waits := make([]int64, len(c.Waits))
	for i, w := range c.Waits {
		waits[i] = w.Microseconds()
	}
	leak := c.Leak().Microseconds()
	return []any{c.Key.Owner[:], c.Key.Part[:], leak, int64(c.Burst()) * leak, c.Free, waits}
}

// attemptRequest returns a request that changes the counters.
func attemptRequest(counters []throttle.Counter, queue func(*queries)) *writeRequest {
	k := counters[0].Key
	order := lockAttempts + string(k.Owner[:]) + string(k.Part[:])
	return &writeRequest{lockOrder: order, counters: counters, queue: queue}
}

// RefundAttempt undoes the ReserveAttempt of that now in the counters that
// still exist. It locks their rows in the order in which ReserveAttempt does.
func (s *Store) RefundAttempt(ctx context.Context, counters []throttle.Counter, now time.Time) error {
	var owners, parts [][]byte
	var leaks []int64
	for _, c := range counters {
		owners, parts = append(owners, c.Key.Owner[:]), append(parts, c.Key.Part[:])
		leaks = append(leaks, c.Leak().Microseconds())
	}

	return wrap("refund attempt", s.share(ctx, attemptRequest(counters, func(q *queries) {
		q.Queue(`WITH locked AS MATERIALIZED (
			SELECT owner, part, leak
			FROM unnest($1::bytea[], $2::bytea[], $3::bigint[]) WITH ORDINALITY AS p (owner, part, leak, ord)
				JOIN guesses g USING (owner, part)
			ORDER BY ord FOR NO KEY UPDATE OF g
		) UPDATE guesses g SET drained_at = g.drained_at - leak,
			last_at = CASE WHEN g.last_at = $4 THEN g.before_at ELSE g.last_at END
		FROM locked WHERE g.owner = locked.owner AND g.part = locked.part`, owners, parts, leaks, now.UnixMicro())
	})))
}

// DeleteAttempts deletes all counters of an owner.
func (s *Store) DeleteAttempts(ctx context.Context, owner [16]byte) error {
	err := s.write(ctx, func(ctx context.Context, tx transaction) error {
		_, err := tx.Exec(ctx, `DELETE FROM guesses WHERE owner = $1`, owner[:])
		return err
	})
	return wrap("delete attempts", err)
}

// SweepAttempts deletes at most limit counters that have drained at now or
// before, and returns how many it deleted. A drained counter is the same as
// none. It skips rows that another transaction has locked.
func (s *Store) SweepAttempts(ctx context.Context, now time.Time, limit int) (deleted int, err error) {
	err = s.transact(ctx, s.conns.sweeps, beginDurable, func(ctx context.Context, tx transaction) error {
		deleted, err = tx.Exec(ctx, `DELETE FROM guesses g USING (
				SELECT owner, part FROM guesses WHERE drained_at <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED
			) old WHERE g.owner = old.owner AND g.part = old.part`, now.UnixMicro(), limit)
		return err
	})
	return deleted, wrap("sweep attempts", err)
}
