package postgres

import (
	"context"
	"errors"
	"net"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/signetd/signet/internal/pgtest"
)

// A host that never answers costs its own connect timeout, although that is
// longer than a statement may take.
func TestOpen_PassesHostThatNeverAnswers(t *testing.T) {
	if testing.Short() {
		t.Skip("the test waits for a connect timeout")
	}
	s, err := Open(t.Context(), Options{
		URL: withHosts(t, pgtest.New(t), silentAddress(t)), MaxConns: 1,
		ConnectTimeout: 2 * time.Second, StatementTimeout: time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	must(t, s.Close())
}

// silentAddress returns the address of a listener that accepts connections and
// never answers.
func silentAddress(t *testing.T) *net.TCPAddr {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { must(t, l.Close()) })
	return l.Addr().(*net.TCPAddr)
}

// withHosts returns the URL of a database with other hosts in front of its own.
func withHosts(t *testing.T, text string, first ...*net.TCPAddr) string {
	t.Helper()
	config, err := pgconn.ParseConfig(text)
	must(t, err)
	var hosts, ports []string
	for _, address := range first {
		hosts, ports = append(hosts, address.IP.String()), append(ports, strconv.Itoa(address.Port))
	}
	query := url.Values{
		"host":    {strings.Join(append(hosts, config.Host), ",")},
		"port":    {strings.Join(append(ports, strconv.Itoa(int(config.Port))), ",")},
		"user":    {config.User},
		"sslmode": {"disable"},
	}
	if config.Password != "" {
		query.Set("password", config.Password)
	}
	return "postgres:///" + config.Database + "?" + query.Encode()
}

// A server that stops answering on open connections, as a machine that is cut
// off, does not hold the connections of the pools back: after the call and the
// connect timeout they go to the next host.
func TestPolls_PassHostThatStopsAnswering(t *testing.T) {
	if testing.Short() {
		t.Skip("the test waits for a connect timeout")
	}
	direct := pgtest.New(t)
	p := newProxy(t, direct)
	s := open(t, withHosts(t, direct, p.address()), Options{MaxConns: 3, StatementTimeout: time.Second})
	_, err := s.RingVersion(t.Context())
	must(t, err)

	p.freeze()
	start := time.Now()
	waitUntil(t, "a poll reaches the next host", func() bool {
		_, err := s.RingVersion(t.Context())
		return err == nil
	})
	// The call, the request to cancel it, and the new connection have 5 s.
	if took := time.Since(start); took > 12*time.Second {
		t.Errorf("it took %s", took)
	}
}

// A proxy forwards connections to a database until it is frozen. Then it
// accepts connections, keeps them open, and forwards nothing.
type proxy struct {
	l net.Listener
	// frozen is closed when the proxy is frozen.
	frozen chan struct{}
}

func newProxy(t *testing.T, to string) *proxy {
	t.Helper()
	config, err := pgconn.ParseConfig(to)
	must(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { must(t, l.Close()) })
	p := &proxy{l, make(chan struct{})}
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = in.Close() })
			out, err := net.Dial(pgconn.NetworkAddress(config.Host, config.Port))
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = out.Close() })
			go p.copy(in, out)
			go p.copy(out, in)
		}
	}()
	return p
}

func (p *proxy) address() *net.TCPAddr { return p.l.Addr().(*net.TCPAddr) }

func (p *proxy) freeze() { close(p.frozen) }

// copy forwards what it reads.
func (p *proxy) copy(to, from net.Conn) {
	buffer := make([]byte, 1<<16)
	for {
		n, err := from.Read(buffer)
		select {
		case <-p.frozen:
			return
		default:
		}
		if err != nil {
			_ = to.Close()
			return
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// A name server that never answers costs a host its connect timeout.
func TestBoundLookup_GivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lookup := boundLookup(func(ctx context.Context, _ string) ([]string, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}, 2*time.Second)
		start := time.Now()
		_, err := lookup(t.Context(), "db.example")
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 2*time.Second {
			t.Errorf("error %v after %s", err, time.Since(start))
		}
	})
}

