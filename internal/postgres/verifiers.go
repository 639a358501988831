package postgres

import (
	"context"
	"time"

	"github.com/signetd/signet/internal/grant"
)

// ReportVerifiers writes what a server has seen, in one statement. If a name is
// in the list more than once, the latest counts.
func (s *Store) ReportVerifiers(ctx context.Context, seen []grant.Verifier) error {
	names, servers, keys := make([]string, len(seen)), make([]string, len(seen)), make([]string, len(seen))
	times, lags := make([]time.Time, len(seen)), make([]time.Duration, len(seen))
	for i, v := range seen {
		names[i], servers[i], keys[i], times[i], lags[i] = v.Name, v.Server, v.Keys, v.SeenAt, v.Lag
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	q := &queries{}
	q.Queue(`INSERT INTO verifiers (name, server, keys, seen_at, lag)
		SELECT DISTINCT ON (name, server) name, server, keys, seen_at, lag
		FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::interval[]) AS v (name, server, keys, seen_at, lag)
		ORDER BY name, server, seen_at DESC
		ON CONFLICT (name, server) DO UPDATE SET keys = excluded.keys, seen_at = excluded.seen_at, lag = excluded.lag
			WHERE excluded.seen_at >= verifiers.seen_at`,
		names, servers, keys, times, lags)
	return wrap("report verifiers", s.conns.sweeps.send(ctx, q))
}

// Verifiers returns at most limit verifiers that sort after the two names.
func (s *Store) Verifiers(ctx context.Context, afterName, afterServer string, limit int) ([]grant.Verifier, error) {
	fields := func(v *grant.Verifier) []any { return []any{&v.Name, &v.Server, &v.Keys, at(&v.SeenAt), &v.Lag} }
	verifiers, err := readRows(ctx, s, s.conns.lists, fields, `SELECT name, server, keys, seen_at, lag FROM verifiers
		WHERE (name, server) > ($1, $2) ORDER BY name, server LIMIT $3`, afterName, afterServer, limit)
	return verifiers, wrap("list verifiers", err)
}

// SweepVerifiers deletes the verifiers that were seen last longer ago than age.
func (s *Store) SweepVerifiers(ctx context.Context, age time.Duration) (deleted int, err error) {
	err = s.readRow(ctx, s.conns.sweeps, []any{&deleted}, `WITH old AS MATERIALIZED (
			SELECT name, server FROM verifiers WHERE seen_at < clock_timestamp() - $1::interval
			ORDER BY name, server FOR UPDATE SKIP LOCKED
		), deleted AS (
			DELETE FROM verifiers v USING old WHERE v.name = old.name AND v.server = old.server RETURNING 1
		) SELECT count(*) FROM deleted`, age)
	return deleted, wrap("sweep verifiers", err)
}
