package storetest_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signetd/signet/internal/pgtest"
	"github.com/signetd/signet/internal/postgres"
	"github.com/signetd/signet/internal/sqlite"
	"github.com/signetd/signet/internal/storetest"
)

// Both stores implement all store interfaces.
var (
	_ storetest.Store = (*sqlite.Store)(nil)
	_ storetest.Store = (*postgres.Store)(nil)
)

func TestMain(m *testing.M) {
	if at := os.Getenv(victimStore); at != "" {
		fmt.Fprintln(os.Stderr, beVictim(at))
		os.Exit(1)
	}
	os.Exit(pgtest.Main(m, nil))
}

func TestSQLite(t *testing.T) { storetest.Run(t, onSQLite) }

func TestPostgres(t *testing.T) { storetest.Run(t, onPostgres(pgtest.Empty(t), maxConns)) }

// TestPgBouncer runs the suite, including the migrations, through a PgBouncer
// in transaction mode.
func TestPgBouncer(t *testing.T) {
	if testing.Short() {
		t.Skip("TestPostgres runs the same suite without PgBouncer")
	}
	storetest.Run(t, onPostgres(pgtest.Bouncer(t), maxConns))
}

// TestRandomOperations runs fewer sequences than rapid's default, because each
// needs two new stores and commits to disk. The flag -rapid.checks sets another
// number. Postgres has two connections: with more, the few concurrent refreshes
// of an operation would not share a statement.
func TestRandomOperations(t *testing.T) {
	sequences := "40"
	if testing.Short() {
		sequences = "10"
	}
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue {
		set(t, "rapid.checks", sequences)
	}
	set(t, "rapid.nofailfile", "true") // The log has the seed.
	storetest.Compare(t, onSQLite, onPostgres(pgtest.Empty(t), 2))
}

// set sets a flag.
func set(t *testing.T, name, value string) {
	t.Helper()
	if err := flag.Set(name, value); err != nil {
		t.Fatal(err)
	}
}

func onSQLite(t *testing.T) func() (storetest.Store, error) {
	path := filepath.Join(t.TempDir(), "signet.db")
	return func() (storetest.Store, error) {
		s, err := sqlite.Open(t.Context(), path, sqlite.Options{})
		if err != nil {
			return nil, err
		}
		t.Cleanup(func() { _ = s.Close() }) // Some cases close it themselves.
		return s, s.Migrate(t.Context())
	}
}

// resetTables brings the tables to their state after the migration. It does
// nothing in a database without a schema.
const resetTables = `DO $$
DECLARE tables text = (SELECT string_agg(tablename, ', ') FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE 'goose%');
BEGIN
	IF tables IS NOT NULL THEN
		EXECUTE 'TRUNCATE ' || tables;
		INSERT INTO versions (name, version, restored) VALUES ('ring', 0, 0), ('directory', 0, 0);
		INSERT INTO revocation_head (one, seq, at, keep, keep_until) VALUES (true, 0, '-infinity', '0', '-infinity');
	END IF;
END $$`

// maxConns is how many connections a store has at most.
const maxConns = 20

// onPostgres uses one database for all places and resets it for each: to create
// a database takes longer than most cases.
func onPostgres(url string, maxConns int32) storetest.Place {
	return func(t *testing.T) func() (storetest.Store, error) {
		reset(t, url)
		t.Cleanup(func() { wantNoDeadlocks(t, url) })
		return func() (storetest.Store, error) {
			s, err := postgres.Open(t.Context(), postgres.Options{
				URL: url, MaxConns: maxConns, StatementTimeout: time.Minute,
			})
			if err != nil {
				return nil, err
			}
			t.Cleanup(func() { _ = s.Close() })
			return s, s.Migrate(t.Context())
		}
	}
}

// wantNoDeadlocks fails the test if two transactions of the database waited for
// each other.
func wantNoDeadlocks(t *testing.T, url string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	var deadlocks int
	err = conn.QueryRow(ctx, `SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()`).Scan(&deadlocks)
	if err = errors.Join(err, conn.Close(ctx)); err != nil || deadlocks > 0 {
		t.Errorf("%d deadlocks, %v", deadlocks, err)
	}
}

// reset runs resetTables.
func reset(t *testing.T, url string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err == nil {
		_, err = conn.Exec(t.Context(), resetTables)
		err = errors.Join(err, conn.Close(t.Context()))
	}
	if err != nil {
		t.Fatal(err)
	}
}