// connect_timeout in the URL is more specific than the option.
func TestOpen_ConnectTimeoutOfURL(t *testing.T) {
	for parameter, want := range map[string]time.Duration{"": 3 * time.Second, "&connect_timeout=7": 7 * time.Second} {
		config, err := poolConfig(Options{URL: "postgres:///d?host=/run" + parameter, ConnectTimeout: 3 * time.Second})
		must(t, err)
		if got := config.ConnConfig.ConnectTimeout; got != want {
			t.Errorf("%q: the connect timeout is %s, want %s", parameter, got, want)
		}
	}
}

func TestOpen_RejectsReadOnlyServer(t *testing.T) {
	_, err := Open(t.Context(), Options{URL: pgtest.New(t) + "&options=-cdefault_transaction_read_only%3Don"})
	if !errors.Is(err, ErrReadOnly) || errors.Is(err, ErrRefusedURL) {
		t.Errorf("the error is %v", err)
	}
}

// A refresh whose connection turns out to be read-only runs on a new one, and
// no connection to that server is used again.
func TestRefresh_LeavesReadOnlyServer(t *testing.T) {
	s := open(t, pgtest.New(t), Options{MaxConns: 6})
	must(t, s.CreateUser(t.Context(), ann))
	g := aGrant(1)
	must(t, create(t.Context(), s, g))
	must(t, s.CheckWritable(t.Context())) // It opens a connection for refreshes.
	makeReadOnly(t, s)

	// On a slow machine a new connection may take longer than a refresh may.
	if _, err := s.RefreshGrant(t.Context(), currentToken(g)); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the refresh on a read-only connection: %v", err)
	}
	if idle := s.pools.others.Stat().IdleConns(); idle != 0 {
		t.Errorf("%d other connections are still open", idle)
	}
}

// A write that shares a transaction runs again on a new connection.
func TestWrite_LeavesReadOnlyServer(t *testing.T) {
	s := open(t, pgtest.New(t), Options{MaxConns: 6})
	must(t, s.CreateUser(t.Context(), ann))
	makeReadOnly(t, s)
	if err := create(t.Context(), s, aGrant(1)); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

// The polls find out that a server has become read-only, since reads would go
// on with its old data.
func TestPolls_LeaveReadOnlyServer(t *testing.T) {
	for name, poll := range map[string]func(*Store) error{
		"ring":      func(s *Store) error { _, err := s.RingVersion(t.Context()); return err },
		"directory": func(s *Store) error { _, _, err := s.DirectoryVersion(t.Context()); return err },
		"log":       func(s *Store) error { _, err := s.Revocations(t.Context(), 0, 1); return err },
	} {
		s := open(t, pgtest.New(t), Options{MaxConns: 6})
		must(t, poll(s))
		makeReadOnly(t, s)
		if err := poll(s); !errors.Is(err, ErrReadOnly) {
			t.Errorf("%s: the poll of a read-only server: %v", name, err)
		}
		if idle := s.pools.others.Stat().IdleConns(); idle != 0 {
			t.Errorf("%s: %d other connections are still open", name, idle)
		}
		if err := poll(s); err != nil {
			t.Errorf("%s: the poll on a new connection: %v", name, err)
		}
	}
}

// makeReadOnly makes all open connections of a store read-only, as those to an
// old primary become.
func makeReadOnly(t *testing.T, s *Store) {
	t.Helper()
	for _, pool := range s.pools.all() {
		for _, conn := range pool.AcquireAllIdle(t.Context()) {
			_, err := conn.Exec(t.Context(), `SET default_transaction_read_only = on`)
			must(t, err)
			conn.Release()
		}
	}
}

// Behind PgBouncer a connection stays while the server behind it changes.
func TestPgBouncer_ReadOnlyServer(t *testing.T) {
	pooled := pgtest.Bouncer(t)
	s := open(t, pooled, Options{MaxConns: 4})
	must(t, s.Migrate(t.Context()))
	must(t, s.CreateUser(t.Context(), ann))
	g := aGrant(1)
	must(t, create(t.Context(), s, g))

	reconnect(t, pooled, `ALTER DATABASE %s SET default_transaction_read_only = on`)
	waitUntil(t, "a poll reports that the server is read-only", func() bool {
		_, err := s.RingVersion(t.Context())
		return errors.Is(err, ErrReadOnly)
	})
	if _, err := s.RefreshGrant(t.Context(), currentToken(g)); err == nil {
		t.Error("a read-only server answers a refresh")
	}
	if err := s.CheckWritable(t.Context()); err == nil {
		t.Error("a read-only server accepts a write")
	}

	reconnect(t, pooled, `ALTER DATABASE %s RESET default_transaction_read_only`)
	waitUntil(t, "the server answers a refresh again", func() bool {
		_, err := s.RefreshGrant(t.Context(), currentToken(g))
		return err == nil
	})
}

// reconnect changes a database and ends all of the pooler's connections to it.
// %s in the statement is the name of the database.
func reconnect(t *testing.T, pooled, statement string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), pooled)
	must(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	statement = strings.ReplaceAll(statement, "%s", conn.Config().Database)
	must(t, conn.PgConn().Exec(t.Context(), `BEGIN READ WRITE; `+statement+`; COMMIT`).Close())
	// The statement ends its own connection, too.
	_, _ = conn.Exec(t.Context(),
		`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() ORDER BY pid = pg_backend_pid()`)
}

