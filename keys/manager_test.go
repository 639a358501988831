package keys_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/keys"
)

func TestOpen_FirstStart(t *testing.T) {
	f := newFixture(t)
	f.setInUse()
	m := f.open()
	must(t, m.Health())
	f.activeKID(m, keys.RS256)
	active, spares := kids(m, keys.RS256, keys.Active), kids(m, keys.RS256, keys.PreActive)
	if len(active) != 1 || len(spares) != 1 {
		t.Errorf("RS256: %v and %v, want one active key and a spare", active, spares)
	}
	if id, secret, err := m.CurrentMAC(); err != nil || len(id) != 16 || len(secret) != 32 {
		t.Errorf("MAC key %s of %d bytes, %v", id, len(secret), err)
	}
	if _, err := m.Signer(keys.ES256); !errors.Is(err, keys.ErrNoKey) {
		t.Errorf("Signer for an algorithm that is not in use: %v", err)
	}
	if _, err := m.Signer(keys.MAC); !errors.Is(err, keys.ErrNoKey) {
		t.Errorf("Signer for MAC: %v", err)
	}
	if f.audited("key.created") != 4 || f.audited("kek.added") != 1 {
		t.Errorf("audited %v", f.events)
	}

	version := f.ring().Version
	second := f.open()
	must(t, second.Poll(t.Context()))
	if now := f.ring().Version; now != version {
		t.Errorf("the second start changed the ring from version %d to %d", version, now)
	}
	if f.activeKID(second, keys.RS256) != f.activeKID(m, keys.RS256) || second.Set().ETag != m.Set().ETag {
		t.Error("the two servers have different keys")
	}
}

func TestOpen_EightConcurrentFirstStarts(t *testing.T) {
	f := newFixture(t)

	f.setInUse(keys.ES256, keys.EdDSA)
	var servers [8]*keys.Manager
	var wg sync.WaitGroup
	for i := range servers {
		store := openStore(t, f.path)
		wg.Go(func() {
			o := f.options()
			o.Store = store
			m, err := keys.Open(context.Background(), o)
			if err != nil {
				t.Error(err)
				return
			}
			servers[i] = m
		})
	}

	wg.Wait()
	if t.Failed() {
		return
	}

	if r := f.ring(); len(r.Keys) != 6 || len(r.KEKs) != 1 {
		t.Errorf("%d keys and %d KEKs, want a first key and a spare of ES256, EdDSA and mac, and one KEK",
			len(r.Keys), len(r.KEKs))
	}
	for _, m := range servers[1:] {
		for _, algorithm := range []string{keys.ES256, keys.EdDSA} {
			if f.activeKID(m, algorithm) != f.activeKID(servers[0], algorithm) {
				t.Errorf("two servers sign %s with different keys", algorithm)
			}
		}
	}
}

// A server whose store does not answer stops signing after MaxRingAge: a key
// may have been compromised since.
func TestSigner_StaleRing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		m, stop := f.run()
		defer stop()
		time.Sleep(time.Minute + time.Millisecond) // The last poll was 1 ms ago.

		f.store.down.Store(true)
		time.Sleep(5*time.Second - 2*time.Millisecond)
		must(t, m.Health())
		time.Sleep(2 * time.Millisecond)
		if _, err := m.Signer(keys.ES256); !errors.Is(err, keys.ErrStale) {
			t.Errorf("Signer with a stale ring: %v", err)
		}
		if _, _, err := m.CurrentMAC(); !errors.Is(err, keys.ErrStale) {
			t.Errorf("CurrentMAC with a stale ring: %v", err)
		}
		if err := m.Health(); !errors.Is(err, keys.ErrStale) || !errors.Is(err, errDown) {
			t.Errorf("Health = %v", err)
		}

		f.store.down.Store(false)
		time.Sleep(pollTime)
		must(t, m.Health())
		f.activeKID(m, keys.ES256)
	})
}

