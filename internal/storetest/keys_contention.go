package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/signetd/signet/keys"
)

// concurrentKeyRotations adds keys to the ring from several goroutines. No key
// may be lost.
func concurrentKeyRotations(t *testing.T, servers [2]Store) {
	const rotations = 16
	atOnce(servers, rotations, func(i int, s Store) {
		for {
			ring, err := s.Ring(t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			if len(ring.Keys) != int(ring.Version) {
				t.Errorf("version %d of the ring has %d keys", ring.Version, len(ring.Keys))
			}
			key := keys.Key{ID: fmt.Sprintf("key %d", i), Algorithm: keys.EdDSA, CreatedAt: start}
			ring.Keys = append(ring.Keys, key)
			if err = s.SwapRing(t.Context(), ring.Version, ring, nil); !errors.Is(err, keys.ErrRaced) {
				if err != nil {
					t.Error(err)
				}
				return
			}
		}
	})
	ring, err := servers[0].Ring(t.Context())
	must(t, err)
	if ring.Version != rotations || len(ring.Keys) != rotations {
		t.Errorf("version %d with %d keys after %d rotations", ring.Version, len(ring.Keys), rotations)
	}
}

// concurrentFirstStarts starts eight servers on an empty place. Each tries to
// add the first key, and one succeeds.
func concurrentFirstStarts(t *testing.T, start func() (Store, error)) {
	const servers = 8
	var errs [servers]error
	atOnce([2]Store{}, servers, func(i int, _ Store) {
		s, err := start()
		if err != nil {
			errs[i] = err
			return
		}
		first := keys.Ring{Keys: []keys.Key{{ID: fmt.Sprint(i), CreatedAt: time.Now()}}}
		errs[i] = s.SwapRing(t.Context(), 0, first, nil)
	})
	won := 0
	for i, err := range errs {
		if err == nil {
			won++
		} else if !errors.Is(err, keys.ErrRaced) {
			t.Errorf("start %d: %v", i, err)
		}
	}
	ring, err := open(t, start).Ring(t.Context())
	must(t, err)
	if won != 1 || len(ring.Keys) != 1 || ring.Version != 1 {
		t.Errorf("%d servers added their key to the ring, which has %d keys at version %d; want one",
			won, len(ring.Keys), ring.Version)
	}
}
