package keys_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetd/signet/keys"
)

// simulationPolicy has a longer poll interval than Validate allows, so that a
// test can simulate more days.
func simulationPolicy() keys.Policy {
	p := testPolicy()
	p.PollInterval = 10 * time.Minute
	p.MaxAge = 40 * time.Minute // Longer than Lead, so that Window decides.
	return p
}

func TestSimulation(t *testing.T) {
	s := simulation{days: 400, maxPause: 20 * day, policy: simulationPolicy()}
	if testing.Short() {
		s.days = 40
	}
	if s.policy.PublishAhead < s.policy.Window() {
		t.Fatalf("PublishAhead is %s, less than Window, %s", s.policy.PublishAhead, s.policy.Window())
	}
	valid := s.policy
	valid.PollInterval = time.Minute
	if err := valid.Validate(); err != nil {
		t.Fatal(err)
	}
	if violation := simulate(t, s); violation != "" {
		t.Error(violation)
	}
}

// The simulation detects each of these faults.
func TestSimulation_DetectsFaults(t *testing.T) {
	for name, inject := range map[string]func(*simulation){
		"keys are not published ahead": func(s *simulation) { s.policy.PublishAhead = 0 },
		"no compare-and-swap": func(s *simulation) {
			s.wrap = func(store keys.Store) keys.Store { return forcingStore{store} }
		},
		"the store loses a key that is in use": func(s *simulation) {
			s.wrap = func(store keys.Store) keys.Store { return losingStore{store} }
		},
		"keys are destroyed when they are deactivated": func(s *simulation) {
			s.policy.MaxLifetime = -s.policy.MaxAge - 4*s.policy.ClockSkew - s.policy.MaxRingAge()
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := simulation{days: 200, maxPause: 2 * day, policy: simulationPolicy()}
			inject(&s)
			violation := simulate(t, s)
			if violation == "" {
				t.Error("the simulation detected no fault")
			}
			t.Log(violation)
		})
	}
}

// simulate returns the first violation and its time, or "".
func simulate(t *testing.T, s simulation) (violation string) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, s, seed)
		defer w.stop()
		for violation == "" && time.Since(w.start) < time.Duration(s.days)*day {
			time.Sleep(time.Duration(w.intN(900)+1) * time.Second)
			w.step()
			violation = w.check()
		}
		if violation != "" {
			violation = fmt.Sprintf("after %s: %s", time.Since(w.start), violation)
			return
		}
		t.Logf("%d rotations, %d at once, %d compromises, %d cancelled, %d restarts; "+
			"%d keys signed; %d signatures verified",
			w.count["rotate"], w.count["now"], w.count["compromise"], w.count["cancel"], w.count["restart"],
			w.count["key"], w.count["verified"])
	})
	return violation
}

// A forcingStore is a store without the compare-and-swap.
type forcingStore struct{ keys.Store }

func (s forcingStore) SwapRing(ctx context.Context, _ int64, next keys.Ring, compromised []string) error {
	for {
		v, err := s.RingVersion(ctx)
		if err != nil {
			return err
		}
		if err := s.Store.SwapRing(ctx, v.Version, next, compromised); !errors.Is(err, keys.ErrRaced) {
			return err
		}
	}
}

// A losingStore is a store that loses the oldest key when the ring has more
// than six keys.
type losingStore struct{ keys.Store }

func (s losingStore) SwapRing(ctx context.Context, from int64, next keys.Ring, compromised []string) error {
	if len(next.Keys) > 6 {
		next.Keys = next.Keys[1:]
	}
	return s.Store.SwapRing(ctx, from, next, compromised)
}
