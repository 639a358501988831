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

// TestDrill_BackupAndRestore: a store is put back to a state of before, and the audit log brings back what was ended since.
func TestDrill_BackupAndRestore(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		m := newDemo(t)
		store, copied := filepath.Join(m.dir, "data", "signet.db"), filepath.Join(m.dir, "backup.db")
		newDrill(t, m).run(
			func() { vacuumInto(t, store, copied) },
			func() {
				_, _ = os.Remove(store+"-wal"), os.Remove(store+"-shm") // they belong to the file that is replaced
				content, err := os.ReadFile(copied)
				if err == nil {
					err = os.WriteFile(store, content, 0o600)
				}
				if err != nil {
					t.Fatal(err)
				}
			})
	})
	t.Run("postgres", func(t *testing.T) {
		if testing.Short() {
			t.Skip("the same drill runs on SQLite")
		}
		database, kek := pgtest.Empty(t), filepath.Join(t.TempDir(), "kek")
		m := newMachine(t, "SIGNET_KEK_FILE="+kek, "SIGNET_STORE_URL="+database)
		m.signet("", "keys", "--new-kek", kek, "--set", "issuer=https://login.example.com")
		dump := filepath.Join(m.dir, "backup.dump")
		newDrill(t, m).run(
			func() { runProgram(t, "pg_dump", "--format=custom", "--file="+dump, "--dbname="+database) },
			func() {
				restored := pgtest.Empty(t)
				runProgram(t, "pg_restore", "--no-owner", "--dbname="+restored, dump)
				m.env = append(m.env, "SIGNET_STORE_URL="+restored)
			})
	})
}

// vacuumInto copies an SQLite file while a server has it open.
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

func runProgram(t *testing.T, name string, args ...string) {
	t.Helper()
	if said, err := exec.Command(postgresProgram(name), args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", name, err, said)
	}
}

// A drill is a life with a backup in the middle.
type drill struct {
	t     *testing.T
	m     *machine
	p     *process
	ended map[string]*device // after the backup
	live  map[string]*device
	// compromised is the key that was, and since the time of the backup.
	compromised string
	since       time.Time
}

func newDrill(t *testing.T, m *machine) *drill {
	return &drill{t: t, m: m, ended: map[string]*device{}, live: map[string]*device{}}
}

// run restores twice: without a replay what was ended is back, with it all is as it was.
func (d *drill) run(backup, restore func()) {
	d.p = d.m.start("--dev").ready()
	for _, name := range []string{"revoked", "swept", "disabled", "deleted", "password", "stolen"} {
		d.ended[name] = d.login(name)
	}
	for _, name := range []string{"quiet", "busy", "enabled"} {
		d.live[name] = d.login(name)
	}
	d.m.signet("", "users", "disable", "enabled")
	backup()
	d.since = time.Now()
	d.endAll()
	d.p.kill()
	log := filepath.Join(d.m.dir, "shipped.log")
	if err := os.WriteFile(log, []byte(shipped(d.p.log.String()+d.m.said.String())), 0o600); err != nil {
		d.t.Fatal(err)
	}

	restore()
	d.p = d.m.start("--dev").ready()
	if err := d.ended["revoked"].refresh(); err != nil || !strings.Contains(d.m.signet("", "keys"), d.compromised+"  RS256  active") {
		d.t.Errorf("without the replay nothing was lost (%v): this drill shows nothing", err)
	}
	d.p.kill()

	restore()
	d.replay(log)
	d.p = d.m.start("--dev").ready()
	d.check()
}

// shipped leaves out what only a trial says: the greeting of --dev.
func shipped(log string) string {
	var kept strings.Builder
	for line := range strings.Lines(log) {
		if strings.HasPrefix(line, "{") || strings.HasPrefix(line, "time=") {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

// login makes a user and logs them in.
func (d *drill) login(name string) *device {
	d.t.Helper()
	const secret = "a long and secret phrase"
	d.m.signet(secret+"\n", "users", "create", name)
	x := &device{t: d.t, facts: d.m.facts(), tokens: tokens(d.t, d.m.grpc)}
	x.facts.Username, x.facts.Password = name, secret
	if err := x.login(); err != nil {
		d.t.Fatal(err)
	}
	return x
}

// endAll does, in all ways there are, what a restore undoes.
func (d *drill) endAll() {
	d.t.Helper()
	x := d.ended["revoked"]
	ctx, cancel := as(d.t, x.facts.ClientID, x.facts.ClientSecret)
	defer cancel()
	if _, err := x.tokens.Revoke(ctx, &signetv1.RevokeRequest{Token: x.token}); err != nil {
		d.t.Fatal(err)
	}
	d.m.signet("", "grants", "revoke", "--user", "swept")
	d.m.signet("", "users", "disable", "disabled")
	d.m.signet("", "users", "delete", "deleted")
	d.m.signet("another long and secret phrase\n", "users", "set-password", "password")
	d.m.signet("", "users", "enable", "enabled")
	d.steal()
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

// steal presents a token two generations old, which ends the grant.
func (d *drill) steal() {
	d.t.Helper()
	x := d.ended["stolen"]
	thief := *x
	for range 2 {
		if err := x.refresh(); err != nil {
			d.t.Fatal(err)
		}
	}
	thief.key = "the thief has another"
	if err := thief.refresh(); status.Code(err) != codes.Unauthenticated {
		d.t.Fatalf("the thief was answered %v", err)
	}
}

// replay does the log again, twice: the second time changes nothing.
func (d *drill) replay(log string) {
	d.t.Helper()
	var first, second struct {
		Changed    int
		LostLogins int `json:"lost_logins"`
		Told       []replayedLine
		Faults     []string
	}
	for _, answer := range []any{&first, &second} {
		said := d.m.signet("", "grants", "revoke", "--replay", log, "--since", d.since.Format(time.RFC3339Nano), "-o", "json")
		if err := json.Unmarshal([]byte(said), answer); err != nil {
			d.t.Fatal(err)
		}
	}
	// The six that ended, one user enabled again, one key.
	if first.Changed != 8 || first.LostLogins != 1 || len(first.Faults) > 0 {
		d.t.Errorf("the replay told %+v; want 8 changes and 1 lost login", first)
	}
	if second.Changed != 0 || second.LostLogins != 1 {
		d.t.Errorf("the second replay told %+v; want no change", second)
	}
	told, lost := "", ""
	for _, l := range first.Told {
		told += l.Event + "\n"
		lost += l.Lost + "\n"
	}
	for _, want := range []string{"the new password of password", "the user: create it again"} {
		if !strings.Contains(lost, want) {
			d.t.Errorf("the loss of %q is not told among\n%s%s", want, told, lost)
		}
	}
}

// check wants all that was ended to be so, and all else to go on.
func (d *drill) check() {
	d.t.Helper()
	for name, x := range d.ended {
		if err := x.refresh(); status.Code(err) != codes.Unauthenticated {
			d.t.Errorf("the grant that was ended (%s) is answered %v", name, err)
		}
	}
	for name, x := range d.live {
		if err := x.refresh(); err != nil {
			d.t.Errorf("the grant that was live (%s) is answered %v", name, err)
		}
	}
	set, err := exec.Command("fetch", "http://"+d.m.http+"/.well-known/jwks.json").Output()
	if err != nil || strings.Contains(string(set), d.compromised) {
		d.t.Errorf("the compromised key is in the JWK Set again: %s, %v", set, err)
	}
}
