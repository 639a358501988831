package main

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signetd/signet/internal/pgtest"
)

// Commands and servers keep an entry of the revocation log for as long as the
// configuration says that a token is valid. A server sweeps in the background.
func TestServe_KeepsTheRevocationLog(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for a background task")
	}
	t.Parallel() // it mostly waits
	database, kek := pgtest.Empty(t), filepath.Join(t.TempDir(), "kek")
	m := newIssuerMachine(t, database, kek)
	m.createGateway(kek)
	conn, err := pgx.Connect(t.Context(), database)
	must(t, err)
	defer conn.Close(context.WithoutCancel(t.Context()))
	read := func(query string) (d time.Duration) {
		t.Helper()
		must(t, conn.QueryRow(t.Context(), query).Scan(&d))
		return d
	}

	m.signet("", "clients", "disable", "gateway")
	const byDefault = time.Hour + 90*time.Second
	if kept := read(`SELECT expires_at - before FROM revocations`); kept != byDefault {
		t.Errorf("the entry of a command is kept for %s, want %s", kept, byDefault)
	}

	_, err = conn.Exec(t.Context(), `INSERT INTO verifiers (name, server, keys, seen_at, lag)
		VALUES ('orders', 'a', '', now() - interval '1 hour', '0')`)
	must(t, err)
	m.env = append(m.env, "SIGNET_TOKENS_MAX_LIFETIME=3h")
	m.start().ready()
	const longer = 3*time.Hour + 90*time.Second
	swept := func() bool {
		return read(`SELECT max(keep) FROM revocation_head`) == longer &&
			read(`SELECT count(*) * interval '1 second' FROM verifiers`) == 0
	}
	if !eventually(swept) {
		t.Error("the server does not sweep the revocation log")
	}
}
