package main

import (
	"database/sql"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/signetd/signet/internal/pgtest"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// Rule 31: after a restore from a backup, the replay of the audit log revokes
// again what was revoked after the backup.
func TestDrill_BackupAndRestore(t *testing.T) {
	onBothStores(t, func(t *testing.T, m *machine, s restorable) { newRestoreDrill(t, m).run(s.backup, s.restore) })
	t.Run("postgres, with servers that are 30 s behind", func(t *testing.T) {
		if testing.Short() {
			t.Skip("internal/app/components has a test of the times of events")
		}
		database := pgtest.Empty(t)
		runSQL(t, database, `CREATE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql
			AS 'SELECT pg_catalog.clock_timestamp() + interval ''30 s'''`)
		m, s := restorablePostgres(t, database, "&search_path=public,pg_catalog")
		newRestoreDrill(t, m).run(s.backup, s.restore)
	})
}

// A restorable is a store that a drill restores.
type restorable struct {
	backup, restore func()
	// execute changes the restored store. It has a statement for each kind of
	// store.
	execute func(sqlite, postgres string)
}

// onBothStores runs a drill on SQLite and on PostgreSQL.
func onBothStores(t *testing.T, drill func(t *testing.T, m *machine, s restorable)) {
	t.Run("sqlite", func(t *testing.T) {
		m := newDemoMachine(t)
		drill(t, m, restorableSQLite(t, filepath.Join(m.dir, "data", "signet.db"), filepath.Join(m.dir, "backup.db")))
	})
	t.Run("postgres", func(t *testing.T) {
		if testing.Short() {
			t.Skip("the same drill runs on SQLite")
		}
		m, s := restorablePostgres(t, pgtest.Empty(t), "")
		drill(t, m, s)
	})
}

func restorableSQLite(t *testing.T, store, backup string) restorable {
	return restorable{
		backup: func() { vacuumInto(t, store, backup) },
		restore: func() {
			// The write-ahead log and the index belong to the old file.
			_, _ = os.Remove(store+"-wal"), os.Remove(store+"-shm")
			content, err := os.ReadFile(backup)
			if err == nil {
				err = os.WriteFile(store, content, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		},
		execute: func(statement, _ string) {
			db, err := sql.Open("sqlite", "file:"+store)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			if _, err := db.ExecContext(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		},
	}
}

// restorablePostgres returns a machine on a database and the database. The
// machine's URLs have the parameters.
func restorablePostgres(t *testing.T, database, parameters string) (*machine, restorable) {
	kek := filepath.Join(t.TempDir(), "kek")
	m := newMachine(t, "SIGNET_KEK_FILE="+kek, "SIGNET_STORE_URL="+database+parameters)
	m.signet("", "keys", "--new-kek", kek, "--set", "issuer=https://login.example.com")
	dump, restored := filepath.Join(m.dir, "backup.dump"), ""
	return m, restorable{
		backup: func() { runPostgres(t, "pg_dump", "--format=custom", "--file="+dump, "--dbname="+database) },
		restore: func() {
			restored = pgtest.Empty(t)
			runPostgres(t, "pg_restore", "--no-owner", "--dbname="+restored, dump)
			m.env = append(m.env, "SIGNET_STORE_URL="+restored+parameters)
		},
		execute: func(_, statement string) { runSQL(t, restored, statement) },
	}
}

// vacuumInto copies an SQLite file that a server has open.
func vacuumInto(t *testing.T, from, to string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+from+"?mode=ro&_busy_timeout=10000")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), `VACUUM INTO ?`, to); err != nil {
		t.Fatal(err)
	}
}

// runPostgres runs a program of PostgreSQL.
func runPostgres(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(postgresProgram(name), args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", name, err, out)
	}
}

// runSQL executes a statement in a database.
func runSQL(t *testing.T, database, statement string) {
	t.Helper()
	runPostgres(t, "psql", "--quiet", "--set=ON_ERROR_STOP=1", "--dbname="+database, "--command="+statement)
}

// A restoreDrill is a server with logins before and changes after a backup.
type restoreDrill struct {
	t *testing.T
	m *machine
	p *process
	// revoked are the logins whose grants end after the backup; live are the
	// others.
	revoked map[string]*device
	live    map[string]*device
	// compromised is the key that was compromised after the backup.
	compromised string
	backupTime  time.Time
}

func newRestoreDrill(t *testing.T, m *machine) *restoreDrill {
	return &restoreDrill{t: t, m: m, revoked: map[string]*device{}, live: map[string]*device{}}
}

// run restores the backup twice: without a replay the changes are lost, with a
// replay they are repeated.
func (d *restoreDrill) run(backup, restore func()) {
	d.p = d.m.start("--dev").ready()
	for _, name := range []string{"revoked", "swept", "disabled", "deleted", "password", "stolen"} {
		d.revoked[name] = d.login(name)
	}
	for _, name := range []string{"quiet", "busy", "enabled"} {
		d.live[name] = d.login(name)
	}
	d.m.signet("", "users", "disable", "enabled")
	backup()
	d.backupTime = time.Now()
	d.change()
	d.p.kill()
	log := filepath.Join(d.m.dir, "shipped.log")
	if err := os.WriteFile(log, []byte(logRecords(d.p.log.String()+d.m.stderr.String())), 0o600); err != nil {
		d.t.Fatal(err)
	}

	restore()
	d.p = d.m.start("--dev").ready()
	err := d.revoked["revoked"].refresh()
	if err != nil || !strings.Contains(d.m.signet("", "keys"), d.compromised+"  RS256  active") {
		d.t.Errorf("the restore without a replay lost no change (%v): the drill tests nothing", err)
	}
	d.p.kill()

	restore()
	d.replay(log)
	d.p = d.m.start("--dev").ready()
	d.check()
}

// logRecords returns a log without the lines that --dev prints to stdout.
func logRecords(log string) string {
	var records strings.Builder
	for line := range strings.Lines(log) {
		if strings.HasPrefix(line, "{") || strings.HasPrefix(line, "time=") {
			records.WriteString(line)
		}
	}
	return records.String()
}

// login creates a user and logs in.
func (d *restoreDrill) login(name string) *device {
	d.t.Helper()
	const password = "a long and secret phrase"
	d.m.signet(password+"\n", "users", "create", name)
	x := &device{t: d.t, credentials: d.m.demo(), tokens: tokens(d.t, d.m.grpc)}
	x.credentials.Username, x.credentials.Password = name, password
	if err := x.login(); err != nil {
		d.t.Fatal(err)
	}
	return x
}

// change makes every kind of change that a restore undoes.
func (d *restoreDrill) change() {
	d.t.Helper()
	x := d.revoked["revoked"]
	ctx, cancel := asClient(d.t, x.credentials.ClientID, x.credentials.ClientSecret)
	defer cancel()
	if _, err := x.tokens.Revoke(ctx, &signetv1.RevokeRequest{Token: x.token}); err != nil {
		d.t.Fatal(err)
	}
	d.m.signet("", "grants", "revoke", "--user", "swept")
	d.m.signet("", "users", "disable", "disabled")
	d.m.signet("", "users", "delete", "deleted")
	d.m.signet("another long and secret phrase\n", "users", "set-password", "password")
	d.m.signet("", "users", "enable", "enabled")
	d.reuseToken()

	var rows []struct{ Kid, Alg, State string }
	if err := json.Unmarshal([]byte(d.m.signet("", "keys", "-o", "json")), &rows); err != nil {
		d.t.Fatal(err)
	}
	for _, row := range rows {
		if row.Alg == "RS256" && row.State == "active" {
			d.compromised = row.Kid
		}
	}
	d.m.signet("", "keys", "--compromise", d.compromised)
	for range 3 {
		if err := d.live["busy"].refresh(); err != nil {
			d.t.Fatal(err)
		}
	}
	d.login("late")
}

// reuseToken sends a refresh token that is two generations old, which revokes
// the grant.
func (d *restoreDrill) reuseToken() {
	d.t.Helper()
	x := d.revoked["stolen"]
	thief := *x
	for range 2 {
		if err := x.refresh(); err != nil {
			d.t.Fatal(err)
		}
	}
	thief.key = "the key of the thief"
	if err := thief.refresh(); status.Code(err) != codes.Unauthenticated {
		d.t.Fatalf("the reused token is answered with %v", err)
	}
}

// replay replays the log twice. The second replay changes nothing.
func (d *restoreDrill) replay(log string) {
	d.t.Helper()
	var first, second struct {
		Changed    int
		LostLogins int `json:"lost_logins"`
		Told       []struct{ Event, Lost string }
		Faults     []string
	}
	for _, result := range []any{&first, &second} {
		out := d.m.signet("", "grants", "revoke",
			"--replay", log, "--since", d.backupTime.Format(time.RFC3339Nano), "-o", "json")
		if err := json.Unmarshal([]byte(out), result); err != nil {
			d.t.Fatal(err)
		}
	}

	// Six grants were revoked, one user was enabled, one key was compromised.
	if first.Changed != 8 || first.LostLogins != 1 || len(first.Faults) > 0 {
		d.t.Errorf("the first replay returned %+v; want 8 changes and 1 lost login", first)
	}
	if second.Changed != 0 || second.LostLogins != 1 {
		d.t.Errorf("the second replay returned %+v; want no change", second)
	}
	events, lost := "", ""
	for _, e := range first.Told {
		events += e.Event + "\n"
		lost += e.Lost + "\n"
	}
	for _, want := range []string{"the new password of password", "the user: create it again"} {
		if !strings.Contains(lost, want) {
			d.t.Errorf("the replay does not report the loss of %q:\n%s%s", want, events, lost)
		}
	}
}

// check checks that the revoked grants are revoked and the others are live.
func (d *restoreDrill) check() {
	d.t.Helper()
	for name, x := range d.revoked {
		if err := x.refresh(); status.Code(err) != codes.Unauthenticated {
			d.t.Errorf("a refresh of the revoked grant (%s) returns %v", name, err)
		}
	}
	for name, x := range d.live {
		if err := x.refresh(); err != nil {
			d.t.Errorf("a refresh of the live grant (%s) returns %v", name, err)
		}
	}
	set, err := exec.Command("fetch", "http://"+d.m.http+"/.well-known/jwks.json").Output()
	if err != nil || strings.Contains(string(set), d.compromised) {
		d.t.Errorf("the JWK Set has the compromised key: %s, %v", set, err)
	}
}
