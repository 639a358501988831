package postgres

import (
	"context"
	"testing"
	"time"

	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/pgtest"
)

// TestRefreshIsHeapOnly: a refresh changes no index. It rewrites the row in its own page, so that the table does not grow.
func TestRefreshIsHeapOnly(t *testing.T) {
	const grants, rounds = 100, 20
	url := pgtest.New(t)
	s, err := Open(t.Context(), Options{URL: url, MaxConns: 1})
	must(t, err)
	must(t, s.CreateUser(t.Context(), ann))
	for i := range grants {
		must(t, s.CreateGrant(t.Context(), aGrant(byte(i)), 0))
	}
	var before, after int64
	must(t, s.pool.QueryRow(t.Context(), `SELECT pg_relation_size('grants')`).Scan(&before))
	for i := range grants * rounds {
		p := present(aGrant(byte(i % grants)))
		p.Generation, p.ReceivedAt = uint32(i/grants), then.Add(time.Duration(i)*time.Millisecond)
		v, err := s.RefreshGrants(t.Context(), []grant.RefreshAttempt{p})
		must(t, err)
		if v[0].Outcome != grant.Rotated {
			t.Fatalf("%s, want moved", v[0].Outcome)
		}
	}
	must(t, s.pool.QueryRow(t.Context(), `SELECT pg_relation_size('grants')`).Scan(&after))
	if after > before*3/2 {
		t.Errorf("the table went from %d to %d bytes", before, after)
	}
	must(t, s.Close()) // a backend tells its statistics when it ends

	s = open(t, url, Options{})
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for range 500 {
		var updates, heapOnly int64
		must(t, s.pool.QueryRow(t.Context(),
			`SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'grants'`).Scan(&updates, &heapOnly))
		if updates == grants*rounds {
			if heapOnly != updates {
				t.Errorf("%d of %d refreshes were heap-only", heapOnly, updates)
			}
			return
		}
		<-tick.C
	}
	t.Error("the statistics did not arrive")
}

// TestRefreshReadsOneTable: a refresh depends on nothing but the grants.
func TestRefreshReadsOneTable(t *testing.T) {
	s := open(t, pgtest.New(t), Options{})
	_, err := s.pool.Exec(t.Context(), `DROP TABLE users, clients, audiences, keys, keks, versions`)
	must(t, err)
	v, err := s.RefreshGrants(t.Context(), []grant.RefreshAttempt{present(aGrant(1)), present(aGrant(2))})
	must(t, err)
	if v[0].Outcome != grant.Missing || v[1].Outcome != grant.Missing {
		t.Errorf("%v, want missing", v)
	}
}

// TestMemberDoesNotEndTheStatement: the statement is the batch's, not the member's who gave up first.
func TestMemberDoesNotEndTheStatement(t *testing.T) {
	s := open(t, pgtest.New(t), Options{})
	must(t, s.CreateUser(t.Context(), ann))
	must(t, s.CreateGrant(t.Context(), aGrant(1), 0))
	ctx, giveUp := context.WithCancel(t.Context())
	giveUp()
	v, err := s.RefreshGrants(ctx, []grant.RefreshAttempt{present(aGrant(1))})
	must(t, err)
	if v[0].Outcome != grant.Rotated {
		t.Errorf("%s, want moved", v[0].Outcome)
	}
}

// TestSerializationFailureIsMended: a database whose transactions are serializable by default rolls some statements back;
// the members then run singly and nobody hears of it.
func TestSerializationFailureIsMended(t *testing.T) {
	url := pgtest.New(t) + "&default_transaction_isolation=serializable"
	s := open(t, url, Options{MaxConns: 8})
	must(t, s.CreateUser(t.Context(), ann))
	const grants, clients, rounds = 8, 2, 10
	for i := range grants {
		must(t, s.CreateGrant(t.Context(), aGrant(byte(i)), 0))
	}
	for round := range rounds {
		done := make(chan error)
		for range clients {
			go func() {
				var batch []grant.RefreshAttempt
				for i := range grants {
					p := present(aGrant(byte(i)))
					p.Generation = uint32(round)
					batch = append(batch, p)
				}
				verdicts, err := s.RefreshGrants(context.Background(), batch)
				for _, v := range verdicts {
					if !v.Outcome.Accepted() {
						t.Errorf("%s, want a live answer", v.Outcome)
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
