package postgres

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/pgtest"
	"github.com/signetd/signet/internal/storetest"
)

// refreshTogether decides attempts as one batch and returns their results.
func refreshTogether(s *Store, attempts []grant.RefreshAttempt) ([]grant.RefreshResult, error) {
	results := make([]grant.RefreshResult, len(attempts))
	for i, answer := range s.refreshAll(attempts) {
		if answer.Err != nil {
			return nil, answer.Err
		}
		results[i] = answer.Value
	}
	return results, nil
}

// refresh decides one attempt.
func refresh(t *testing.T, s *Store, a grant.RefreshAttempt) grant.Outcome {
	t.Helper()
	result, err := s.RefreshGrant(t.Context(), a)
	must(t, err)
	return result.Outcome
}

func TestRefresh_OneBatchHoldsEveryOutcome(t *testing.T) {
	check := func(t *testing.T, s *Store) {
		storetest.RefreshEveryOutcome(t, s, func(attempts []grant.RefreshAttempt) ([]grant.RefreshResult, error) {
			return refreshTogether(s, attempts)
		})
	}
	t.Run("direct", func(t *testing.T) { check(t, open(t, pgtest.New(t), Options{})) })
	t.Run("PgBouncer", func(t *testing.T) {
		if testing.Short() {
			t.Skip("the same batch runs without PgBouncer")
		}
		s := open(t, pgtest.Bouncer(t), Options{})
		must(t, s.Migrate(t.Context()))
		check(t, s)
	})
}

// TestRefresh_IsHeapOnly: a refresh changes no index. It rewrites the row in
// its own page, so the table does not grow.
func TestRefresh_IsHeapOnly(t *testing.T) {
	const grants, rounds = 100, 20
	url := pgtest.New(t)
	s, err := Open(t.Context(), Options{URL: url, MaxConns: 1})
	must(t, err)
	must(t, s.CreateUser(t.Context(), ann))
	for i := range grants {
		must(t, create(t.Context(), s, aGrant(byte(i))))
	}
	var before, after int64
	must(t, s.db.QueryRow(t.Context(), `SELECT pg_relation_size('grants')`).Scan(&before))
	for i := range grants * rounds {
		a := currentToken(aGrant(byte(i % grants)))
		a.Generation, a.ReceivedAt = uint32(i/grants), then.Add(time.Duration(i)*time.Millisecond)
		if outcome := refresh(t, s, a); outcome != grant.Rotated {
			t.Fatalf("%s, want rotated", outcome)
		}
	}
	must(t, s.db.QueryRow(t.Context(), `SELECT pg_relation_size('grants')`).Scan(&after))
	if after > before*3/2 {
		t.Errorf("the table grew from %d to %d bytes", before, after)
	}
	must(t, s.Close()) // A backend reports its statistics when it ends.

	s = open(t, url, Options{})
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for range 500 {
		var updates, heapOnly int64
		must(t, s.db.QueryRow(t.Context(),
			`SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'grants'`).Scan(&updates, &heapOnly))
		if updates == grants*rounds {
			if heapOnly != updates {
				t.Errorf("%d of %d refreshes were heap-only", heapOnly, updates)
			}
			return
		}
		<-tick.C
	}
	t.Error("Postgres did not report the statistics")
}

// TestRefresh_ReadsNoUserOrClient: a refresh needs only the grant, the endings
// and the time of the last restore.
func TestRefresh_ReadsNoUserOrClient(t *testing.T) {
	s := open(t, pgtest.New(t), Options{})
	exec(t, s, `DROP TABLE users, clients, audiences, keys, keks`)
	results, err := refreshTogether(s, []grant.RefreshAttempt{currentToken(aGrant(1)), currentToken(aGrant(2))})
	must(t, err)
	if results[0].Outcome != grant.Missing || results[1].Outcome != grant.Missing {
		t.Errorf("%v, want missing", results)
	}
}

// TestRefresh_CallerDoesNotEndTheStatement: a caller whose context ends does
// not end the statement of the batch.
func TestRefresh_CallerDoesNotEndTheStatement(t *testing.T) {
	s := open(t, pgtest.New(t), Options{})
	must(t, s.CreateUser(t.Context(), ann))
	must(t, create(t.Context(), s, aGrant(1)))
	holder := begin(t, s)
	_, err := holder.Exec(t.Context(), `SELECT FROM grants FOR UPDATE`)
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := s.RefreshGrant(ctx, currentToken(aGrant(1)))
		done <- err
	}()
	waitForBlocked(t, s)
	cancel()
	must(t, holder.tx.Rollback(t.Context()))
	if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}

	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for range 2000 {
		g, err := s.Grant(t.Context(), oauth.GrantID{1})
		must(t, err)
		if g.Generation == 1 {
			return
		}
		<-tick.C
	}
	t.Error("the statement ended with the context of its caller")
}

// TestRefresh_RetriesAfterASerializationFailure: a database whose transactions
// are serializable by default rolls some statements back. The store then
// decides the attempts one by one, and no caller gets an error.
func TestRefresh_RetriesAfterASerializationFailure(t *testing.T) {
	url := pgtest.New(t) + "&default_transaction_isolation=serializable"
	s := open(t, url, Options{MaxConns: 8})
	must(t, s.CreateUser(t.Context(), ann))
	const grants, clients, rounds = 8, 2, 10
	for i := range grants {
		must(t, create(t.Context(), s, aGrant(byte(i))))
	}
	for round := range rounds {
		done := make(chan error)
		for range clients {
			go func() {
				var attempts []grant.RefreshAttempt
				for i := range grants {
					a := currentToken(aGrant(byte(i)))
					a.Generation = uint32(round)
					attempts = append(attempts, a)
				}
				results, err := refreshTogether(s, attempts)
				for _, r := range results {
					if !r.Outcome.Accepted() {
						t.Errorf("%s, want an accepted outcome", r.Outcome)
					}
				}
				done <- err
			}()
		}
		for range clients {
			must(t, <-done)
		}
	}
}

// TestRefresh_PlanOfAnEmptyTable: Postgres reuses the plan that it made for a
// refresh while there were no endings. With many endings this plan still reads
// only those of the grant.
func TestRefresh_PlanOfAnEmptyTable(t *testing.T) {
	s := open(t, pgtest.New(t), Options{MaxConns: 1})
	must(t, s.CreateUser(t.Context(), ann))
	g := aGrant(1)
	must(t, create(t.Context(), s, g))
	exec(t, s, `VACUUM ANALYZE`)
	for range 10 { // The sixth makes a plan for all parameters.
		if outcome := refresh(t, s, currentToken(g)); outcome != grant.Rotated {
			t.Fatalf("%s, want rotated", outcome)
		}
		g.Generation++
	}

	var name string
	must(t, s.db.QueryRow(t.Context(), `SELECT name FROM pg_prepared_statements
		WHERE statement LIKE 'UPDATE grants g%' AND generic_plans > 0`).Scan(&name))
	rows, err := s.db.pool.Query(t.Context(), "EXPLAIN EXECUTE "+name+" ("+strings.Repeat("NULL, ", 8)+"NULL)",
		pgx.QueryExecModeSimpleProtocol)
	must(t, err)
	plan, err := pgx.CollectRows(rows, pgx.RowTo[string])
	must(t, err)
	if text := strings.Join(plan, "\n"); strings.Contains(text, "Seq Scan") || !strings.Contains(text, "on endings") {
		t.Errorf("the plan reads whole tables:\n%s", text)
	}
}
