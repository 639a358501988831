package storetest_test

import (
	"errors"
	"flag"
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

// Both stores keep the promises of keys.Store, issuer.Store and admin.Store.
var (
	_ storetest.Store = (*sqlite.Store)(nil)
	_ storetest.Store = (*postgres.Store)(nil)
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m, nil)) }

func TestSQLite(t *testing.T) { storetest.Run(t, onSQLite) }

func TestPostgres(t *testing.T) { storetest.Run(t, onPostgres(pgtest.Empty(t))) }

// TestPgBouncer runs the suite, the migrations included, through a PgBouncer that lends its connections for a transaction.
func TestPgBouncer(t *testing.T) {
	if testing.Short() {
		t.Skip("the same suite runs straight on PostgreSQL")
	}
	storetest.Run(t, onPostgres(pgtest.Bouncer(t)))
}

// TestRandomOperations runs fewer sequences than usual, unless -rapid.checks asks for more: each has two fresh stores and
// commits to disk.
func TestRandomOperations(t *testing.T) {
	sequences := "40"
	if testing.Short() {
		sequences = "10"
	}
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue {
		set(t, "rapid.checks", sequences)
	}
	set(t, "rapid.nofailfile", "true") // the seed is in the log
	storetest.Compare(t, onSQLite, onPostgres(pgtest.Empty(t)))
}

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
		t.Cleanup(func() { _ = s.Close() }) // some cases close it themselves
		return s, s.Migrate(t.Context())
	}
}

// asMigrated leaves what a migration leaves in an empty database, or nothing where there was none.
const asMigrated = `DO $$
DECLARE tables text = (SELECT string_agg(tablename, ', ') FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE 'goose%');
BEGIN
	IF tables IS NOT NULL THEN
		EXECUTE 'TRUNCATE ' || tables;
		INSERT INTO versions (name, version, restored) VALUES ('ring', 0, 0), ('directory', 0, 0);
	END IF;
END $$`

// onPostgres returns an empty database, and the next time the same one, emptied: to make another takes longer than most cases.
func onPostgres(url string) storetest.Place {
	return func(t *testing.T) func() (storetest.Store, error) {
		empty(t, url)
		return func() (storetest.Store, error) {
			s, err := postgres.Open(t.Context(), postgres.Options{URL: url, MaxConns: 20, StatementTimeout: time.Minute})
			if err != nil {
				return nil, err
			}
			t.Cleanup(func() { _ = s.Close() })
			return s, s.Migrate(t.Context())
		}
	}
}

func empty(t *testing.T, url string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err == nil {
		_, err = conn.Exec(t.Context(), asMigrated)
		err = errors.Join(err, conn.Close(t.Context()))
	}
	if err != nil {
		t.Fatal(err)
	}
}