// waitUntil waits until a condition holds.
func waitUntil(t *testing.T, condition string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%s: it did not happen", condition)
		}
	}
}

// CheckWritable changes one row, however often it is called.
func TestCheckWritable_LeavesNothing(t *testing.T) {
	s := open(t, pgtest.New(t), Options{})
	var before, after int
	must(t, s.db.QueryRow(t.Context(), `SELECT count(*) FROM versions`).Scan(&before))
	for range 3 {
		must(t, s.CheckWritable(t.Context()))
	}
	must(t, s.db.QueryRow(t.Context(), `SELECT count(*) FROM versions`).Scan(&after))
	if after != before+1 {
		t.Errorf("%d rows, then %d", before, after)
	}
}

// CheckWritable ends in bounded time if the write cannot commit.
func TestCheckWritable_EndsWhenWriteWaits(t *testing.T) {
	database := pgtest.New(t)
	s := open(t, database, Options{StatementTimeout: time.Second})
	waitUntil(t, "a write commits", func() bool { return s.CheckWritable(t.Context()) == nil })
	conn, err := pgx.Connect(t.Context(), database)
	must(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	_, err = conn.Exec(t.Context(), `BEGIN; SELECT FROM versions WHERE name = 'write' FOR UPDATE`)
	must(t, err)
	if err := s.CheckWritable(t.Context()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a write that waits: %v", err)
	}
}

// CheckWritable ends in bounded time while a commit waits for a synchronous
// replica that does not answer.
func TestCheckWritable_EndsWithoutSynchronousReplica(t *testing.T) {
	if testing.Short() {
		t.Skip("the test starts a server of its own")
	}
	base, stop, err := pgtest.StartDurable()
	must(t, err)
	t.Cleanup(stop)
	s := open(t, base.String(), Options{StatementTimeout: time.Second})
	must(t, s.Migrate(t.Context()))
	waitUntil(t, "a write commits", func() bool { return s.CheckWritable(t.Context()) == nil })

	setNames := func(names string) {
		must(t, tryExec(t, s, query(`ALTER SYSTEM SET synchronous_standby_names = '`+names+`'`)))
		must(t, tryExec(t, s, `SELECT pg_reload_conf()`))
	}
	setNames("elsewhere")
	waitUntil(t, "a write waits for the replica", func() bool {
		return errors.Is(s.CheckWritable(t.Context()), context.DeadlineExceeded)
	})
	setNames("")
	waitUntil(t, "a write commits again", func() bool { return s.CheckWritable(t.Context()) == nil })
}
