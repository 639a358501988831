package pgurl_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/signetd/signet/internal/pgtest"
	"github.com/signetd/signet/internal/pgurl"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m, nil)) }

// A URL may set every parameter that a server lets a connection set.
func TestParse_AcceptsParametersOfServer(t *testing.T) {
	ctx := t.Context()
	conn, err := pgx.Connect(ctx, pgtest.Empty(t))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	rows, err := conn.Query(ctx, `SELECT name FROM pg_settings
		WHERE context IN ('user', 'superuser', 'backend', 'superuser-backend')`)
	if err != nil {
		t.Fatal(err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(names) < 100 {
		t.Fatalf("%d parameters: %v", len(names), err)
	}
	for _, name := range names {
		if _, err := pgurl.Parse("postgres://localhost/d?" + name + "=1"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestParse_Rejects(t *testing.T) {
	noCertificate := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(noCertificate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for url, want := range map[string]string{
		"?sslmod=require":                       `neither pgx nor PostgreSQL has the parameter "sslmod"`,
		"?pgbouncer=true&schema=public":         `the parameter "pgbouncer", "schema"`,
		"?sslmode=required":                     "sslmode is invalid",
		"?sslmode=Require":                      "sslmode is invalid",
		"?sslrootcert=/none":                    "open /none: no such file",
		"?sslrootcert=" + noCertificate:         "unable to add CA",
		"?sslcert=/none&sslkey=/none":           "open /none: no such file",
		"?connect_timeout=soon":                 "connect_timeout",
		"?pool_max_conn_lifetime=5":             "pool_max_conn_lifetime",
		"?default_query_exec_mode=quick":        "default_query_exec_mode",
		"?default_query_exec_mode=exec":         "default_query_exec_mode is cache_statement",
		"?target_session_attrs=prefer-standby":  "Signet must write",
		"?target_session_attrs=writable":        "unknown target_session_attrs",
		"?channel_binding=yes":                  "channel_binding",
		"?host=a,b&port=1,2,3":                  "could not match 3 port numbers to 2 hosts",
		"?port=0":                               "invalid port",
		"?application_name=%60%3A%20&ssl=falsy": `"ssl"`,
	} {
		_, err := pgurl.Parse("postgres://u:hunter2@localhost/d" + url)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %s", url, err, want)
		}
		if err != nil && (strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "localhost")) {
			t.Errorf("%s: the error has the URL: %v", url, err)
		}
	}
	if _, err := pgurl.Parse("postgres://u:p@hunter2@h/d"); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("an @ in the password: %v", err)
	}
}
