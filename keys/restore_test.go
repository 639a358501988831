package keys_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetd/signet/keys"
)

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
