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
	"time"

	"github.com/jackc/pgx/v5"
)

// Env names a server: a postgres:// URL of somebody who may create databases. Without it a private server is started.
const Env = "SIGNET_TEST_POSTGRES"

// patience bounds everything that is asked of the server here.
const patience = time.Minute

// A Migration brings the empty database at url to the schema under test.
type Migration func(ctx context.Context, url string) error

// server is what Main prepares and the tests of this program share.
var server struct {
	migrate Migration
	start   sync.Once
	err     error
	base    *url.URL // any database of it
	stop    func()   // nil if the server is not ours

	creating sync.Mutex // Postgres copies a template for one at a time
	template string

	pooler pooler
}

// Main runs the tests of a package that calls New or Empty, from its TestMain, and returns the exit code:
//
//	func TestMain(m *testing.M) { os.Exit(pgtest.Main(m, migrate)) }
//
// The server starts with the first test that needs it. It is stopped and its files are removed at the end, also when the
// test program is killed. migrate runs once; it may be nil if only Empty is called.
func Main(m interface{ Run() int }, migrate Migration) int {
	server.migrate = migrate
	server.stop = func() {}
	defer func() {
		if server.template != "" {
			_ = command(`DROP DATABASE IF EXISTS ` + server.template + ` WITH (FORCE)`) // ours is removed whole anyway
		}
		server.pooler.end()
		server.stop()
	}()
	return m.Run()
}

// New returns the URL of a new database with the schema under test, which is dropped when the test ends.
func New(t testing.TB) string {
	t.Helper()
	begin(t)
	if server.template == "" {
		t.Fatal("pgtest.Main was given no migration: only pgtest.Empty can be called")
	}
	return create(t, server.template)
}

// Empty returns the URL of a new database with nothing in it, which is dropped when the test ends.
func Empty(t testing.TB) string {
	t.Helper()
	begin(t)
	return create(t, "template0")
}

// begin starts the server if this is the first test that needs it.
func begin(t testing.TB) {
	t.Helper()
	if server.stop == nil {
		t.Fatal("pgtest.Main does not run: call it from TestMain")
	}
	server.start.Do(func() { server.err = start() })
	if server.err != nil {
		t.Fatalf("no Postgres to test with: %v", server.err)
	}
}

func start() (err error) {
	if text := os.Getenv(Env); text != "" {
		server.base, err = url.Parse(text)
		if err != nil || !strings.HasPrefix(server.base.Scheme, "postgres") {
			return fmt.Errorf("%s is not a postgres:// URL", Env)
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
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := server.migrate(ctx, urlOf(name)); err != nil {
		return fmt.Errorf("migrate the template: %w", err)
	}
	return nil
}

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
	ctx, cancel := context.WithTimeout(context.Background(), patience)
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

func newName(what string) string {
	return "signet_" + what + "_" + strings.ToLower(rand.Text())
}

func urlOf(database string) string {
	u := *server.base
	u.Path = "/" + database
	return u.String()
}
