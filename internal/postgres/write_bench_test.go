package postgres

import (
	"context"
	"encoding/binary"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/pgtest"
	"github.com/signetd/signet/internal/throttle"
)

// writers is how many callers write concurrently.
const writers = 64

// BenchmarkWrites measures concurrent writes that share transactions, and
// writes with a transaction each. The Postgres of the tests does not wait for
// the disk. SIGNET_TEST_POSTGRES names one that does.
func BenchmarkWrites(b *testing.B) {
	for _, c := range []struct {
		name string
		do   func(ctx context.Context, s *Store, i int) error
	}{
		{"revoke", func(ctx context.Context, s *Store, i int) error {
			_, _, err := s.RevokeGrant(ctx, numbered(i), "app", audit.RevokedByClient, then)
			return err
		}},
		{"login", func(ctx context.Context, s *Store, i int) error {
			g := aGrant(0)
			g.ID = numbered(-i - 1)
			return create(ctx, s, g)
		}},
		{"attempt", func(ctx context.Context, s *Store, i int) error {
			_, err := s.ReserveAttempt(ctx, []throttle.Counter{throttle.Account("usr_" + numbered(i).String())}, then)
			return err
		}},
	} {
		b.Run(c.name+"/together", func(b *testing.B) { benchmark(b, Options{}, c.do) })
		b.Run(c.name+"/alone", func(b *testing.B) { benchmark(b, Options{NoBatching: true}, c.do) })
	}
}

// benchmark runs do b.N times and reports how many commits a call costs.
func benchmark(b *testing.B, o Options, do func(ctx context.Context, s *Store, i int) error) {
	o.URL, o.MaxConns, o.StatementTimeout = pgtest.New(b), 16, time.Minute
	s, err := Open(b.Context(), o)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if err := s.CreateUser(b.Context(), ann); err != nil {
		b.Fatal(err)
	}
	if _, err := s.db.pool.Exec(b.Context(), `INSERT INTO grants (id, user_id, client_id, generation, mac_key, moved_at, idle_lifetime,
			expires_at, revoke_reason, scope, device_label, ip, created_at)
		SELECT lpad(to_hex(n), 32, '0')::uuid, 'usr_ann', 'app', 0, '', now(), 3600, now(), '', '', '', '', now()
		FROM generate_series(0, $1::int) n`, b.N); err != nil {
		b.Fatal(err)
	}
	commits := func() (n float64) {
		if err := s.db.QueryRow(b.Context(), `SELECT pg_current_xact_id()::text::float`).Scan(&n); err != nil {
			b.Fatal(err)
		}
		return n
	}
	var next atomic.Int64
	var all sync.WaitGroup
	before := commits()
	b.ResetTimer()
	for range writers {
		all.Go(func() {
			for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
				if err := do(b.Context(), s, int(i)); err != nil {
					b.Error(err)
				}
			}
		})
	}
	all.Wait()
	b.StopTimer()
	b.ReportMetric((commits()-before-1)/float64(b.N), "commits/op")
}

// numbered returns a grant id that contains n.
func numbered(n int) (id oauth.GrantID) {
	binary.BigEndian.PutUint64(id[8:], uint64(n))
	return id
}
