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

func TestRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.policy.RotateEvery = 3 * time.Hour
		m, stop := h.run()
		defer stop()
		time.Sleep(10 * time.Minute)
		cli := h.open(operator)
		first, spare := h.signs(m, keys.ES256), kids(m, keys.ES256, keys.PreActive)[0]
		plan, err := cli.Rotate(t.Context(), by, nil, keys.RotateOptions{Plan: true})
		must(t, err)
		if got := h.ring(); got.Version != 1 {
			t.Fatal("--plan wrote")
		}
		done, err := cli.Rotate(t.Context(), by, nil, keys.RotateOptions{})
		must(t, err)
		for i, step := range plan.Steps {
			if step != done.Steps[i] {
				t.Errorf("planned %+v, done %+v", step, done.Steps[i])
			}
		}
		date := done.Steps[1].At
		if wait := time.Until(date); wait != 50*time.Minute {
			t.Errorf("the spare is 10 minutes old and waits for %s more", wait)
		}
		time.Sleep(time.Until(date) - time.Microsecond)
		if h.signs(m, keys.ES256) != first {
			t.Error("the next key signs before its date")
		}
		time.Sleep(time.Microsecond)
		if h.signs(m, keys.ES256) != spare {
			t.Error("the next key does not sign at its date")
		}
		time.Sleep(poll)
		if spares := kids(m, keys.ES256, keys.PreActive); len(spares) != 1 {
			t.Errorf("spares after the rotation: %v", spares)
		}
		time.Sleep(time.Until(date.Add(h.policy.Retention())) - time.Second)
		if _, _, ok := m.PublicKey(first); !ok || !strings.Contains(string(m.Set().Bytes), first) {
			t.Error("the first key left the JWK Set too early")
		}
		time.Sleep(5 * time.Second)
		if _, _, ok := m.PublicKey(first); ok || strings.Contains(string(m.Set().Bytes), first) {
			t.Error("the first key is still published")
		}
		if row := h.row(m, first); row.State != keys.Destroyed || h.audited("key.destroyed") != 1 {
			t.Errorf("the first key: %+v", row)
		}
		for _, k := range h.ring().Keys {
			if k.ID == first && k.Sealed != nil {
				t.Error("the private half of a destroyed key is there")
			}
		}
		time.Sleep(time.Until(date.Add(h.policy.RotateEvery)) - time.Second)
		if h.signs(m, keys.ES256) != spare {
			t.Error("automatic rotation came too early")
		}
		time.Sleep(time.Minute)
		if now := h.signs(m, keys.ES256); now == spare || now == first {
			t.Error("no automatic rotation")
		}
		must(t, m.Health())
	})
}

func TestRotateRefusesAndCancels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		if _, err := h.open(operator).Rotate(t.Context(), by, nil, keys.RotateOptions{}); err == nil || !strings.Contains(err.Error(), "no signing key") {
			t.Errorf("rotated an empty ring: %v", err)
		}
		m := h.open()
		cli := h.open(operator)
		if _, err := cli.Rotate(t.Context(), by, []string{keys.EdDSA}, keys.RotateOptions{}); err == nil || !strings.Contains(err.Error(), "nothing uses EdDSA") {
			t.Errorf("rotated an algorithm that nothing uses: %v", err)
		}
		version := h.ring().Version
		plan, err := cli.Rotate(t.Context(), by, []string{keys.ES256, keys.MAC}, keys.RotateOptions{})
		must(t, err)
		if len(plan.Steps) != 8 || h.audited("key.rotated") != 2 {
			t.Errorf("plan %+v, audited %v", plan, h.events)
		}
		must(t, m.Poll(t.Context()))
		spare := kids(m, keys.ES256, keys.PreActive)[0]
		must(t, cli.Cancel(t.Context(), by, spare))
		if err := cli.Cancel(t.Context(), by, spare); err == nil {
			t.Error("cancelled twice")
		}
		time.Sleep(2 * time.Hour)
		must(t, m.Poll(t.Context()))
		if h.signs(m, keys.ES256) == spare {
			t.Error("a cancelled key signs")
		}
		if mac, _, _ := m.CurrentMAC(); mac != kids(m, keys.MAC, keys.Active)[0] || len(kids(m, keys.MAC, keys.Deactivated)) != 1 {
			t.Errorf("the MAC key did not rotate: %v", m.Rows())
		}
		if now := h.ring().Version; now != version+3 { // The rotation, the cancellation, the spare MAC key.
			t.Errorf("the ring went from version %d to %d", version, now)
		}
	})
}

// A key (but an algorithm's first) does not sign before it has been published for the window; after a rotation at once the
// plan says what may break.
func TestRotateNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		slow, stopSlow := h.run(skewed(-2 * time.Minute))
		defer stopSlow()
		fast, stopFast := h.run(skewed(2 * time.Minute))
		defer stopFast()
		time.Sleep(time.Minute)
		plan, err := h.open(operator, skewed(2*time.Minute)).Rotate(t.Context(), by, nil, keys.RotateOptions{Now: true})
		must(t, err)
		if len(plan.Warnings) != 1 || !strings.Contains(plan.Warnings[0], "verifiers that hold a cached JWK Set") {
			t.Errorf("warnings %q", plan.Warnings)
		}
		time.Sleep(poll)
		next := plan.Steps[1].Key
		if h.signs(slow, keys.ES256) != next || h.signs(fast, keys.ES256) != next {
			t.Error("not every server signs with the new key after a poll")
		}
	})
}

