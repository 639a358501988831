package keys_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetd/signet/keys"
)

func TestFirstStart(t *testing.T) {
	h := newHouse(t)
	h.use()
	m := h.open()
	must(t, m.Health())
	h.signs(m, keys.RS256)
	if active, spares := kids(m, keys.RS256, keys.Active), kids(m, keys.RS256, keys.PreActive); len(active) != 1 || len(spares) != 1 {
		t.Errorf("RS256: %v and %v, want one active key and a spare", active, spares)
	}
	if id, secret, err := m.CurrentMAC(); err != nil || len(id) != 16 || len(secret) != 32 {
		t.Errorf("MAC key %s of %d bytes, %v", id, len(secret), err)
	}
	if _, err := m.Signer(keys.ES256); !errors.Is(err, keys.ErrNoKey) {
		t.Errorf("a signer for an algorithm that nobody asks for: %v", err)
	}
	if _, err := m.Signer(keys.MAC); !errors.Is(err, keys.ErrNoKey) {
		t.Errorf("a signer from a MAC key: %v", err)
	}
	if h.audited("key.created") != 4 || h.audited("kek.added") != 1 {
		t.Errorf("audited %v", h.events)
	}
	version := h.ring().Version
	again := h.open()
	must(t, again.Poll(t.Context()))
	if now := h.ring().Version; now != version {
		t.Errorf("a second start took the ring from version %d to %d", version, now)
	}
	if h.signs(again, keys.RS256) != h.signs(m, keys.RS256) || again.Set().ETag != m.Set().ETag {
		t.Error("two servers differ")
	}
}

func TestEightFirstStarts(t *testing.T) {
	h := newHouse(t)
	h.use(keys.ES256, keys.EdDSA)
	var servers [8]*keys.Manager
	var wg sync.WaitGroup
	for i := range servers {
		store := openStore(t, h.path)
		wg.Go(func() {
			o := h.options()
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
	if r := h.ring(); len(r.Keys) != 6 || len(r.KEKs) != 1 {
		t.Errorf("%d keys and %d KEKs, want a first key and a spare of ES256, EdDSA and mac, and one KEK", len(r.Keys), len(r.KEKs))
	}
	for _, m := range servers[1:] {
		for _, algorithm := range []string{keys.ES256, keys.EdDSA} {
			if h.signs(m, algorithm) != h.signs(servers[0], algorithm) {
				t.Errorf("two servers sign %s with different keys", algorithm)
			}
		}
	}
}

// A server that the store does not answer stops signing before it could miss a compromise for long.
func TestStaleRingDoesNotSign(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		m, stop := h.run()
		defer stop()
		time.Sleep(time.Minute + time.Millisecond) // A poll was just now.
		h.store.down.Store(true)
		time.Sleep(5*time.Second - 2*time.Millisecond)
		must(t, m.Health())
		time.Sleep(2 * time.Millisecond)
		if _, err := m.Signer(keys.ES256); !errors.Is(err, keys.ErrStale) {
			t.Errorf("a stale ring signs: %v", err)
		}
		if _, _, err := m.CurrentMAC(); !errors.Is(err, keys.ErrStale) {
			t.Errorf("a stale ring gives its MAC key: %v", err)
		}
		if err := m.Health(); !errors.Is(err, keys.ErrStale) || !errors.Is(err, errDown) {
			t.Errorf("Health = %v", err)
		}
		h.store.down.Store(false)
		time.Sleep(poll)
		must(t, m.Health())
		h.signs(m, keys.ES256)
	})
}

// Making what is due may take long and does not keep a server from polling.
func TestSlowTickDoesNotStopSigning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.policy.RotateEvery = 2 * time.Hour
		slow := make(chan struct{})
		m, stop := h.run(func(o *keys.Options) {
			o.Audit = func(e keys.Event) error {
				if e.Name == "key.rotated" {
					<-slow
				}
				return nil
			}
		})
		defer stop()
		time.Sleep(h.policy.RotateEvery + time.Minute)
		h.signs(m, keys.ES256)
		must(t, m.Health())
		close(slow)
		time.Sleep(time.Minute)
		if len(kids(m, keys.ES256, keys.Deactivated)) != 1 {
			t.Errorf("no rotation: %v", m.Rows())
		}
	})
}

func TestMACOfAnotherServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		m, other := h.open(), h.open()
		time.Sleep(3 * time.Second)
		must(t, other.Poll(t.Context()))
		_, err := other.Rotate(t.Context(), by, []string{keys.MAC}, keys.RotateOptions{Now: true})
		must(t, err)
		must(t, other.Poll(t.Context()))
		newest := kids(other, keys.MAC, keys.PreActive)[0]
		_, err = other.Rotate(t.Context(), by, []string{keys.MAC}, keys.RotateOptions{Now: true})
		must(t, err)
		if id, _, err := other.CurrentMAC(); err != nil || id != newest {
			t.Fatalf("MAC key %s, %v", id, err)
		}
		reads := h.store.reads.Load()
		if secret, err := m.MAC(t.Context(), newest); err != nil || len(secret) != 32 {
			t.Errorf("the key that another server made: %v", err)
		}
		for range 100 {
			if _, err := m.MAC(t.Context(), "0123456789abcdef"); !errors.Is(err, keys.ErrUnknownKey) {
				t.Errorf("a key that nobody made: %v", err)
			}
		}
		if n := h.store.reads.Load() - reads; n != 1 {
			t.Errorf("%d reads of the store, want 1", n)
		}
		time.Sleep(time.Second)
		h.store.down.Store(true)
		for range 2 {
			if _, err := m.MAC(t.Context(), "0123456789abcdef"); !errors.Is(err, errDown) {
				t.Errorf("a store that does not answer: %v", err)
			}
		}
		if _, err := m.MAC(t.Context(), newest); err != nil {
			t.Errorf("a key that is known needs no store: %v", err)
		}
		h.store.down.Store(false)
		time.Sleep(time.Second)
		if _, err := m.MAC(t.Context(), "0123456789abcdef"); !errors.Is(err, keys.ErrUnknownKey) {
			t.Errorf("after the store came back: %v", err)
		}
		kid := h.signs(other, keys.ES256)
		if _, err := m.MAC(t.Context(), kid); !errors.Is(err, keys.ErrUnknownKey) {
			t.Errorf("a signing key was given out as a MAC key: %v", err)
		}
	})
}

// An audience that changes its algorithm waits until the new key is known, and an algorithm that nobody asks for leaves.
func TestAlgorithmsComeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		m, stop := h.run()
		defer stop()
		time.Sleep(2 * time.Hour)
		if !m.Ready(keys.ES256) || m.Ready(keys.EdDSA) {
			t.Error("ES256 is ready, EdDSA is not there")
		}
		h.use(keys.ES256, keys.EdDSA)
		time.Sleep(poll)
		first := h.signs(m, keys.EdDSA)
		time.Sleep(59 * time.Minute)
		if m.Ready(keys.EdDSA) {
			t.Error("EdDSA is ready before keys.publish_ahead")
		}
		time.Sleep(2 * time.Minute)
		if !m.Ready(keys.EdDSA) {
			t.Error("EdDSA is not ready after keys.publish_ahead")
		}
		must(t, m.Compromise(t.Context(), by, first))
		if !m.Ready(keys.EdDSA) {
			t.Error("after a compromise there is no way back to the algorithm of before")
		}
		last := h.signs(m, keys.EdDSA)

		h.use(keys.ES256)
		time.Sleep(h.policy.Retention() + 2*poll)
		if _, err := m.Signer(keys.EdDSA); !errors.Is(err, keys.ErrNoKey) {
			t.Errorf("EdDSA signs although nothing asks for it: %v", err)
		}
		if _, _, ok := m.PublicKey(last); !ok {
			t.Error("the last EdDSA key left the JWK Set at once")
		}
		h.use(keys.ES256, keys.EdDSA)
		time.Sleep(poll)
		if h.signs(m, keys.EdDSA) != last || !m.Ready(keys.EdDSA) {
			t.Error("a published key was not taken up again")
		}
		h.use(keys.ES256)
		time.Sleep(2*h.policy.Retention() + 3*poll)
		if strings.Contains(string(m.Set().Bytes), "EdDSA") || m.Ready(keys.EdDSA) {
			t.Errorf("EdDSA is still published: %s", m.Set().Bytes)
		}
		h.use(keys.EdDSA)
		time.Sleep(poll)
		if h.signs(m, keys.EdDSA) == last || m.Ready(keys.EdDSA) {
			t.Error("a first key of before came back from the dead, or is ready at once")
		}
		h.use()
		time.Sleep(h.policy.Retention() + 2*poll)
		h.signs(m, keys.EdDSA) // The last algorithm stays, whatever it is.
	})
}
