package keys_test

import (
	"context"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetd/signet/internal/privatefile"
	"github.com/signetd/signet/internal/seal"
	"github.com/signetd/signet/keys"
)

// rereadKEKs makes a server read the KEK file again when the ring names an
// unknown KEK.
func (f *fixture) rereadKEKs(o *keys.Options) {
	o.ReadKEKs = func() (*seal.KEKs, error) { return seal.LoadOwn(f.kekFile) }
}

func TestOpen_RequiresTheKEK(t *testing.T) {
	f := newFixture(t)
	f.open()
	openFails := func(want string) {
		t.Helper()
		if _, err := keys.Open(context.Background(), f.options()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q in it", err, want)
		}
	}

	original, err := os.ReadFile(f.kekFile)
	must(t, err)

	must(t, os.Remove(f.kekFile))
	_, err = seal.Create(f.kekFile)
	must(t, err)
	openFails("which the KEK file does not have")
	if m := f.open(noMaintenance); m.Health() == nil {
		t.Error("a command with another KEK is healthy")
	}
	if r := f.ring(); len(r.KEKs) != 1 {
		t.Errorf("a server with another KEK changed the ring: %v", r.KEKs)
	}

	must(t, privatefile.Write(f.kekFile, original))
	r := f.ring()
	r.KEKs[0].Check = []byte("another")
	must(t, f.store.SwapRing(t.Context(), r.Version, r, nil))
	openFails("is not the KEK that the key ring has under this id")
}

// A new KEK replaces the old one while servers run. No server stops signing,
// and the old KEK can be deleted.
func TestReseal_ReplacesTheKEK(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		f.setInUse(keys.ES256, keys.EdDSA)
		m, stop := f.run(f.rereadKEKs)
		defer stop()
		old := f.ring().KEKs[0].ID
		before := m.Set().ETag

		next := seal.NewKEK()
		if err := f.operator().AddKEK(t.Context(), by, next.ID); err == nil {
			t.Fatal("AddKEK accepts a KEK that is not in the KEK file")
		}

		_, err := seal.Append(f.kekFile, next)
		must(t, err)

		operator := f.operator()
		must(t, operator.AddKEK(t.Context(), by, next.ID))
		must(t, operator.AddKEK(t.Context(), by, next.ID)) // The second call changes nothing.
		time.Sleep(pollTime)
		must(t, m.Health())

		must(t, m.Operator().Compromise(t.Context(), by, f.activeKID(m, keys.ES256)))
		time.Sleep(pollTime) // The server generates a spare and has read the KEK file again.
		sealed := make(map[string]int)
		for _, k := range f.ring().Keys {
			sealed[k.KEK]++
		}
		if sealed[old] != 6 || sealed[next.ID] != 1 {
			t.Errorf("keys by KEK: %v, want only the new key under the new KEK", sealed)
		}

		remaining, err := operator.Reseal(t.Context(), by)
		must(t, err)
		r := f.ring()
		if remaining != 0 || len(r.KEKs) != 1 || r.KEKs[0].ID != next.ID {
			t.Errorf("%d keys remain, KEKs %v", remaining, r.KEKs)
		}
		for _, k := range r.Keys {
			if k.KEK != next.ID {
				t.Errorf("the key %s is sealed by %s", k.ID, k.KEK)
			}
		}

		version := r.Version
		remaining, err = operator.Reseal(t.Context(), by)
		if err != nil || remaining != 0 || f.ring().Version != version {
			t.Errorf("a second reseal: %d keys remain, %v", remaining, err)
		}

		time.Sleep(pollTime)
		must(t, m.Health())
		if m.Set().ETag == before {
			t.Error("the compromise did not change the JWK Set")
		}

		text, err := os.ReadFile(f.kekFile)
		must(t, err)
		lines := strings.Split(strings.TrimSpace(string(text)), "\n")
		must(t, privatefile.Write(f.kekFile, []byte(lines[len(lines)-1])))
		restarted := f.open() // It has only the new KEK.
		if f.activeKID(restarted, keys.EdDSA) != f.activeKID(m, keys.EdDSA) {
			t.Error("the keys changed")
		}
		if f.audited("kek.added") != 2 || f.audited("key.resealed") != 1 {
			t.Errorf("audited %v", f.events)
		}
	})
}

// Reseal counts the keys that it cannot unseal. It changes neither them nor
// their KEK.
func TestReseal_CountsRemainingKeys(t *testing.T) {
	f := newFixture(t)
	f.open()
	old := f.ring().KEKs[0].ID
	must(t, os.Remove(f.kekFile))
	_, err := seal.Create(f.kekFile) // The old KEK is lost.
	must(t, err)
	operator := f.operator()
	keks, err := seal.LoadOwn(f.kekFile)
	must(t, err)
	must(t, operator.AddKEK(t.Context(), by, keks.Newest()))
	if remaining, err := operator.Reseal(t.Context(), by); err != nil || remaining != 4 {
		t.Errorf("%d keys remain, %v, want the 4 keys of the lost KEK", remaining, err)
	}
	if r := f.ring(); len(r.KEKs) != 2 || r.Keys[0].KEK != old {
		t.Errorf("KEKs %v", r.KEKs)
	}
}

// A server without the new KEK keeps using the keys that it has unsealed, and
// Health names the KEK. It recovers when the KEK file has the new KEK.
func TestManager_WithoutTheNewKEK(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		stale, err := seal.LoadOwn(f.kekFile)
		must(t, err)
		var current atomic.Pointer[seal.KEKs]
		current.Store(stale)
		m, stop := f.run(func(o *keys.Options) {
			o.ReadKEKs = func() (*seal.KEKs, error) { return current.Load(), nil }
		})
		defer stop()
		time.Sleep(time.Minute)
		active, spare := f.activeKID(m, keys.ES256), kids(m, keys.ES256, keys.PreActive)[0]

		next := seal.NewKEK()
		mounted, err := seal.Append(f.kekFile, next)
		must(t, err)
		operator := f.operator()
		must(t, operator.AddKEK(t.Context(), by, next.ID))
		must(t, operator.Compromise(t.Context(), by, active))

		other := f.open() // It generates the next spare under the new KEK.
		created := kids(other, keys.ES256, keys.PreActive)[0]
		time.Sleep(pollTime)
		if f.activeKID(m, keys.ES256) != spare {
			t.Error("the unsealed spare does not sign")
		}
		if err := m.Health(); err == nil || !strings.Contains(err.Error(), next.ID) {
			t.Errorf("Health = %v", err)
		}
		if _, _, err := m.PublicKey(t.Context(), created); err == nil || keys.IsUnusable(err) {
			t.Errorf("PublicKey for a key that cannot be unsealed: %v, want an error that is not final", err)
		}

		_, err = other.Operator().Reseal(t.Context(), by)
		must(t, err)
		time.Sleep(pollTime)
		if f.activeKID(m, keys.ES256) != spare {
			t.Error("the unsealed key does not sign after it was resealed")
		}

		current.Store(mounted)
		time.Sleep(pollTime)
		must(t, m.Health())
		if _, _, ok := publicKey(m, created); !ok {
			t.Error("the new key is not published")
		}
	})
}
