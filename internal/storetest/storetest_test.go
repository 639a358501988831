package storetest_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

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

func TestPostgres(t *testing.T) { storetest.Run(t, onPostgres) }

// TestPgBouncer runs the suite, the migrations included, through a PgBouncer that lends its connections for a transaction.
func TestPgBouncer(t *testing.T) { storetest.Run(t, onPgBouncer) }

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
	storetest.Compare(t, onSQLite, onPostgres)
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

func onPostgres(t *testing.T) func() (storetest.Store, error) { return on(t, pgtest.Empty(t)) }

func onPgBouncer(t *testing.T) func() (storetest.Store, error) { return on(t, pgtest.Bouncer(t)) }

func on(t *testing.T, url string) func() (storetest.Store, error) {
	return func() (storetest.Store, error) {
		s, err := postgres.Open(t.Context(), postgres.Options{URL: url, MaxConns: 20, StatementTimeout: time.Minute})
		if err != nil {
			return nil, err
		}
		t.Cleanup(func() { _ = s.Close() })
		return s, s.Migrate(t.Context())
	}
}
