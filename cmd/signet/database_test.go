package main

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/signetd/signet/internal/pgtest"
)

// TestWaitsForTheDatabase: a server whose database is not there yet lives, says that it is not ready and why, and serves once
// the database has come. Told to stop while it waits, it stops.
func TestWaitsForTheDatabase(t *testing.T) {
	database, err := pgconn.ParseConfig(pgtest.Empty(t))
	if err != nil {
		t.Fatal(err)
	}
	door, err := freeAddresses(1)
	if err != nil {
		t.Fatal(err)
	}
	m := newMachine(t, "SIGNET_KEK_FILE=kek", "PGPASSWORD="+database.Password,
		"SIGNET_STORE_URL=postgres://"+database.User+"@"+door[0]+"/"+database.Database+"?sslmode=disable")
	m.signet("", "keys", "--new-kek", "kek", "--set", "issuer=https://login.example.com")
	for _, comes := range []bool{false, true} {
		p := m.start("--dev")
		if !eventually(func() bool { return strings.Contains(p.log.String(), "the database does not answer; asking again") }) {
			t.Fatal("the server does not say that it waits")
		}
		if live, ready := statusAt("http://"+m.at+"/livez"), statusAt("http://"+m.at+"/readyz"); live != http.StatusOK || ready != http.StatusServiceUnavailable {
			t.Errorf("while it waits livez is %d and readyz %d", live, ready)
		}
		if comes {
			forward(t, door[0], database)
			p.ready()
		}
		if err := p.drain(); err != nil {
			t.Errorf("the server ended with %v", err)
		}
	}
}

// forward makes a database reachable at another address.
func forward(t *testing.T, address string, database *pgconn.Config) {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	network, at := pgconn.NetworkAddress(database.Host, database.Port)
	go func() {
		for {
			caller, err := l.Accept()
			if err != nil {
				return
			}
			callee, err := net.Dial(network, at)
			if err != nil {
				_ = caller.Close()
				continue
			}
			for _, way := range [][2]net.Conn{{caller, callee}, {callee, caller}} {
				go func() {
					_, _ = io.Copy(way[0], way[1])
					_ = way[0].Close()
				}()
			}
		}
	}()
}
