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
	then = time.Now().UTC().Truncate(time.Microsecond)
	ann  = login.User{ID: "usr_ann", Username: "ann", CreatedAt: then}
)

// aGrant returns a live grant of ann.
func aGrant(id byte) grant.Grant {
	return grant.Grant{
		ID: oauth.GrantID{id}, UserID: ann.ID, ClientID: "app", MACKey: "mac", RotatedAt: then,
		IdleLifetime: time.Hour, ExpiresAt: then.Add(time.Hour), CreatedAt: then,
	}
}

// currentToken returns an attempt with the current token of the grant.
func currentToken(g grant.Grant) grant.RefreshAttempt {
	return grant.RefreshAttempt{
		Grant: g.ID, ClientID: g.ClientID, Generation: g.Generation,
		KeyHash: oauth.NewDigest([]byte("a hash of 16 byte")), MACKey: "mac",
		ReceivedAt: then, Deadline: time.Now().Add(time.Hour), Audience: g.Audience,
	}
}

// open opens the database at url with o. MaxConns is the default of a server
// unless o has another number.
func open(t *testing.T, url string, o Options) *Store {
	t.Helper()
	o.URL = url
	if o.MaxConns == 0 {
		o.MaxConns = 16
	}
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

// rejects fails the test if err does not contain want, or is an oauth.Code.
func rejects(t *testing.T, err error, want string) {
	t.Helper()
	var code oauth.Code
	if err == nil || !strings.Contains(err.Error(), want) || errors.As(err, &code) {
		t.Errorf("error %v, want one that contains %q and is no oauth.Code", err, want)
	}
}

// begin begins a transaction.
func begin(t *testing.T, s *Store) transaction {
	t.Helper()
	tx, err := s.db.pool.Begin(t.Context())
	must(t, err)
	t.Cleanup(func() { _ = tx.Rollback(context.Background()) }) // It does nothing if the transaction has ended.
	return transaction{tx}
}

// exec runs a statement outside of a transaction.
func exec(t *testing.T, s *Store, q query, args ...any) {
	t.Helper()
	must(t, tryExec(t, s, q, args...))
}

// tryExec runs a statement outside of a transaction and returns its error.
func tryExec(t *testing.T, s *Store, q query, args ...any) error {
	t.Helper()
	_, err := s.db.pool.Exec(t.Context(), string(q), args...)
	return err
}

func TestOpen_Rejects(t *testing.T) {
	url := pgtest.New(t)
	for _, mode := range []string{"simple_protocol", "exec", "describe_exec"} {
		_, err := Open(t.Context(), Options{URL: url + "&default_query_exec_mode=" + mode})
		rejects(t, err, "default_query_exec_mode is cache_statement")
	}
	_, err := Open(t.Context(), Options{URL: "postgres://u:secret@[broken"})
	rejects(t, err, "parse database URL")
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("the error has the password: %v", err)
	}
	_, err = Open(t.Context(), Options{URL: "postgres://u:secret@127.0.0.1:1/x"})
	rejects(t, err, "open database")
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("the error has the password: %v", err)
	}
}

