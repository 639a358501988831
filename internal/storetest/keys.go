package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/signetd/signet/keys"
)

var ringCases = []singleCase{
	{"NewRingIsEmpty", newRingIsEmpty},
	{"RingRoundTrip", ringRoundTrip},
	{"SwapRingReplacesAll", swapRingReplaces},
	{"SwapRingNeedsTheVersion", swapRingNeedsVersion},
}

// aRing returns a ring with a key in each state that a row can have.
func aRing() keys.Ring {
	return keys.Ring{
		Keys: []keys.Key{
			{
				ID: "first", Algorithm: keys.RS256, Public: []byte{0, 1}, Sealed: []byte{2, 0}, KEK: "k1",
				CreatedAt: start, ActivateAt: keys.Always, Lifetime: time.Hour,
			},
			{ID: "spare", Algorithm: keys.RS256, Public: []byte{3}, Sealed: []byte{4}, KEK: "k2", CreatedAt: start},
			{
				ID: "mac", Algorithm: keys.MAC, Sealed: []byte{5}, KEK: "k2",
				CreatedAt: start.Add(time.Microsecond), ActivateAt: start, Lifetime: 2 * 365 * 24 * time.Hour,
			},
			{
				ID: "destroyed", Algorithm: keys.ES256, Public: []byte{6}, KEK: "k1",
				CreatedAt: start.Add(time.Second), ActivateAt: start, RetiredAt: start.Add(time.Hour),
				DestroyedAt: start.Add(2 * time.Hour), CompromisedAt: start.Add(3 * time.Hour),
			},
		},
		KEKs: []keys.KEK{
			{ID: "k1", Check: []byte{7}, CreatedAt: start},
			{ID: "k2", Check: []byte{8}, CreatedAt: start.Add(time.Second)},
		},
	}
}

// ringIs fails the test if the ring or its version is not want.
func ringIs(t *testing.T, s Store, want keys.Ring) {
	t.Helper()
	got, err := s.Ring(t.Context())
	must(t, err)
	equal(t, got, want)
	v, err := s.RingVersion(t.Context())
	must(t, err)
	if v.Version != want.Version || v.Restored != want.Restored {
		t.Errorf("version %d, restored %d; want %d and %d", v.Version, v.Restored, want.Version, want.Restored)
	}
}

func newRingIsEmpty(t *testing.T, s Store) { ringIs(t, s, keys.Ring{}) }

func ringRoundTrip(t *testing.T, s Store) {
	want := aRing()
	must(t, s.SwapRing(t.Context(), 0, want, nil))
	want.Version = 1
	ringIs(t, s, want)
	got, err := s.Ring(t.Context())
	must(t, err)
	if got.Keys[3].Sealed != nil || got.Keys[2].Public != nil {
		t.Error("a missing half of a key was read as an empty one")
	}
}

func swapRingReplaces(t *testing.T, s Store) {
	must(t, s.SwapRing(t.Context(), 0, aRing(), nil))
	next := aRing()
	next.Keys, next.KEKs, next.Restored = next.Keys[1:2], next.KEKs[1:], 3
	next.Keys[0].ActivateAt = start.Add(time.Hour)
	must(t, s.SwapRing(t.Context(), 1, next, nil))
	next.Version = 2
	ringIs(t, s, next)
	must(t, s.SwapRing(t.Context(), 2, keys.Ring{Version: 99}, nil))
	ringIs(t, s, keys.Ring{Version: 3})
}

func swapRingNeedsVersion(t *testing.T, s Store) {
	want := aRing()
	must(t, s.SwapRing(t.Context(), 0, want, nil))
	want.Version = 1
	for _, from := range []int64{0, 2, -1} {
		if err := s.SwapRing(t.Context(), from, keys.Ring{Restored: 5}, nil); !errors.Is(err, keys.ErrRaced) {
			t.Errorf("swap from %d: %v, want ErrRaced", from, err)
		}
		ringIs(t, s, want)
	}
}
