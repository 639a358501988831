package storetest_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
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
		before := faultsOf(t, url)
		t.Cleanup(func() { wantNoFaults(t, url, before) })
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

// faults are how many transactions of a database waited for each other, and how
// many were rolled back.
type faults struct{ deadlocks, rollbacks int }

// noRollbacks reports whether all writes of a case succeed, so that no
// transaction may be rolled back.
func noRollbacks(t *testing.T) bool { return strings.HasSuffix(t.Name(), "/RevocationLogHasNoGaps") }

// faultsOf returns the faults of a database since it was created. If rollbacks
// count, it waits until other connections have ended, which report them then.
// PgBouncer keeps its connections, so there the result is perhaps too low.
func faultsOf(t *testing.T, url string) (f faults) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for others, waits := 1, 0; noRollbacks(t) && others > 0 && waits < 100; waits++ { // a second at most
		<-tick.C
		err := conn.QueryRow(ctx, `SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid()`).Scan(&others)
		if err != nil {
			t.Fatal(err)
		}
	}
	err = conn.QueryRow(ctx, `SELECT deadlocks, xact_rollback FROM pg_stat_database
		WHERE datname = current_database()`).Scan(&f.deadlocks, &f.rollbacks)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// wantNoFaults fails the test if there were faults since before.
func wantNoFaults(t *testing.T, url string, before faults) {
	t.Helper()
	after := faultsOf(t, url)
	if after.deadlocks > before.deadlocks {
		t.Errorf("%d deadlocks", after.deadlocks-before.deadlocks)
	}
	if noRollbacks(t) && after.rollbacks > before.rollbacks {
		t.Errorf("%d transactions were rolled back", after.rollbacks-before.rollbacks)
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
