package postgres

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/login"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/pgtest"
)

func TestMain(m *testing.M) {
	os.Exit(pgtest.Main(m, func(ctx context.Context, url string) error {
		s, err := Open(ctx, Options{URL: url})
		if err != nil {
			return err
		}
		return errors.Join(s.Migrate(ctx), s.Close())
	}))
}

var (
	then = time.Date(2026, 2, 3, 4, 5, 6, 7_000, time.UTC)
	ann  = login.User{ID: "usr_ann", Username: "ann", CreatedAt: then}
)

// aGrant returns a live grant of ann.
func aGrant(id byte) grant.Grant {
	return grant.Grant{
		ID: oauth.GrantID{id}, UserID: ann.ID, ClientID: "app", MACKey: "mac", RotatedAt: then,
		IdleLifetime: time.Hour, ExpiresAt: then.Add(time.Hour), CreatedAt: then,
	}
}

// present returns the grant's current token.
func present(g grant.Grant) grant.RefreshAttempt {
	return grant.RefreshAttempt{
		Grant: g.ID, ClientID: g.ClientID, Generation: g.Generation, KeyHash: []byte("a hash of 16 byte"), MACKey: "mac",
		ReceivedAt: then, Deadline: time.Now().Add(time.Hour),
	}
}

// open opens the database at url with o.
func open(t *testing.T, url string, o Options) *Store {
	t.Helper()
	o.URL = url
	s, err := Open(t.Context(), o)
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// says fails the test if err does not say what is wanted, or is taken for an answer.
func says(t *testing.T, err error, want string) {
	t.Helper()
	var code oauth.Code
	if err == nil || !strings.Contains(err.Error(), want) || errors.As(err, &code) {
		t.Errorf("error %v, want one that says %q and is no answer", err, want)
	}
}

func TestOpenRefuses(t *testing.T) {
	url := pgtest.New(t)
	for _, mode := range []string{"simple_protocol", "exec", "describe_exec"} {
		_, err := Open(t.Context(), Options{URL: url + "&default_query_exec_mode=" + mode})
		says(t, err, "default_query_exec_mode is cache_statement")
	}
	_, err := Open(t.Context(), Options{URL: "postgres://u:secret@[broken"})
	says(t, err, "read the URL of the database")
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("the password is in %v", err)
	}
	_, err = Open(t.Context(), Options{URL: "postgres://u:secret@127.0.0.1:1/x"})
	says(t, err, "open the database")
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("the password is in %v", err)
	}
}

// TestModes does a little of everything in each way to speak to the database: cache_describe is that of PgBouncer, which
// names no statement.
func TestModes(t *testing.T) {
	for _, mode := range []string{"cache_statement", "cache_describe"} {
		t.Run(mode, func(t *testing.T) {
			s := open(t, pgtest.New(t)+"&default_query_exec_mode="+mode, Options{MaxConns: 1})
			must(t, s.CreateUser(t.Context(), ann))
			for i := range byte(3) {
				g := aGrant(i)
				must(t, s.CreateGrant(t.Context(), g, 0))
				for _, want := range []grant.Outcome{grant.Rotated, grant.Retried} {
					v, err := s.RefreshGrants(t.Context(), []grant.RefreshAttempt{present(g)})
					must(t, err)
					if v[0].Outcome != want {
						t.Errorf("%s, want %s", v[0].Outcome, want)
					}
				}
			}
			var named int
			must(t, s.pool.QueryRow(t.Context(), `SELECT count(*) FROM pg_prepared_statements`).Scan(&named))
			if (named > 0) != (mode == "cache_statement") {
				t.Errorf("%d statements have a name", named)
			}
		})
	}
}

// TestChangesAreDurable: what must not get lost waits for the disk, and for a standby, though the role does without; what
// the role wants beyond that, it gets; and a refresh leaves the choice to the role.
func TestChangesAreDurable(t *testing.T) {
	for role, want := range map[string]string{"off": "on", "local": "on", "remote_write": "on", "on": "on", "remote_apply": "remote_apply"} {
		s := open(t, pgtest.New(t)+"&synchronous_commit="+role, Options{MaxConns: 1})
		var inside, outside string
		must(t, s.write(t.Context(), func(ctx context.Context, tx pgx.Tx) error {
			return tx.QueryRow(t.Context(), `SHOW synchronous_commit`).Scan(&inside)
		}))
		for _, durable := range []bool{true, false} {
			var shared string
			must(t, s.share(t.Context(), &writing{durable: durable, queue: func(b *pgx.Batch) {
				b.Queue(`SHOW synchronous_commit`).QueryRow(func(row pgx.Row) error { return row.Scan(&shared) })
			}}))
			if durable && shared != want || !durable && shared != role {
				t.Errorf("a role that wants %s has %s in a writing whose durability is %v", role, shared, durable)
			}
		}
		must(t, s.pool.QueryRow(t.Context(), `SHOW synchronous_commit`).Scan(&outside))
		if inside != want || outside != role {
			t.Errorf("a role that wants %s has %s inside and %s outside, want %s and %s", role, inside, outside, want, role)
		}
	}
}

