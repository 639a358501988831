package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signetd/signet/internal/app"
	"github.com/signetd/signet/internal/pgtest"
	"github.com/signetd/signet/keys"
)

// twoServers are two servers on one PostgreSQL database, with a login at each.
type twoServers struct {
	t       *testing.T
	kek     string
	m       [2]*machine
	p       [2]*process
	devices [2]*device
}

func newTwoServers(t *testing.T) *twoServers {
	t.Helper()
	s := &twoServers{t: t, kek: filepath.Join(t.TempDir(), "kek")}
	database := pgtest.Empty(t)
	for i := range s.m {
		s.m[i] = newMachine(t,
			"SIGNET_STORE_URL="+database, "SIGNET_KEK_FILE="+s.kek, "SIGNET_ISSUER=https://login.example.com",
			"SIGNET_KEYS_POLL_INTERVAL=1s", "SIGNET_SHUTDOWN_DRAIN=100ms")
	}
	s.m[0].signet("", "keys", "--new-kek", s.kek)
	for i, m := range s.m {
		s.p[i] = m.start()
	}
	for _, p := range s.p {
		p.ready()
	}

	const password = "a long and secret phrase"
	s.m[0].signet("", "audiences", "create", "api")
	s.m[0].signet("", "clients", "create", "app",
		"--public", "--audience", "api", "--scope", "read", "--leeway", "0s")
	s.m[0].signet(password+"\n", "users", "create", "ada")
	for i, m := range s.m {
		s.devices[i] = &device{
			t: t, tokens: tokens(t, m.grpc),
			credentials: app.Demo{ClientID: "app", Username: "ada", Password: password},
		}
		if err := s.devices[i].login(); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// access refreshes at a server and returns the access token and its kid.
func (s *twoServers) access(i int) (token, kid string) {
	s.t.Helper()
	token = refreshAccess(s.t, s.devices[i])
	return token, tokenKID(s.t, token)
}

// rsaKeys returns the ids of the active and of the pre-active RSA key, from
// `signet keys`.
func (s *twoServers) rsaKeys() (active, spare string) {
	s.t.Helper()
	var rows []keys.Row
	if err := json.Unmarshal([]byte(s.m[0].signet("", "keys", "-o", "json")), &rows); err != nil {
		s.t.Fatal(err)
	}
	for _, row := range rows {
		switch {
		case row.Algorithm == keys.RS256 && row.State == keys.Active:
			active = row.Key
		case row.Algorithm == keys.RS256 && row.State == keys.PreActive:
			spare = row.Key
		}
	}
	return active, spare
}

// waitBoth waits until a condition holds at both servers. It reports an error
// if that takes longer than limit.
func (s *twoServers) waitBoth(limit time.Duration, condition string, holds func(i int) bool) {
	s.t.Helper()
	began := time.Now()
	if !eventuallyAfter(programPause, func() bool { return holds(0) && holds(1) }) {
		s.t.Fatalf("%s: it did not happen", condition)
	}
	took := time.Since(began)
	if took > limit {
		s.t.Errorf("%s: it took %s, longer than %s", condition, took, limit)
	}
	s.t.Logf("%s: it took %s", condition, took.Truncate(time.Millisecond))
}

// A rotation activates the planned key. Tokens of the old key stay active.
func TestDrill_Rotation(t *testing.T) {
	s := newTwoServers(t)
	old, spare := s.rsaKeys()
	token, kid := s.access(0)
	if kid != old || !strings.Contains(s.m[0].signet("", "keys", "--rotate", "--plan"), spare) {
		t.Fatalf("%s signs, %s is active, and the spare is %s", kid, old, spare)
	}

	s.m[0].signet("", "keys", "--rotate", "--now")
	s.waitBoth(5*time.Second, "both servers sign with the next key", func(i int) bool {
		_, kid := s.access(i)
		return kid == spare
	})
	for i := range s.p {
		if !isActive(t, s.devices[i], token) {
			t.Errorf("server %d rejects a token of the old key", i)
		}
	}
	checkSameJWKSets(t, s.m[:])
}

// Rule 22: within five seconds no server signs with a compromised key or
// accepts its tokens. No login is lost.
func TestDrill_Compromise(t *testing.T) {
	s := newTwoServers(t)
	stolen, spare := s.rsaKeys()
	token, _ := s.access(0)
	s.m[1].signet("", "keys", "--compromise", stolen)
	s.waitBoth(5*time.Second, "both servers reject the stolen key", func(i int) bool {
		_, kid := s.access(i)
		return kid == spare && !isActive(t, s.devices[i], token)
	})
	checkSameJWKSets(t, s.m[:])
}

// A leaked KEK is replaced while both servers run, and removed from the KEK
// file.
func TestDrill_KEKChange(t *testing.T) {
	s := newTwoServers(t)
	leaked, err := os.ReadFile(s.kek)
	if err != nil {
		t.Fatal(err)
	}
	newFile := filepath.Join(t.TempDir(), "new")
	s.m[0].signet("", "keys", "--new-kek", newFile)
	if out := s.m[0].signet("", "keys", "--reseal"); !strings.HasPrefix(out, "0 keys remain") {
		t.Fatal(out)
	}
	s.access(0)
	s.access(1)

	onlyNew, err := os.ReadFile(newFile)
	if err == nil {
		err = os.WriteFile(s.kek, onlyNew, 0o600)
	}
	if err != nil || strings.Contains(string(leaked), string(onlyNew)) {
		t.Fatal(err)
	}
	for i := range s.p {
		if err := s.p[i].drain(); err != nil {
			t.Error(err)
		}
		s.p[i] = s.m[i].start().ready()
		s.access(i)
	}

	if err := os.WriteFile(s.kek, leaked, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.m[0].command("serve").Run(); err == nil {
		t.Error("a server starts with the leaked KEK alone")
	}
}

// Both servers are replaced, one after the other, while devices refresh. No
// device loses its login.
func TestDrill_Upgrade(t *testing.T) {
	s := newTwoServers(t)
	stop := make(chan struct{})
	var running sync.WaitGroup
	refreshes := make([]int, len(s.devices))
	for i, d := range s.devices {
		running.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					if err := d.refresh(); err != nil {
						t.Errorf("a login was lost: %v", err)
						return
					}
					refreshes[i]++
				}
			}
		})
	}
	for i, m := range s.m {
		if err := s.p[i].drain(); err != nil {
			t.Error(err)
		}
		m.signet("", "migrate")
		s.p[i] = m.start().ready()
	}
	close(stop)
	running.Wait()

	if refreshes[0] < 10 || refreshes[1] < 10 {
		t.Errorf("%v refreshes are too few for this test", refreshes)
	}
	t.Logf("%v refreshes, no login lost", refreshes)
}
