package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/signetd/signet/internal/pgtest"
)

// Rule 18: a file of Signet that other users may read or replace is rejected.
func TestRule18_FileModes(t *testing.T) {
	testscript.Run(t, scripts("testdata/rule18"))
}

// Rule 19: a dump of the store has no secret, in any encoding, after all kinds
// of requests.
func TestRule19_DumpHoldsNoSecret(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		m := newMachine(t)
		scanDumps(t, m, func() []byte { return sqliteDump(t, m) })
	})
	t.Run("postgres", func(t *testing.T) {
		if testing.Short() {
			t.Skip("the same requests run on SQLite")
		}
		database := pgtest.Empty(t)
		kek := filepath.Join(t.TempDir(), "kek")
		m := newMachine(t, "SIGNET_STORE_URL="+database, "SIGNET_KEK_FILE="+kek)
		m.signet("", "keys", "--new-kek", kek, "--set", "issuer=https://login.example.com")
		scanDumps(t, m, func() []byte { return postgresDump(t, database) })
	})
}

// sqliteDump returns the bytes of all files of the store: the database, its
// write-ahead log and its index.
func sqliteDump(t *testing.T, m *machine) []byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(m.dir, "data", "signet.db*"))
	if err != nil || len(files) < 2 {
		t.Fatalf("the files of the store are %q, %v", files, err)
	}
	var all []byte
	for _, name := range files {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, content...)
	}
	return all
}

// postgresDump returns the output of pg_dump.
func postgresDump(t *testing.T, database string) []byte {
	t.Helper()
	program := postgresProgram("pg_dump")
	var errs bytes.Buffer
	c := exec.Command(program, "--inserts", "--dbname="+database)
	c.Stderr = &errs
	dump, err := c.Output()
	if err != nil {
		t.Fatalf("%s: %v: %s", program, err, errs.String())
	}
	return dump
}

// postgresProgram returns the path of a program of PostgreSQL. It prefers the
// one beside initdb, which has the version of the server.
func postgresProgram(name string) string {
	if initdb, err := exec.LookPath("initdb"); err == nil {
		if initdb, err = filepath.EvalSymlinks(initdb); err == nil {
			return filepath.Join(filepath.Dir(initdb), name)
		}
	}
	return name
}

// scanDumps runs a server with logins, refreshes, new passwords, new client
// secrets and new keys. It checks a dump while the server runs and after it has
// stopped.
func scanDumps(t *testing.T, m *machine, dump func() []byte) {
	p := m.start("--dev").ready()
	s := secretScan{secret: map[string][]byte{}, public: map[string][]byte{}}
	demo := m.demo()
	const password, newPassword = "correct horse battery staple", "wrong cow charger paperclip"
	s.secret["the demo password"], s.secret["the demo client secret"] = []byte(demo.Password), []byte(demo.ClientSecret)
	s.secret["a password"], s.secret["the new password"] = []byte(password), []byte(newPassword)
	m.signet(password+"\n", "users", "create", "ada", "--claim", "tenant=acme-corporation")
	s.public["a claim"] = []byte("acme-corporation")

	d := &device{t: t, credentials: demo, tokens: tokens(t, m.grpc)}
	d.credentials.Username, d.credentials.Password = "ada", password
	s.addLogin(t, d, "the first grant")
	m.signet(newPassword+"\n", "users", "set-password", "ada")
	d.credentials.Password = newPassword
	var client createdClient
	err := json.Unmarshal([]byte(m.signet("", "clients", "rotate-secret", demoClient, "-o", "json")), &client)
	if err != nil {
		t.Fatal(err)
	}
	s.secret["the new client secret"] = []byte(client.Secret)

	m.signet("", "audiences", "create", "elliptic", "--alg", "ES256")
	m.signet("", "audiences", "create", "edwards", "--alg", "EdDSA")
	if !eventuallyAfter(programPause, func() bool { return strings.Count(m.signet("", "keys"), " now ") >= 8 }) {
		t.Fatal("the server did not create the keys of the new audiences")
	}
	m.signet("", "keys", "--rotate", "--now", "--alg", "all")
	s.addLogin(t, d, "the second grant")
	s.addKeys(t, m)
	s.checkDump(t, "while the server runs", dump())
	if err := p.drain(); err != nil {
		t.Fatal(err)
	}
	s.checkDump(t, "after the server has stopped", dump())
}
