package postgres

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/pgtest"
)

// unlogged is revokeEach without the log.
var unlogged = revokeEach.replace(withLog(logEnded, `$6`, `$7`), `unused AS (SELECT $6::bigint, $7::interval)`)

// A logBench compares revocations with and without the log, on a Postgres that
// waits for the disk.
type logBench struct {
	*Store
	grants int // how many were created
}

func newLogBench(b *testing.B) *logBench {
	base, stop, err := pgtest.StartDurable()
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(stop)
	s, err := Open(b.Context(), Options{URL: base.String(), MaxConns: 24, StatementTimeout: time.Minute})
	if err == nil {
		b.Cleanup(func() { _ = s.Close() })
		err = s.Migrate(b.Context())
	}
	if err != nil {
		b.Fatal(err)
	}
	return &logBench{Store: s}
}

// create creates n grants and returns the number of the first.
func (l *logBench) create(b *testing.B, n int) (first int) {
	first, l.grants = l.grants, l.grants+n
	_, err := l.db.pool.Exec(b.Context(), `INSERT INTO grants (id, user_id, client_id, generation, mac_key, moved_at, idle_lifetime,
			expires_at, revoke_reason, scope, device_label, ip, created_at)
		SELECT lpad(to_hex(n), 32, '0')::uuid, 'usr_' || n, 'app', 0, '', now(), 36000, now() + interval '10 h', '', '', '', '', now()
		FROM generate_series($1::int, $2::int - 1) n`, first, l.grants)
	if err != nil {
		b.Fatal(err)
	}
	return first
}

// with runs do with a variant of revokeEach.
func with(statement query, do func() float64) float64 {
	original := revokeEach
	defer func() { revokeEach = original }()
	revokeEach = statement
	return do()
}

// BenchmarkRevocationLog compares how many grants 64 callers end in a second,
// with and without the log. The rounds of the two alternate.
func BenchmarkRevocationLog(b *testing.B) {
	const each = 4_000
	l := newLogBench(b)
	var logged, without float64
	for b.Loop() {
		first := l.create(b, 2*each)
		round := func(first int) func() float64 {
			return func() float64 { return each / l.revokeAll(b, first, each).Seconds() }
		}
		if rand.IntN(2) == 0 {
			logged += with(revokeEach, round(first))
			without += with(unlogged, round(first+each))
		} else {
			without += with(unlogged, round(first))
			logged += with(revokeEach, round(first+each))
		}
	}
	b.ReportMetric(logged/float64(b.N), "logged/s")
	b.ReportMetric(without/float64(b.N), "unlogged/s")
	b.ReportMetric(logged/without, "ratio")
}

// revokeAll ends n grants and returns how long it takes.
func (l *logBench) revokeAll(b *testing.B, first, n int) time.Duration {
	var next atomic.Int64
	var all sync.WaitGroup
	start := time.Now()
	for range writers {
		all.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				if err := l.end(b.Context(), first+int(i)); err != nil {
					b.Error(err)
				}
			}
		})
	}
	all.Wait()
	return time.Since(start)
}

// end ends one grant.
func (l *logBench) end(ctx context.Context, n int) error {
	_, _, err := l.RevokeGrant(ctx, numbered(n), "", audit.RevokedByClient, then)
	return err
}

// BenchmarkRefreshesBesideRevocations compares how many refreshes 64 callers
// make in a second while 500 grants are ended each second, with and without the
// log, and while none is ended.
func BenchmarkRefreshesBesideRevocations(b *testing.B) {
	l := newLogBench(b)
	var sums [3]float64
	for b.Loop() {
		for _, variant := range rand.Perm(len(sums)) {
			statement, perSecond := revokeEach, 500
			if variant == 1 {
				statement = unlogged
			} else if variant == 2 {
				perSecond = 0
			}
			sums[variant] += with(statement, func() float64 { return l.refreshBeside(b, perSecond) })
		}
	}
	for i, unit := range []string{"logged/s", "unlogged/s", "alone/s"} {
		b.ReportMetric(sums[i]/float64(b.N), unit)
	}
	b.ReportMetric(sums[0]/sums[1], "ratio")
}

// refreshBeside returns how many refreshes are made in a second.
func (l *logBench) refreshBeside(b *testing.B, revocationsPerSecond int) float64 {
	const duration = 500 * time.Millisecond
	first := l.create(b, writers+revocationsPerSecond)
	ctx, cancel := context.WithTimeout(b.Context(), duration)
	defer cancel()

	var refreshes atomic.Int64
	var all sync.WaitGroup
	for i := range writers {
		all.Go(func() {
			a := grant.RefreshAttempt{
				Grant: numbered(first + i), ClientID: "app", KeyHash: oauth.NewDigest([]byte("0123456789abcdef")),
				Deadline: time.Now().Add(time.Hour),
			}
			for ; ctx.Err() == nil; a.Generation++ {
				a.ReceivedAt = time.Now()
				if r, err := l.RefreshGrant(b.Context(), a); err != nil || r.Outcome != grant.Rotated {
					b.Errorf("%s, %v", r.Outcome, err)
					return
				}
				refreshes.Add(1)
			}
		})
	}
	if revocationsPerSecond > 0 {
		tick := time.NewTicker(time.Second / time.Duration(revocationsPerSecond))
		defer tick.Stop()
		for i := writers; i < writers+revocationsPerSecond && ctx.Err() == nil; i++ {
			<-tick.C
			all.Go(func() {
				if err := l.end(b.Context(), first+i); err != nil {
					b.Error(err)
				}
			})
		}
	}
	all.Wait()
	return float64(refreshes.Load()) / duration.Seconds()
}
