package sqlite

import (
	"context"
	"time"

	"github.com/signetd/signet/internal/grant"
)

// ReportVerifiers writes what a server has seen. If a name is in the list more
// than once, the latest counts.
func (s *Store) ReportVerifiers(ctx context.Context, seen []grant.Verifier) error {
	err := s.write(ctx, func(ctx context.Context, tx transaction) error {
		for _, v := range seen {
			_, err := tx.Exec(ctx, `INSERT INTO verifiers (name, server, keys, seen_at, lag) VALUES (?, ?, ?, ?, ?)
				ON CONFLICT (name, server) DO UPDATE SET keys = excluded.keys, seen_at = excluded.seen_at, lag = excluded.lag
				WHERE excluded.seen_at >= verifiers.seen_at`,
				v.Name, v.Server, v.Keys, at{&v.SeenAt}, inMicros{&v.Lag})
			if err != nil {
				return err
			}
		}
		return nil
	})
	return wrap("report verifiers", err)
}

// Verifiers returns at most limit verifiers that sort after the two names.
func (s *Store) Verifiers(ctx context.Context, afterName, afterServer string, limit int) ([]grant.Verifier, error) {
	fields := func(v *grant.Verifier) []any {
		return []any{&v.Name, &v.Server, &v.Keys, at{&v.SeenAt}, inMicros{&v.Lag}}
	}
	verifiers, err := readList(ctx, s, fields, `SELECT name, server, keys, seen_at, lag FROM verifiers
		WHERE (name, server) > (?, ?) ORDER BY name, server LIMIT ?`, afterName, afterServer, limit)
	return verifiers, wrap("list verifiers", err)
}

// SweepVerifiers deletes the verifiers that were seen last longer ago than age.
func (s *Store) SweepVerifiers(ctx context.Context, age time.Duration) (deleted int, err error) {
	err = s.write(ctx, func(ctx context.Context, tx transaction) error {
		seenBy := s.clock().Add(-age)
		deleted, err = tx.Exec(ctx, `DELETE FROM verifiers WHERE seen_at < ?`, at{&seenBy})
		return err
	})
	return deleted, wrap("sweep verifiers", err)
}