// Slow maintenance does not delay the polls.
func TestRun_SlowMaintenanceDoesNotStopSigning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		f.policy.RotateEvery = 2 * time.Hour
		slow := make(chan struct{})
		m, stop := f.run(func(o *keys.Options) {
			o.Audit = func(_ context.Context, e audit.Event) error {
				if e.Name == "key.rotated" {
					<-slow
				}
				return nil
			}
		})
		defer stop()

		time.Sleep(f.policy.RotateEvery + time.Minute)
		f.activeKID(m, keys.ES256)
		must(t, m.Health())

		close(slow)
		time.Sleep(time.Minute)
		if len(kids(m, keys.ES256, keys.Deactivated)) != 1 {
			t.Errorf("the key did not rotate: %v", m.Rows())
		}
	})
}

func TestMAC_OfAnotherServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		m, other := f.open(), f.open()
		time.Sleep(3 * time.Second)
		must(t, other.Poll(t.Context()))
		_, err := other.Operator().Rotate(t.Context(), by, []string{keys.MAC}, keys.RotateOptions{Now: true})
		must(t, err)
		must(t, other.Poll(t.Context()))

		newest := kids(other, keys.MAC, keys.PreActive)[0]
		_, err = other.Operator().Rotate(t.Context(), by, []string{keys.MAC}, keys.RotateOptions{Now: true})
		must(t, err)
		if id, _, err := other.CurrentMAC(); err != nil || id != newest {
			t.Fatalf("MAC key %s, %v", id, err)
		}

		reads := f.store.reads.Load()
		if secret, err := m.MAC(t.Context(), newest); err != nil || len(secret) != 32 {
			t.Errorf("MAC for a key of another server: %v", err)
		}
		var callers sync.WaitGroup
		for range 100 {
			callers.Go(func() {
				if _, err := m.MAC(t.Context(), "0123456789abcdef"); !errors.Is(err, keys.ErrUnknownKey) {
					t.Errorf("MAC for a key that does not exist: %v", err)
				}
			})
		}
		callers.Wait()
		if n := f.store.reads.Load() - reads; n > 3 {
			t.Errorf("%d reads of the store, want one for the key, and two at most for 100 concurrent calls", n)
		}

		time.Sleep(time.Second)
		f.store.down.Store(true)
		for range 2 {
			if _, err := m.MAC(t.Context(), "0123456789abcdef"); !errors.Is(err, errDown) {
				t.Errorf("MAC while the store is down: %v", err)
			}
		}
		if _, err := m.MAC(t.Context(), newest); err != nil {
			t.Errorf("MAC for a cached key while the store is down: %v", err)
		}

		f.store.down.Store(false)
		time.Sleep(time.Second)
		if _, err := m.MAC(t.Context(), "0123456789abcdef"); !errors.Is(err, keys.ErrUnknownKey) {
			t.Errorf("MAC after the store is up again: %v", err)
		}

		kid := f.activeKID(other, keys.ES256)
		if _, err := m.MAC(t.Context(), kid); !errors.Is(err, keys.ErrUnknownKey) {
			t.Errorf("MAC for the kid of a signing key: %v", err)
		}
	})
}

