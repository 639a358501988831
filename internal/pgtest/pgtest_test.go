package pgtest_test

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/signetd/signet/internal/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m, migrate)) }

func migrate(ctx context.Context, url string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, `CREATE TABLE things (id int)`); err != nil {
		return err
	}
	return conn.Close(ctx)
}

func TestNew_DatabasesAreSeparate(t *testing.T) {
	for range 2 {
		if n := insertThing(t, pgtest.New(t)); n != 1 {
			t.Errorf("a new database has %d things after the first insert", n)
		}
	}
}

func TestEmpty_HasNoTables(t *testing.T) {
	conn := connect(t, pgtest.Empty(t))
	var tables int
	err := conn.QueryRow(t.Context(), `SELECT count(*) FROM pg_tables WHERE schemaname = 'public'`).Scan(&tables)
	if err != nil || tables != 0 {
		t.Errorf("an empty database has %d tables: %v", tables, err)
	}
}

// insertThing inserts a row and returns the number of rows.
func insertThing(t *testing.T, url string) (n int) {
	t.Helper()
	conn := connect(t, url)
	if _, err := conn.Exec(t.Context(), `INSERT INTO things VALUES (1)`); err != nil {
		t.Fatal(err)
	}
	if err := conn.QueryRow(t.Context(), `SELECT count(*) FROM things`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return conn
}

// PgBouncer assigns a server connection for one transaction only. The next
// transaction of the client runs on another connection.
func TestBouncer_AssignsConnectionsPerTransaction(t *testing.T) {
	url := pgtest.Bouncer(t)
	a, b := connect(t, url), connect(t, url)
	// Both clients are in a transaction at the same time, so that PgBouncer
	// opens two server connections.
	for _, conn := range []*pgx.Conn{a, b} {
		tx, err := conn.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec(t.Context(), `SELECT 1`); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tx.Rollback(context.Background()) }()
		if conn == b {
			if err := errors.Join(tx.Commit(t.Context()), a.PgConn().Exec(t.Context(), `COMMIT`).Close()); err != nil {
				t.Fatal(err)
			}
		}
	}
	seen := map[uint32]bool{}
	for range 2 {
		var backend uint32
		if err := a.QueryRow(t.Context(), `SELECT pg_backend_pid()`).Scan(&backend); err != nil {
			t.Fatal(err)
		}
		seen[backend] = true
	}
	if len(seen) != 2 {
		t.Error("two statements of one client ran on the same connection")
	}
}
