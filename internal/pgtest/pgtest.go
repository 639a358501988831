package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Migration creates the schema under test in the empty database at url.
type Migration func(ctx context.Context, url string) error

// server is the server that the tests of this program share. Main sets it up.
var server struct {
	migrate Migration
	start   sync.Once
	err     error
	base    *url.URL // the URL of any database of the server
	stop    func()   // nil if Main does not run

	creating sync.Mutex // Postgres copies a template only once at a time
	template string

	pooler pooler
}

// Main runs the tests of a package and returns the exit code. A package whose
// tests call New or Empty calls Main from TestMain:
//
//	func TestMain(m *testing.M) { os.Exit(pgtest.Main(m, migrate)) }
//
// The server starts with the first test that needs it. At the end, Main stops
// the server and removes its files. Both also happen when the test program is
// killed. migrate runs once. It may be nil if no test calls New.
func Main(m interface{ Run() int }, migrate Migration) int {
	server.migrate = migrate
	server.stop = func() {}
	defer func() {
		if server.template != "" {
			// An error has no consequence on a private server: its files are
			// removed.
			_ = command(`DROP DATABASE IF EXISTS ` + server.template + ` WITH (FORCE)`)
		}
		server.pooler.end()
		server.stop()
	}()
	return m.Run()
}

// New returns the URL of a new database with the schema under test. The
// database is dropped when the test ends.
func New(t testing.TB) string {
	t.Helper()
	ensureServer(t)
	if server.template == "" {
		t.Fatal("pgtest.Main has no migration: only pgtest.Empty can be called")
	}
	return create(t, server.template)
}

// Empty returns the URL of a new database without tables. The database is
// dropped when the test ends.
func Empty(t testing.TB) string {
	t.Helper()
	ensureServer(t)
	return create(t, "template0")
}

// Bouncer returns the URL of a new database without tables, like Empty, but
// through a private PgBouncer in transaction mode. The URL has the parameter
// that pgx needs for PgBouncer. PgBouncer starts with the first test that calls
// Bouncer, and stops when the tests end.
func Bouncer(t testing.TB) string {
	t.Helper()
	direct, err := url.Parse(Empty(t))
	if err != nil {
		t.Fatal(err)
	}
	p := &server.pooler
	p.start.Do(func() { p.base, p.stop, p.err = startBouncer(server.base) })
	if p.err != nil {
		t.Fatalf("start PgBouncer: %v", p.err)
	}
	u := *p.base
	u.Path = direct.Path
	return u.String()
}

// ensureServer starts the server for the first test that needs it.
func ensureServer(t testing.TB) {
	t.Helper()
	if server.stop == nil {
		t.Fatal("pgtest.Main does not run: call it from TestMain")
	}
	server.start.Do(func() { server.err = start() })
	if server.err != nil {
		t.Fatalf("start Postgres: %v", server.err)
	}
}

// start connects to the server in the environment, or starts a private one. It
// also creates the template database, if there is a migration.
func start() (err error) {
	if text := os.Getenv(serverEnv); text != "" {
		server.base, err = url.Parse(text)
		if err != nil || !strings.HasPrefix(server.base.Scheme, "postgres") {
			return fmt.Errorf("%s is not a postgres:// URL", serverEnv)
		}
	} else if server.base, server.stop, err = startCluster(fastest); err != nil {
		server.stop = func() {}
		return err
	}
	if server.migrate == nil {
		return nil
	}

	name := newName("template")
	if err := command(`CREATE DATABASE ` + name + ` TEMPLATE template0`); err != nil {
		return err
	}
	server.template = name
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	if err := server.migrate(ctx, urlOf(name)); err != nil {
		return fmt.Errorf("migrate the template: %w", err)
	}
	return nil
}

// create returns the URL of a new copy of a template database.
func create(t testing.TB, template string) string {
	t.Helper()
	name := newName("test")
	server.creating.Lock()
	err := command(`CREATE DATABASE ` + name + ` TEMPLATE ` + template)
	server.creating.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := command(`DROP DATABASE ` + name + ` WITH (FORCE)`); err != nil {
			t.Error(err)
		}
	})
	return urlOf(name)
}

// command runs one statement on the server.
func command(sql string) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, server.base.String())
	if err == nil {
		_, err = conn.Exec(ctx, sql)
		err = errors.Join(err, conn.Close(ctx))
	}
	if err != nil {
		return fmt.Errorf("%s: %w", sql, err)
	}
	return nil
}

// newName returns a new name for a database.
func newName(what string) string {
	return "signet_" + what + "_" + strings.ToLower(rand.Text())
}

// urlOf returns the URL of a database of the server.
func urlOf(database string) string {
	u := *server.base
	u.Path = "/" + database
	return u.String()
}