func TestCompromiseDrill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		slow, stopSlow := h.run(skewed(-2 * time.Minute))
		defer stopSlow()
		fast, stopFast := h.run(skewed(2 * time.Minute))
		defer stopFast()
		time.Sleep(2 * time.Hour)
		cli := h.open(operator)
		leaked, spare := h.signs(slow, keys.ES256), kids(slow, keys.ES256, keys.PreActive)[0]
		mac, _, err := slow.CurrentMAC()
		must(t, err)
		must(t, cli.Compromise(t.Context(), by, leaked))
		must(t, cli.Compromise(t.Context(), by, mac))
		time.Sleep(poll)
		for _, m := range []*keys.Manager{slow, fast} {
			if h.signs(m, keys.ES256) != spare {
				t.Error("the spare does not sign after a poll")
			}
			if _, _, ok := m.PublicKey(leaked); ok || strings.Contains(string(m.Set().Bytes), leaked) {
				t.Error("the compromised key is still published")
			}
			if id, _, err := m.CurrentMAC(); err != nil || id == mac {
				t.Errorf("the compromised MAC key is in use: %v", err)
			}
			if _, err := m.MAC(t.Context(), mac); !errors.Is(err, keys.ErrCompromised) {
				t.Errorf("the compromised MAC key is given out: %v", err)
			}
		}
		must(t, cli.Compromise(t.Context(), by, leaked)) // The panic button may be pressed twice.
		if err := cli.Compromise(t.Context(), by, "nothing"); !errors.Is(err, keys.ErrUnknownKey) {
			t.Errorf("compromised nothing: %v", err)
		}
	})
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

// After a restore, or a lost tail, servers keep what they know until an operator accepts what the store has.
func TestRestore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		m, stop := h.run()
		defer stop()
		time.Sleep(2 * time.Hour)
		backup := h.ring()
		leaked := h.signs(m, keys.ES256)
		must(t, m.Compromise(t.Context(), by, leaked))
		time.Sleep(time.Minute) // A spare is made.
		own := m.Set().ETag

		restored := openStore(t, h.path+".restored")
		must(t, restored.SwapRing(t.Context(), 0, backup)) // Version 1, as at the time of the backup.
		h.store.swap(restored)
		time.Sleep(poll)
		fallen := func() {
			t.Helper()
			if err := m.Health(); err == nil || !strings.Contains(err.Error(), "signet keys --accept-restore") {
				t.Errorf("Health = %v", err)
			}
			if m.Set().ETag != own {
				t.Error("the JWK Set went back")
			}
		}
		fallen()
		time.Sleep(4 * time.Second)
		if _, err := m.Signer(keys.ES256); !errors.Is(err, keys.ErrStale) {
			t.Errorf("signs beside a store that fell: %v", err)
		}
		if _, err := m.MAC(t.Context(), "0123456789abcdef"); err == nil || errors.Is(err, keys.ErrUnknownKey) {
			t.Errorf("a MAC key that the lost tail may have held: %v", err)
		}
		// Others, who started after the restore, take the version up again: that proves nothing.
		for range 3 {
			r, err := restored.Ring(t.Context())
			must(t, err)
			must(t, restored.SwapRing(t.Context(), r.Version, r))
		}
		time.Sleep(time.Minute)
		fallen()
		if r := h.ring(); r.Version != 4 {
			t.Errorf("the server wrote to a store that fell: version %d", r.Version)
		}

		cli := h.open(operator)
		must(t, cli.AcceptRestore(t.Context(), by))
		time.Sleep(poll)
		must(t, m.Health())
		if h.signs(m, keys.ES256) != leaked {
			t.Error("the accepted ring is not in use")
		}
		must(t, cli.Compromise(t.Context(), by, leaked)) // As the operator was told to check.
		time.Sleep(poll)
		if h.signs(m, keys.ES256) == leaked {
			t.Error("the compromised key signs")
		}
		if h.audited("ring.restore_accepted") != 1 {
			t.Errorf("audited %v", h.events)
		}
	})
}

// A store that lost its tail stays suspect after it has overtaken, also if nothing was compromised or destroyed.
func TestLostTail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		m, stop := h.run()
		defer stop()
		time.Sleep(time.Minute)
		before := h.ring()
		_, err := m.Rotate(t.Context(), by, nil, keys.RotateOptions{Now: true})
		must(t, err)
		time.Sleep(poll)
		signing := h.signs(m, keys.ES256)
		short := openStore(t, h.path+".short")
		h.store.swap(short)
		for version := range int64(9) {
			must(t, short.SwapRing(t.Context(), version, before))
			time.Sleep(poll)
		}
		if err := m.Health(); err == nil || !strings.Contains(err.Error(), "--accept-restore") {
			t.Errorf("Health = %v", err)
		}
		if kids(m, keys.ES256, keys.Active)[0] != signing {
			t.Error("the server went back to a ring of before")
		}
	})
}

// A store that lost its tail and overtook between two polls is found by what it has forgotten.
func TestLostTailOvertaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		m, stop := h.run()
		defer stop()
		time.Sleep(time.Minute)
		before := h.ring()
		must(t, m.Compromise(t.Context(), by, h.signs(m, keys.ES256)))
		time.Sleep(10 * time.Second)
		after := h.ring()
		before.Version = after.Version
		must(t, h.store.SwapRing(t.Context(), after.Version, before))
		time.Sleep(10 * time.Second)
		if err := m.Health(); err == nil || !strings.Contains(err.Error(), "--accept-restore") {
			t.Errorf("Health = %v", err)
		}
		if _, err := m.Signer(keys.ES256); !errors.Is(err, keys.ErrStale) {
			t.Errorf("signs: %v", err)
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
