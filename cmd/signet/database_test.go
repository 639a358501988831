package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/signetd/signet/internal/pgtest"
)

// A server waits for an unreachable database: it is live and not ready. It
// becomes ready once it reaches the database. It stops on SIGTERM while it
// waits.
func TestStart_WaitsForDatabase(t *testing.T) {
	t.Parallel() // it mostly waits
	database, err := pgconn.ParseConfig(pgtest.Empty(t))
	if err != nil {
		t.Fatal(err)
	}
	free, err := freeAddresses(1)
	if err != nil {
		t.Fatal(err)
	}
	m := newMachine(t, "SIGNET_KEK_FILE=kek", "PGPASSWORD="+database.Password,
		"SIGNET_STORE_URL=postgres://"+database.User+"@"+free[0]+"/"+database.Database+"?sslmode=disable")
	m.signet("", "keys", "--new-kek", "kek", "--set", "issuer=https://login.example.com")
	for _, reachable := range []bool{false, true} {
		p := m.start("--dev")
		if !eventually(func() bool {
			return strings.Contains(p.log.String(), "cannot reach the database; trying again")
		}) {
			t.Fatal("the server does not log that it waits")
		}
		live, ready := statusAt("http://"+m.ops+"/livez"), statusAt("http://"+m.ops+"/readyz")
		if live != http.StatusOK || ready != http.StatusServiceUnavailable {
			t.Errorf("while the server waits, livez is %d and readyz %d", live, ready)
		}
		if reachable {
			forward(t, free[0], database)
			p.ready()
		}
		if err := p.drain(); err != nil {
			t.Errorf("the server exited with %v", err)
		}
	}
}

// A database that refuses the URL itself ends the start.
func TestStart_EndsWhenDatabaseRefusesURL(t *testing.T) {
	m := newMachine(t, "SIGNET_KEK_FILE=kek", "SIGNET_ISSUER=https://login.example.com",
		"SIGNET_STORE_URL="+pgtest.Empty(t)+"&statement_timeout=soon")
	m.signet("", "keys", "--new-kek", "kek")
	p := m.start()
	ended := eventually(func() bool {
		select {
		case <-p.ended:
			return true
		default:
			return false
		}
	})
	if !ended || p.err == nil || !strings.Contains(p.log.String(), "the database refuses a parameter of the URL") {
		t.Errorf("the server ended: %t, with the error %v", ended, p.err)
	}
}

// With --dev, the server creates a KEK file for PostgreSQL too, and uses it
// again at the next start.
func TestDev_CreatesKEKForDatabase(t *testing.T) {
	m := newMachine(t, "SIGNET_STORE_URL="+pgtest.Empty(t))
	kek := filepath.Join(m.dir, "data", "kek")
	var first []byte
	for range 2 {
		p := m.start("--dev").ready()
		text, err := os.ReadFile(kek)
		if err != nil || first != nil && !bytes.Equal(text, first) {
			t.Fatalf("%v, or the KEK file has changed", err)
		}
		if first == nil {
			m.signet("", "login")
		}
		first = text
		m.signet("", "refresh")
		m.signet("", "keys", "--rotate", "--plan")
		if err := p.drain(); err != nil {
			t.Error(err)
		}
	}
	if info, err := os.Stat(kek); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, mode %v", err, info.Mode())
	}

	// A lost KEK is not replaced.
	if err := os.Remove(kek); err != nil {
		t.Fatal(err)
	}
	text, err := m.command("serve", "--dev").CombinedOutput()
	if err == nil || !strings.Contains(string(text), "is missing, and the store has keys that only this file opens") {
		t.Errorf("%v: %s", err, text)
	}
}

// A server that is started on a replica waits until the database accepts
// writes. It is live and not ready, and logs the cause.
func TestStart_WaitsForWritableDatabase(t *testing.T) {
	if testing.Short() {
		t.Skip("a server tries a database again after two seconds")
	}
	t.Parallel() // it mostly waits
	database := pgtest.Empty(t)
	m := newMachine(t, "SIGNET_KEK_FILE=kek", "SIGNET_ISSUER=https://login.example.com", "SIGNET_STORE_URL="+database,
		"SIGNET_SHUTDOWN_DRAIN=0s")
	m.signet("", "keys", "--new-kek", "kek")
	if err := m.start().ready().drain(); err != nil { // The database has a schema and keys now.
		t.Fatal(err)
	}
	alter(t, database, "SET default_transaction_read_only = on")

	p := m.start()
	if !eventually(func() bool {
		return strings.Contains(p.log.String(), "the database server is read-only, as a replica is")
	}) {
		t.Fatal("the server does not log that the database is read-only")
	}
	live, ready := statusAt("http://"+m.ops+"/livez"), statusAt("http://"+m.ops+"/readyz")
	if live != http.StatusOK || ready != http.StatusServiceUnavailable {
		t.Errorf("on a read-only database livez is %d and readyz %d", live, ready)
	}
	alter(t, database, "RESET default_transaction_read_only")
	p.ready()
}

// alter changes a setting of a database for new connections.
func alter(t *testing.T, database, setting string) {
	t.Helper()
	conn, err := pgconn.Connect(t.Context(), database+"&default_transaction_read_only=off")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	statement := `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I ` + setting + `', current_database()); END $$`
	if err := conn.Exec(t.Context(), statement).Close(); err != nil {
		t.Fatal(err)
	}
}

// forward accepts connections at an address and forwards them to a database.
func forward(t *testing.T, address string, database *pgconn.Config) {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	network, to := pgconn.NetworkAddress(database.Host, database.Port)
	go func() {
		for {
			caller, err := l.Accept()
			if err != nil {
				return
			}
			callee, err := net.Dial(network, to)
			if err != nil {
				_ = caller.Close()
				continue
			}
			for _, pair := range [][2]net.Conn{{caller, callee}, {callee, caller}} {
				go func() {
					_, _ = io.Copy(pair[0], pair[1])
					_ = pair[0].Close()
				}()
			}
		}
	}()
}
