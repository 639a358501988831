package keys_test

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetd/signet/keys"
)

// pollUntil polls every ten minutes until at.
func pollUntil(t *testing.T, at time.Time, servers ...*keys.Manager) {
	t.Helper()
	for time.Now().Before(at) {
		time.Sleep(min(10*time.Minute, time.Until(at)))
		for _, m := range servers {
			must(t, m.Poll(t.Context()))
		}
	}
}

// rotateNow activates a new key of the algorithm at once.
func rotateNow(t *testing.T, m *keys.Manager, algorithm string) {
	t.Helper()
	_, err := m.Operator().Rotate(t.Context(), by, []string{algorithm}, keys.RotateOptions{Now: true})
	must(t, err)
}

// A lower refresh.max_lifetime does not shorten the grants that exist. Their
// MAC keys stay: the key that was active before, and the later keys to which
// these grants were rotated.
func TestMACKey_StaysWhenTheLifetimeIsLowered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		f.policy.MaxRefreshLifetime = 9 * day
		f.open()
		lastGrantEnds := time.Now().Add(9 * day)

		f.policy.MaxRefreshLifetime = time.Hour
		m := f.open()
		var kids []string
		for range 3 {
			kid, _, err := m.CurrentMAC()
			must(t, err)
			kids = append(kids, kid)
			rotateNow(t, m, keys.MAC)
			pollUntil(t, time.Now().Add(10*time.Minute), m)
		}

		pollUntil(t, lastGrantEnds, m)
		for i, kid := range kids {
			if _, err := m.MAC(t.Context(), kid); err != nil {
				t.Errorf("MAC key %d, when the last grant expires: %v", i, err)
			}
		}
		pollUntil(t, lastGrantEnds.Add(9*day), m)
		for i, kid := range kids {
			if _, err := m.MAC(t.Context(), kid); err == nil {
				t.Errorf("MAC key %d stays", i)
			}
		}
	})
}

// Rule 21: a lower tokens.max_lifetime does not shorten the tokens that exist.
// Their key stays in the JWK Set until they have expired, also if a server
// starts with a clock that is ahead.
func TestRule21_LoweredLifetime(t *testing.T) {
	for name, ahead := range map[string]time.Duration{"right clock": 0, "clock ahead": 2 * day} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t)
				f.policy.MaxLifetime = day
				m := f.open()
				last := f.activeKID(m, keys.ES256)
				rotateNow(t, m, keys.ES256)
				lastTokenExpires := time.Now().Add(day)

				f.policy.MaxLifetime = time.Minute
				m = f.open(skewed(ahead))
				pollUntil(t, lastTokenExpires.Add(f.policy.MaxAge), m)
				if _, _, err := m.PublicKey(t.Context(), last); err != nil {
					t.Error("the key left the JWK Set before its tokens expired")
				}
				pollUntil(t, lastTokenExpires.Add(time.Hour), m)
				if _, _, err := m.PublicKey(t.Context(), last); err == nil {
					t.Error("the key is still in the JWK Set after the retention")
				}
			})
		})
	}
}

// Rule 21: two servers restart at random with other lifetimes. No key that a
// living token or grant needs is destroyed.
func TestRule21_ChangingLifetimes(t *testing.T) {
	days := 60
	if testing.Short() {
		days = 15
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	synctest.Test(t, func(t *testing.T) {
		s := newLifetimes(t, seed)
		for range days * 24 * 6 {
			time.Sleep(10 * time.Minute)
			s.step()
		}
		t.Logf("%d restarts, %d grants rotated, %d tokens", s.restarts, s.rotations, s.tokens)
		if s.destroyed() < 10 {
			t.Errorf("%d keys were destroyed, want at least 10", s.destroyed())
		}
	})
}

// A lifetimes simulates two servers whose configured lifetimes change.
type lifetimes struct {
	*fixture
	random  *rand.Rand
	servers [2]*keys.Manager
	// tokenLife and grantLife are the lifetimes of each server's configuration.
	tokenLife, grantLife [2]time.Duration
	grants               []livingGrant
	validUntil           map[string]time.Time // by kid of a signing key: the end of its last token

	restarts, rotations, tokens int
}

// A livingGrant is a grant and the MAC key of its refresh token.
type livingGrant struct {
	mac     string
	expires time.Time
}

func newLifetimes(t *testing.T, seed uint64) *lifetimes {
	s := &lifetimes{
		fixture: newFixture(t), random: rand.New(rand.NewPCG(seed, 11)), validUntil: make(map[string]time.Time),
	}
	s.policy = simulationPolicy()
	s.policy.RotateEvery = day
	for i := range s.servers {
		s.start(i)
	}
	return s
}

// start starts a server with random lifetimes.
func (s *lifetimes) start(i int) {
	s.tokenLife[i] = []time.Duration{time.Minute, time.Hour, day}[s.random.IntN(3)]
	s.grantLife[i] = []time.Duration{time.Hour, day, 4 * day, 9 * day}[s.random.IntN(4)]
	s.policy.MaxLifetime, s.policy.MaxRefreshLifetime = s.tokenLife[i], s.grantLife[i]
	s.servers[i] = s.open()
	s.restarts++
}

// step polls, issues and refreshes, and then checks all keys that are needed.
func (s *lifetimes) step() {
	now := time.Now()
	for i := range s.servers {
		if s.random.IntN(300) == 0 {
			s.start(i)
		}
		must(s.t, s.servers[i].Poll(s.t.Context()))
		s.issue(i, now)
	}

	living := s.grants[:0]
	for _, g := range s.grants {
		if now.After(g.expires) {
			continue
		}
		living = append(living, g)
		for i, m := range s.servers {
			if _, err := m.MAC(s.t.Context(), g.mac); err != nil {
				s.t.Fatalf("server %d, MAC key %s of a grant that lives for %s: %v", i, g.mac, g.expires.Sub(now), err)
			}
		}
	}
	s.grants = living
	for kid, until := range s.validUntil {
		for i, m := range s.servers {
			if _, _, err := m.PublicKey(s.t.Context(), kid); err != nil && now.Before(until) {
				s.t.Fatalf("server %d does not publish %s, whose last token is valid for %s", i, kid, until.Sub(now))
			}
		}
	}
}

// issue signs a token, and sometimes creates or rotates a grant.
func (s *lifetimes) issue(i int, now time.Time) {
	signer, err := s.servers[i].Signer(keys.ES256)
	must(s.t, err)
	if until := now.Add(s.tokenLife[i]); until.After(s.validUntil[signer.KeyID]) {
		s.validUntil[signer.KeyID] = until
	}
	s.tokens++
	mac, _, err := s.servers[i].CurrentMAC()
	must(s.t, err)
	if s.random.IntN(6) == 0 {
		s.grants = append(s.grants, livingGrant{mac, now.Add(s.grantLife[i])})
	}
	for n := range s.grants {
		if s.random.IntN(100) == 0 {
			s.grants[n].mac = mac
			s.rotations++
		}
	}
}

// destroyed returns how many keys are destroyed.
func (s *lifetimes) destroyed() (n int) {
	for _, k := range s.ring().Keys {
		if !k.DestroyedAt.IsZero() {
			n++
		}
	}
	return n
}
