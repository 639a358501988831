package keys_test

import (
	"context"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetd/signet/internal/seal"
	"github.com/signetd/signet/keys"
)

// rereading makes a server read the KEK file again when the ring names a KEK that it does not know.
func (h *house) rereading(o *keys.Options) {
	o.ReadKEKs = func() (*seal.KEKs, error) { return seal.LoadOwn(h.kekFile) }
}

func TestStartNeedsTheKEK(t *testing.T) {
	h := newHouse(t)
	h.open()
	refused := func(want string) {
		t.Helper()
		if _, err := keys.Open(context.Background(), h.options()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q in it", err, want)
		}
	}
	right, err := os.ReadFile(h.kekFile)
	must(t, err)
	must(t, os.Remove(h.kekFile))
	_, err = seal.Create(h.kekFile)
	must(t, err)
	refused("which the KEK file does not have")
	if m := h.open(operator); m.Health() == nil {
		t.Error("a command sees nothing wrong")
	}
	if r := h.ring(); len(r.KEKs) != 1 {
		t.Errorf("a server with another KEK changed the ring: %v", r.KEKs)
	}

	must(t, seal.WriteFile(h.kekFile, right))
	r := h.ring()
	r.KEKs[0].Check = []byte("another")
	must(t, h.store.SwapRing(t.Context(), r.Version, r))
	refused("is not the one that the key ring means by this id")
}

// The KEK moves to a new one beside running servers: none stops signing, and the old KEK can be deleted.
func TestNewKEKAndReseal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.use(keys.ES256, keys.EdDSA)
		m, stop := h.run(h.rereading)
		defer stop()
		old := h.ring().KEKs[0].ID
		before := m.Set().ETag
		next := seal.NewKEK()
		if err := h.open(operator).AddKEK(t.Context(), by, next.ID); err == nil {
			t.Fatal("added a KEK that is not in the KEK file")
		}
		_, err := seal.Append(h.kekFile, next)
		must(t, err)
		cli := h.open(operator)
		must(t, cli.AddKEK(t.Context(), by, next.ID))
		must(t, cli.AddKEK(t.Context(), by, next.ID)) // Twice is no change.
		time.Sleep(poll)
		must(t, m.Health())
		must(t, m.Compromise(t.Context(), by, h.signs(m, keys.ES256)))
		time.Sleep(poll) // The server makes a spare, and has read the KEK file again.
		sealed := make(map[string]int)
		for _, k := range h.ring().Keys {
			sealed[k.KEK]++
		}
		if sealed[old] != 6 || sealed[next.ID] != 1 {
			t.Errorf("sealed are %v, want the new key under the new KEK", sealed)
		}
		remaining, err := cli.Reseal(t.Context(), by)
		must(t, err)
		r := h.ring()
		if remaining != 0 || len(r.KEKs) != 1 || r.KEKs[0].ID != next.ID {
			t.Errorf("%d remain, KEKs %v", remaining, r.KEKs)
		}
		for _, k := range r.Keys {
			if k.KEK != next.ID {
				t.Errorf("%s is sealed by %s", k.ID, k.KEK)
			}
		}
		version := r.Version
		if remaining, err := cli.Reseal(t.Context(), by); err != nil || remaining != 0 || h.ring().Version != version {
			t.Errorf("a second reseal: %d remain, %v", remaining, err)
		}
		time.Sleep(poll)
		must(t, m.Health())
		if m.Set().ETag == before {
			t.Error("the compromise did not change the JWK Set")
		}

		text, err := os.ReadFile(h.kekFile)
		must(t, err)
		lines := strings.Split(strings.TrimSpace(string(text)), "\n")
		must(t, seal.WriteFile(h.kekFile, []byte(lines[len(lines)-1])))
		again := h.open() // With the new KEK alone.
		if h.signs(again, keys.EdDSA) != h.signs(m, keys.EdDSA) {
			t.Error("the keys changed")
		}
		if h.audited("kek.added") != 2 || h.audited("key.resealed") != 1 {
			t.Errorf("audited %v", h.events)
		}
	})
}

// What cannot be opened stays where it is, is counted, and keeps its KEK in the ring.
func TestResealCountsWhatRemains(t *testing.T) {
	h := newHouse(t)
	h.open()
	old := h.ring().KEKs[0].ID
	must(t, os.Remove(h.kekFile))
	_, err := seal.Create(h.kekFile) // The old KEK is lost.
	must(t, err)
	cli := h.open(operator)
	keks, err := seal.LoadOwn(h.kekFile)
	must(t, err)
	must(t, cli.AddKEK(t.Context(), by, keks.Newest()))
	if remaining, err := cli.Reseal(t.Context(), by); err != nil || remaining != 4 {
		t.Errorf("%d remain, %v, want the 4 keys of the lost KEK", remaining, err)
	}
	if r := h.ring(); len(r.KEKs) != 2 || r.Keys[0].KEK != old {
		t.Errorf("KEKs %v", r.KEKs)
	}
}

// A server that does not get the new KEK goes on with the keys that it has open, says so, and mends itself once the file is
// there.
func TestServerWithoutTheNewKEK(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		stale, err := seal.LoadOwn(h.kekFile)
		must(t, err)
		var current atomic.Pointer[seal.KEKs]
		current.Store(stale)
		m, stop := h.run(func(o *keys.Options) { o.ReadKEKs = func() (*seal.KEKs, error) { return current.Load(), nil } })
		defer stop()
		time.Sleep(time.Minute)
		active, spare := h.signs(m, keys.ES256), kids(m, keys.ES256, keys.PreActive)[0]
		next := seal.NewKEK()
		mounted, err := seal.Append(h.kekFile, next)
		must(t, err)
		cli := h.open(operator)
		must(t, cli.AddKEK(t.Context(), by, next.ID))
		must(t, cli.Compromise(t.Context(), by, active))
		cli = h.open() // Another server, which makes the next spare with the new KEK.
		made := kids(cli, keys.ES256, keys.PreActive)[0]
		time.Sleep(poll)
		if h.signs(m, keys.ES256) != spare {
			t.Error("the key that was open does not sign")
		}
		if err := m.Health(); err == nil || !strings.Contains(err.Error(), next.ID) {
			t.Errorf("Health = %v", err)
		}
		if _, _, ok := m.PublicKey(made); ok {
			t.Error("a key that could not be checked is published")
		}
		_, err = cli.Reseal(t.Context(), by)
		must(t, err)
		time.Sleep(poll)
		if h.signs(m, keys.ES256) != spare {
			t.Error("a key that was open is closed since it was resealed")
		}
		current.Store(mounted)
		time.Sleep(poll)
		must(t, m.Health())
		if _, _, ok := m.PublicKey(made); !ok {
			t.Error("the new key is not published")
		}
	})
}