// TestTimeouts: whoever waits for a row that somebody holds gives up in time, and has no answer. A refresh that was given up
// may yet have moved the grant, as if its answer had been lost; a transaction has not done anything.
func TestTimeouts(t *testing.T) {
	s := open(t, pgtest.New(t), Options{StatementTimeout: 200 * time.Millisecond})
	must(t, s.CreateUser(t.Context(), ann))
	must(t, s.CreateGrant(t.Context(), aGrant(1), 0))
	holder, err := s.pool.Begin(t.Context())
	must(t, err)
	_, err = holder.Exec(t.Context(), `SELECT FROM grants, users FOR UPDATE`)
	must(t, err)

	begin := time.Now()
	says(t, s.DisableUser(t.Context(), "ann", then), "deadline")
	_, _, err = s.RevokeGrant(t.Context(), oauth.GrantID{1}, "", audit.RevokedByClient, then)
	says(t, err, "deadline")
	_, err = s.RefreshGrants(t.Context(), []grant.RefreshAttempt{present(aGrant(1))})
	says(t, err, "deadline")
	if took := time.Since(begin); took > 5*batchTimeout {
		t.Errorf("giving up took %v", took)
	}
	must(t, holder.Rollback(t.Context()))
	g, err := s.Grant(t.Context(), oauth.GrantID{1})
	must(t, err)
	if !g.RevokedAt.IsZero() {
		t.Errorf("the revocation that was given up was done: %+v", g)
	}
}

// TestBoundOfConnections: there are never more than MaxConns.
func TestBoundOfConnections(t *testing.T) {
	s := open(t, pgtest.New(t), Options{MaxConns: 2})
	done := make(chan error)
	for i := range 16 {
		go func() {
			done <- s.CreateUser(context.Background(), login.User{ID: fmt.Sprint(i), Username: fmt.Sprint(i), CreatedAt: then})
		}()
	}
	for range 16 {
		must(t, <-done)
	}
	if n := s.pool.Stat().TotalConns(); n > 2 {
		t.Errorf("%d connections, want 2 at most", n)
	}
}

// TestPoolKeepsWhatItOpened: the pool opens no more connections than it may, keeps all of them between bursts, and opens none
// anew.
func TestPoolKeepsWhatItOpened(t *testing.T) {
	s := open(t, pgtest.New(t), Options{MaxConns: 3})
	for range 3 {
		var burst sync.WaitGroup
		for range 12 {
			burst.Go(func() {
				if _, err := s.pool.Exec(t.Context(), `SELECT pg_sleep(0.02)`); err != nil {
					t.Error(err)
				}
			})
		}
		burst.Wait()
	}
	stat := s.pool.Stat()
	if stat.TotalConns() != 3 || stat.IdleConns() != 3 || stat.NewConnsCount() != 3 || stat.MaxIdleDestroyCount() != 0 {
		t.Errorf("%d connections, %d of them idle, %d were opened and %d closed for being idle; want 3, 3, 3 and 0",
			stat.TotalConns(), stat.IdleConns(), stat.NewConnsCount(), stat.MaxIdleDestroyCount())
	}
}

// TestThePlannerTakesTheIndex: unless the URL decides it, or a pooler would hand the setting on.
func TestThePlannerTakesTheIndex(t *testing.T) {
	base := pgtest.New(t)
	for parameter, want := range map[string]string{
		"": "1.1", "random_page_cost=3": "3", "default_query_exec_mode=cache_describe": "4",
	} {
		u, err := url.Parse(base)
		must(t, err)
		q, err := url.ParseQuery(parameter)
		must(t, err)
		for name, values := range u.Query() {
			q[name] = values
		}
		u.RawQuery = q.Encode()
		s, err := Open(t.Context(), Options{URL: u.String()})
		must(t, err)
		var cost string
		must(t, s.pool.QueryRow(t.Context(), `SHOW random_page_cost`).Scan(&cost))
		if cost != want {
			t.Errorf("%q: random_page_cost %s, want %s", parameter, cost, want)
		}
		must(t, s.Close())
	}
}
