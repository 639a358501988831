package keys_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetd/signet/keys"
)

// After a restore of the store, servers keep their ring until an operator
// accepts the ring of the store.
func TestRestore_NeedsAcceptance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		m, stop := f.run()
		defer stop()
		time.Sleep(2 * time.Hour)
		backup := f.ring()
		stolen := f.activeKID(m, keys.ES256)
		must(t, m.Operator().Compromise(t.Context(), by, stolen))
		time.Sleep(time.Minute) // The server generates a spare.
		own := m.Set().ETag

		restored := openStore(t, f.path+".restored")
		must(t, restored.SwapRing(t.Context(), 0, backup, nil)) // The version is 1, as in the backup.
		f.store.replace(restored)
		time.Sleep(pollTime)

		checkRolledBack := func() {
			t.Helper()
			if err := m.Health(); err == nil || !strings.Contains(err.Error(), "signet keys --accept-restore") {
				t.Errorf("Health = %v", err)
			}
			if m.Set().ETag != own {
				t.Error("the server uses the JWK Set of the restored ring")
			}
		}

		checkRolledBack()
		time.Sleep(4 * time.Second)
		if _, err := m.Signer(keys.ES256); !errors.Is(err, keys.ErrStale) {
			t.Errorf("Signer with a rolled-back store: %v", err)
		}
		if _, err := m.MAC(t.Context(), "0123456789abcdef"); err == nil || errors.Is(err, keys.ErrUnknownKey) {
			t.Errorf("MAC for a key that the store may have lost: %v", err)
		}

		// Servers that started after the restore increase the version. The
		// store is still rolled back.
		for range 3 {
			r, err := restored.Ring(t.Context())
			must(t, err)
			must(t, restored.SwapRing(t.Context(), r.Version, r, nil))
		}
		time.Sleep(time.Minute)
		checkRolledBack()
		if r := f.ring(); r.Version != 4 {
			t.Errorf("the server wrote to a rolled-back store: version %d", r.Version)
		}

		operator := f.operator()
		must(t, operator.AcceptRestore(t.Context(), by))
		time.Sleep(pollTime)
		must(t, m.Health())
		if f.activeKID(m, keys.ES256) != stolen {
			t.Error("the server does not use the accepted ring")
		}

		must(t, operator.Compromise(t.Context(), by, stolen)) // The error of Health says to check it.
		time.Sleep(pollTime)
		if f.activeKID(m, keys.ES256) == stolen {
			t.Error("the compromised key signs")
		}
		if f.audited("ring.restore_accepted") != 1 {
			t.Errorf("audited %v", f.events)
		}
	})
}

// A store that lost its last changes stays rolled back when its version grows
// again, even if no key was compromised or destroyed.
func TestRestore_VersionGrowsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		m, stop := f.run()
		defer stop()
		time.Sleep(time.Minute)
		before := f.ring()
		_, err := m.Operator().Rotate(t.Context(), by, nil, keys.RotateOptions{Now: true})
		must(t, err)
		time.Sleep(pollTime)
		signing := f.activeKID(m, keys.ES256)

		shorter := openStore(t, f.path+".shorter")
		f.store.replace(shorter)
		for version := range int64(9) {
			must(t, shorter.SwapRing(t.Context(), version, before, nil))
			time.Sleep(pollTime)
		}

		if err := m.Health(); err == nil || !strings.Contains(err.Error(), "--accept-restore") {
			t.Errorf("Health = %v", err)
		}
		if kids(m, keys.ES256, keys.Active)[0] != signing {
			t.Error("the server uses the ring of the rolled-back store")
		}
	})
}

// A store that lost its last changes and reached a higher version between two
// polls is detected because a compromised key is no longer compromised.
func TestRestore_LostCompromiseIsDetected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		m, stop := f.run()
		defer stop()
		time.Sleep(time.Minute)
		before := f.ring()
		must(t, m.Operator().Compromise(t.Context(), by, f.activeKID(m, keys.ES256)))
		time.Sleep(10 * time.Second)

		after := f.ring()
		before.Version = after.Version
		must(t, f.store.SwapRing(t.Context(), after.Version, before, nil))
		time.Sleep(10 * time.Second)
		if err := m.Health(); err == nil || !strings.Contains(err.Error(), "--accept-restore") {
			t.Errorf("Health = %v", err)
		}
		if _, err := m.Signer(keys.ES256); !errors.Is(err, keys.ErrStale) {
			t.Errorf("Signer with a rolled-back store: %v", err)
		}
	})
}