// A parameter that the server refuses is not a failure that passes.
func TestOpen_ServerRefusesParameter(t *testing.T) {
	direct, pooled := pgtest.New(t), pgtest.Bouncer(t)
	for _, url := range []string{
		direct + "&statement_timeout=soon", direct + "&TimeZone=Nowhere", direct + "&options=-cno_such_parameter%3D1",
		pooled + "&statement_timeout=1000",
	} {
		if _, err := Open(t.Context(), Options{URL: url}); !errors.Is(err, ErrRefusedURL) {
			t.Errorf("%s: %v", url, err)
		}
	}
	unreachable := "postgres://u@127.0.0.1:1/x?sslmode=disable"
	for _, url := range []string{unreachable, direct + "&database=no_such_database", direct + "&user=no_such_role"} {
		if _, err := Open(t.Context(), Options{URL: url}); err == nil || errors.Is(err, ErrRefusedURL) {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// TestOpen_QueryExecModes writes, reads and refreshes in each mode of pgx. The
// mode cache_describe is for PgBouncer: it creates no named statements.
func TestOpen_QueryExecModes(t *testing.T) {
	for _, mode := range []string{"cache_statement", "cache_describe"} {
		t.Run(mode, func(t *testing.T) {
			s := open(t, pgtest.New(t)+"&default_query_exec_mode="+mode, Options{MaxConns: 1})
			must(t, s.CreateUser(t.Context(), ann))
			for i := range byte(3) {
				g := aGrant(i)
				must(t, create(t.Context(), s, g))
				for _, want := range []grant.Outcome{grant.Rotated, grant.Retried} {
					if outcome := refresh(t, s, currentToken(g)); outcome != want {
						t.Errorf("%s, want %s", outcome, want)
					}
				}
			}
			var named int
			must(t, s.db.QueryRow(t.Context(), `SELECT count(*) FROM pg_prepared_statements`).Scan(&named))
			if (named > 0) != (mode == "cache_statement") {
				t.Errorf("%d named statements", named)
			}
		})
	}
}

// TestWrite_IsDurable: a durable write waits for the disk and for a standby,
// even if the role's synchronous_commit is weaker. A stronger setting of the
// role stays. Every other write uses the setting of the role.
func TestWrite_IsDurable(t *testing.T) {
	for role, want := range map[string]string{
		"off": "on", "local": "on", "remote_write": "on", "on": "on", "remote_apply": "remote_apply",
	} {
		s := open(t, pgtest.New(t)+"&synchronous_commit="+role, Options{MaxConns: 1})
		var inside, outside string
		must(t, s.write(t.Context(), func(ctx context.Context, tx transaction) error {
			return tx.QueryRow(t.Context(), `SHOW synchronous_commit`).Scan(&inside)
		}))
		for _, durable := range []bool{true, false} {
			var shared string
			must(t, s.share(t.Context(), &writeRequest{durable: durable, queue: func(q *queries) {
				q.Queue(`SHOW synchronous_commit`).QueryRow(func(row pgx.Row) error { return row.Scan(&shared) })
			}}))
			if durable && shared != want || !durable && shared != role {
				t.Errorf("the role has %s, a write with durable %[3]v has %[2]s", role, shared, durable)
			}
		}
		must(t, s.db.QueryRow(t.Context(), `SHOW synchronous_commit`).Scan(&outside))
		if inside != want || outside != role {
			t.Errorf("the role has %s, write has %s and the connection has %s, want %s and %s",
				role, inside, outside, want, role)
		}
	}
}

// TestTimeouts: a call that waits for a locked row fails after its timeout. A
// refresh may have rotated the grant all the same, as if its answer had been
// lost. A transaction has changed nothing.
func TestTimeouts(t *testing.T) {
	s := open(t, pgtest.New(t), Options{StatementTimeout: 200 * time.Millisecond})
	must(t, s.CreateUser(t.Context(), ann))
	must(t, create(t.Context(), s, aGrant(1)))
	holder := begin(t, s)
	_, err := holder.Exec(t.Context(), `SELECT FROM grants, users FOR UPDATE`)
	must(t, err)

	start := time.Now()
	rejects(t, disable(t.Context(), s, "ann"), "deadline")
	_, _, err = s.RevokeGrant(t.Context(), oauth.GrantID{1}, "", audit.RevokedByClient, then)
	rejects(t, err, "deadline")
	_, err = s.RefreshGrant(t.Context(), currentToken(aGrant(1)))
	rejects(t, err, "deadline")
	if took := time.Since(start); took > 5*batchTimeout {
		t.Errorf("the timeouts took %v", took)
	}
	must(t, holder.tx.Rollback(t.Context()))
	g, err := s.Grant(t.Context(), oauth.GrantID{1})
	must(t, err)
	if !g.RevokedAt.IsZero() {
		t.Errorf("the revocation that timed out was made: %+v", g)
	}
}

// TestPool_HasAtMostMaxConns: there are never more than MaxConns connections,
// whatever the calls are.
func TestPool_HasAtMostMaxConns(t *testing.T) {
	for n := range int32(8) {
		s := open(t, pgtest.New(t), Options{MaxConns: n + 1})
		must(t, s.CreateUser(t.Context(), ann))
		var calls sync.WaitGroup
		for i := range byte(16) {
			g := aGrant(i)
			must(t, createGrant(g)(s))
			for _, call := range []func() error{
				func() error {
					u := login.User{ID: fmt.Sprint(i), Username: fmt.Sprint(i), CreatedAt: then}
					return s.CreateUser(t.Context(), u)
				},
				func() error { _, err := s.Users(t.Context(), "", 10); return err },
				func() error { _, err := s.Grant(t.Context(), g.ID); return err },
				func() error { _, err := s.RefreshGrant(t.Context(), currentToken(g)); return err },
				func() error { _, err := s.Directory(t.Context()); return err },
			} {
				calls.Go(func() {
					if err := call(); err != nil {
						t.Error(err)
					}
				})
			}
		}
		calls.Wait()

		var open int32
		for _, pool := range s.pools.all() {
			open += pool.Stat().TotalConns()
		}
		if p := s.Pool(); open > n+1 || p.Max != int(n+1) || p.Idle != int(open) || p.Acquired != 0 {
			t.Errorf("%d connections, want %d at most; figures %+v", open, n+1, p)
		}
	}
}

// TestPool_KeepsItsConnections: a pool opens no more connections than it has,
// keeps all of them between bursts, and opens no new one.
func TestPool_KeepsItsConnections(t *testing.T) {
	s := open(t, pgtest.New(t), Options{MaxConns: 7}) // 3 of them for other calls than polls and refreshes
	for range 3 {
		var burst sync.WaitGroup
		for range 12 {
			burst.Go(func() {
				if err := tryExec(t, s, `SELECT pg_sleep(0.02)`); err != nil {
					t.Error(err)
				}
			})
		}
		burst.Wait()
	}
	stat := s.db.pool.Stat()
	if stat.TotalConns() != 3 || stat.IdleConns() != 3 || stat.NewConnsCount() != 3 || stat.MaxIdleDestroyCount() != 0 {
		t.Errorf("%d connections, %d of them idle, %d opened in total and %d closed while idle; want 3, 3, 3 and 0",
			stat.TotalConns(), stat.IdleConns(), stat.NewConnsCount(), stat.MaxIdleDestroyCount())
	}
}

// TestOpen_PrefersIndexes: Open makes settings, except those that the URL
// makes, and none if a pooler would pass them to other clients.
func TestOpen_PrefersIndexes(t *testing.T) {
	base := pgtest.New(t)
	for parameter, want := range map[string]string{
		"":                                       "1.1 off off",
		"random_page_cost=3":                     "3 off off",
		"enable_seqscan=on":                      "1.1 on off",
		"jit=on":                                 "1.1 off on",
		"default_query_exec_mode=cache_describe": "4 on on",
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
		var settings string
		must(t, s.db.QueryRow(t.Context(), `SELECT concat_ws(' ', current_setting('random_page_cost'),
			current_setting('enable_seqscan'), current_setting('jit'))`).Scan(&settings))
		if settings != want {
			t.Errorf("%q: the settings are %s, want %s", parameter, settings, want)
		}
		must(t, s.Close())
	}
}

// create creates a grant of a user with epoch 0.
func create(ctx context.Context, s *Store, g grant.Grant) error {
	_, err := s.CreateGrant(ctx, g, 0, 0)
	return err
}

// disable disables a user.
func disable(ctx context.Context, s *Store, username string) error {
	_, err := s.DisableUser(ctx, username, "operator:ann")
	return err
}