// PublicKey finds a key that another server has made since the last poll. It
// returns the key of every row, with the reason why its tokens are refused.
func TestPublicKey_OfEveryState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		other, stop := f.run()
		defer stop()
		m := f.open()
		first := f.activeKID(other, keys.ES256)
		for range 2 {
			_, err := other.Operator().Rotate(t.Context(), by, nil, keys.RotateOptions{Now: true})
			must(t, err)
			must(t, other.Poll(t.Context()))
		}
		unseen := f.activeKID(other, keys.ES256)
		check := func(kid string, want error) {
			t.Helper()
			algorithm, key, err := m.PublicKey(t.Context(), kid)
			if !errors.Is(err, want) || (want == nil) != (err == nil) || algorithm != keys.ES256 || key == nil {
				t.Errorf("PublicKey = %s, %v, %v; want a key and %v", algorithm, key, err, want)
			}
		}
		check(unseen, nil)
		check(first, nil)

		must(t, other.Operator().Compromise(t.Context(), by, unseen))
		must(t, m.Poll(t.Context()))
		check(unseen, keys.ErrCompromised)
		if strings.Contains(string(m.Set().Bytes), unseen) {
			t.Error("the compromised key is published")
		}

		time.Sleep(f.policy.Retention() + time.Minute)
		must(t, m.Poll(t.Context()))
		check(first, keys.ErrDestroyed)
		check(unseen, keys.ErrCompromised)

		mac, _, err := m.CurrentMAC()
		must(t, err)
		unknown := strings.Repeat("A", 43)
		for _, kid := range []string{"", "unknown", mac, unknown} {
			if _, key, err := m.PublicKey(t.Context(), kid); !errors.Is(err, keys.ErrUnknownKey) || key != nil {
				t.Errorf("PublicKey for %q: %v, %v", kid, key, err)
			}
		}
		f.store.down.Store(true)
		if _, _, err := m.PublicKey(t.Context(), unknown); !errors.Is(err, errDown) {
			t.Errorf("PublicKey while the store is down: %v", err)
		}
		for _, kid := range []string{"", "unknown", unknown + "A", unknown[1:] + "=", unknown[1:] + "\n"} {
			if _, _, err := m.PublicKey(t.Context(), kid); !errors.Is(err, keys.ErrUnknownKey) {
				t.Errorf("PublicKey for %q, which is no kid, while the store is down: %v", kid, err)
			}
		}
	})
}

// An audience that changes its algorithm waits until verifiers have the new
// key. The keys of an algorithm that no audience uses leave the JWK Set.
func TestReady_AlgorithmsChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		m, stop := f.run()
		defer stop()
		time.Sleep(2 * time.Hour)
		if !m.Ready(keys.ES256) || m.Ready(keys.EdDSA) {
			t.Error("want ES256 ready and EdDSA not ready")
		}

		f.setInUse(keys.ES256, keys.EdDSA)
		time.Sleep(pollTime)
		first := f.activeKID(m, keys.EdDSA)
		time.Sleep(59 * time.Minute)
		if m.Ready(keys.EdDSA) {
			t.Error("EdDSA is ready before keys.publish_ahead")
		}
		time.Sleep(2 * time.Minute)
		if !m.Ready(keys.EdDSA) {
			t.Error("EdDSA is not ready after keys.publish_ahead")
		}

		must(t, m.Operator().Compromise(t.Context(), by, first))
		if !m.Ready(keys.EdDSA) {
			t.Error("EdDSA is not ready after its first key was compromised")
		}
		last := f.activeKID(m, keys.EdDSA)

		f.setInUse(keys.ES256)
		time.Sleep(f.policy.Retention() + 2*pollTime)
		if _, err := m.Signer(keys.EdDSA); !errors.Is(err, keys.ErrNoKey) {
			t.Errorf("Signer for an algorithm that is not in use any more: %v", err)
		}
		if _, _, ok := publicKey(m, last); !ok {
			t.Error("the last EdDSA key left the JWK Set without the retention")
		}

		f.setInUse(keys.ES256, keys.EdDSA)
		time.Sleep(pollTime)
		if f.activeKID(m, keys.EdDSA) != last || !m.Ready(keys.EdDSA) {
			t.Error("the published key is not active again")
		}

		f.setInUse(keys.ES256)
		time.Sleep(2*f.policy.Retention() + 3*pollTime)
		if strings.Contains(string(m.Set().Bytes), "EdDSA") || m.Ready(keys.EdDSA) {
			t.Errorf("EdDSA is still published or ready: %s", m.Set().Bytes)
		}

		f.setInUse(keys.EdDSA)
		time.Sleep(pollTime)
		if f.activeKID(m, keys.EdDSA) == last || m.Ready(keys.EdDSA) {
			t.Error("the destroyed key signs, or the new key is ready at once")
		}

		f.setInUse()
		time.Sleep(f.policy.Retention() + 2*pollTime)
		f.activeKID(m, keys.EdDSA) // The last algorithm keeps its key.
	})
}
