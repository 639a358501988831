package main

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signetd/signet/internal/pgtest"
	"github.com/signetd/signet/keys"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// A pair is two issuers on one Postgres, and somebody who logs in at each.
type pair struct {
	t       *testing.T
	kek     string
	m       [2]*machine
	p       [2]*process
	devices [2]*device
}

func newPair(t *testing.T) *pair {
	t.Helper()
	c := &pair{t: t, kek: filepath.Join(t.TempDir(), "kek")}
	database := pgtest.Empty(t)
	for i := range c.m {
		c.m[i] = newMachine(t, "SIGNET_STORE_URL="+database, "SIGNET_KEK_FILE="+c.kek, "SIGNET_ISSUER=https://login.example.com",
			"SIGNET_KEYS_POLL_INTERVAL=1s", "SIGNET_SHUTDOWN_DRAIN=100ms")
	}
	c.m[0].signet("", "keys", "--new-kek", c.kek)
	for i, m := range c.m {
		c.p[i] = m.start()
	}
	for _, p := range c.p {
		p.ready()
	}
	const secret = "a long and secret phrase"
	c.m[0].signet("", "audiences", "create", "api")
	c.m[0].signet("", "clients", "create", "app", "--public", "--audience", "api", "--scope", "read", "--leeway", "0s")
	c.m[0].signet(secret+"\n", "users", "create", "ada")
	for i, m := range c.m {
		c.devices[i] = &device{t: t, tokens: tokens(t, m.grpc), facts: devFacts{ClientID: "app", Username: "ada", Password: secret}}
		if err := c.devices[i].login(); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// access refreshes at an issuer and returns the access token and the kid in its header.
func (c *pair) access(i int) (token, kid string) {
	c.t.Helper()
	d := c.devices[i]
	ctx, cancel := as(c.t, d.facts.ClientID, "")
	defer cancel()
	answer, err := d.tokens.Refresh(ctx, &signetv1.RefreshRequest{RefreshToken: d.token, IdempotencyKey: d.key})
	if err != nil {
		c.t.Fatal(err)
	}
	d.keep(answer.GetRefreshToken())
	first, _, _ := strings.Cut(answer.GetAccessToken(), ".")
	var header struct{ Kid string }
	text, err := base64.RawURLEncoding.DecodeString(first)
	if err == nil {
		err = json.Unmarshal(text, &header)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	return answer.GetAccessToken(), header.Kid
}

// active asks an issuer of a token.
func (c *pair) active(i int, token string) bool {
	c.t.Helper()
	ctx, cancel := as(c.t, "app", "")
	defer cancel()
	answer, err := c.devices[i].tokens.Introspect(ctx, &signetv1.IntrospectRequest{Token: token})
	if err != nil {
		c.t.Fatal(err)
	}
	return answer.GetActive()
}

// signing returns the key that signs, as the operator sees it, and the one that waits.
func (c *pair) signing() (active, spare string) {
	c.t.Helper()
	var rows []keys.Row
	if err := json.Unmarshal([]byte(c.m[0].signet("", "keys", "-o", "json")), &rows); err != nil {
		c.t.Fatal(err)
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

// within wants that something comes about soon enough at both issuers, and returns how long it took.
func (c *pair) within(limit time.Duration, what string, ask func(i int) bool) time.Duration {
	c.t.Helper()
	began := time.Now()
	if !eventually(func() bool { return ask(0) && ask(1) }) {
		c.t.Fatalf("%s: it did not come about", what)
	}
	took := time.Since(began)
	if took > limit {
		c.t.Errorf("%s took %s, more than %s", what, took, limit)
	}
	c.t.Logf("%s took %s", what, took.Truncate(time.Millisecond))
	return took
}

// TestDrill_Rotation: the plan, the hand-over, and nobody notices.
func TestDrill_Rotation(t *testing.T) {
	c := newPair(t)
	old, spare := c.signing()
	token, kid := c.access(0)
	if kid != old || !strings.Contains(c.m[0].signet("", "keys", "--rotate", "--plan"), spare) {
		t.Fatalf("%s signs and %s is active; the spare is %s", kid, old, spare)
	}
	c.m[0].signet("", "keys", "--rotate", "--now")
	c.within(5*time.Second, "that both sign with the next key", func(i int) bool { _, kid := c.access(i); return kid == spare })
	for i := range c.p {
		if !c.active(i, token) {
			t.Error("a token of the key before is refused")
		}
	}
	sameKeys(t, c.m[:])
}

// TestDrill_Compromise: within five seconds no issuer signs with the key or believes it, and nobody is logged out.
func TestDrill_Compromise(t *testing.T) {
	c := newPair(t)
	stolen, spare := c.signing()
	token, _ := c.access(0)
	c.m[1].signet("", "keys", "--compromise", stolen)
	c.within(5*time.Second, "that nobody believes the stolen key", func(i int) bool {
		_, kid := c.access(i)
		return kid == spare && !c.active(i, token)
	})
	sameKeys(t, c.m[:])
}

// TestDrill_KEKChange: a KEK that leaked is retired while both issuers run, and its line goes.
func TestDrill_KEKChange(t *testing.T) {
	c := newPair(t)
	leaked, err := os.ReadFile(c.kek)
	if err != nil {
		t.Fatal(err)
	}
	fresh := filepath.Join(t.TempDir(), "fresh")
	c.m[0].signet("", "keys", "--new-kek", fresh)
	if said := c.m[0].signet("", "keys", "--reseal"); !strings.HasPrefix(said, "0 keys remain") {
		t.Fatal(said)
	}
	c.access(0)
	c.access(1)
	only, err := os.ReadFile(fresh)
	if err == nil {
		err = os.WriteFile(c.kek, only, 0o600)
	}
	if err != nil || strings.Contains(string(leaked), string(only)) {
		t.Fatal(err)
	}
	for i := range c.p {
		if err := c.p[i].drain(); err != nil {
			t.Error(err)
		}
		c.p[i] = c.m[i].start().ready()
		c.access(i)
	}
	if err := os.WriteFile(c.kek, leaked, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := c.m[0].command("serve").Run(); err == nil {
		t.Error("the leaked KEK still opens the ring")
	}
}

// TestDrill_Upgrade: one issuer after the other is replaced while everybody goes on, and nobody loses a login.
func TestDrill_Upgrade(t *testing.T) {
	c := newPair(t)
	stop := make(chan struct{})
	var going sync.WaitGroup
	done := make([]int, len(c.devices))
	for i, d := range c.devices {
		going.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					if err := d.refresh(); err != nil {
						t.Errorf("a login was lost: %v", err)
						return
					}
					done[i]++
				}
			}
		})
	}
	for i, m := range c.m {
		if err := c.p[i].drain(); err != nil {
			t.Error(err)
		}
		m.signet("", "migrate")
		c.p[i] = m.start().ready()
	}
	close(stop)
	going.Wait()
	if done[0] < 10 || done[1] < 10 {
		t.Errorf("only %v refreshes: this drill shows nothing", done)
	}
	t.Logf("%v refreshes, no login lost", done)
}
