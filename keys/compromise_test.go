package keys

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestCompromise(t *testing.T) {
	tests := map[string]struct {
		keys []Key
		want map[string]Key // k and the other keys
	}{
		"active, with a spare": {
			[]Key{key("k", first), key("young", created(-2)), key("old", created(-50))},
			map[string]Key{"k": {ActivateAt: Always, CompromisedAt: noon}, "young": {}, "old": {ActivateAt: at(-4)}},
		},
		"active, with a pending key": {
			[]Key{key("k", first), key("b", created(-20), activates(40))},
			map[string]Key{"k": {ActivateAt: Always, CompromisedAt: noon}, "b": {ActivateAt: at(-4)}},
		},
		"active, alone": {
			[]Key{key("k", first)},
			map[string]Key{"k": {ActivateAt: Always, CompromisedAt: noon}, "new ES256": {ActivateAt: at(-4)}},
		},
		"active for a minute": {
			[]Key{key("a", first), key("k", activates(-1)), key("b")},
			map[string]Key{
				"a": {ActivateAt: Always}, "k": {ActivateAt: at(-1), CompromisedAt: noon},
				"b": {ActivateAt: at(-1).Add(time.Microsecond)},
			},
		},
		"pre-active": {
			[]Key{key("a", first), key("k", activates(1)), key("b")},
			map[string]Key{"a": {ActivateAt: Always}, "k": {ActivateAt: at(1), CompromisedAt: noon}, "b": {}},
		},
		"deactivated": {
			[]Key{key("k", first), key("a", activates(-9)), key("b")},
			map[string]Key{"k": {ActivateAt: Always, CompromisedAt: noon}, "a": {ActivateAt: at(-9)}, "b": {}},
		},
		"twice": {
			[]Key{key("k", first, compromised(-9)), key("a", activates(-13)), key("b")},
			map[string]Key{"k": {ActivateAt: Always, CompromisedAt: at(-9)}, "a": {ActivateAt: at(-13)}, "b": {}},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			u := newTestUpdate(test.keys...)
			if err := u.compromise("k", "drill"); err != nil {
				t.Fatal(err)
			}
			if diff := compare(test.want, dates(u)); diff != "" {
				t.Error(diff)
			}
		})
	}
	for want, k := range map[string]Key{"was destroyed": key("k", destroyed(-1)), "no key k": key("other")} {
		if err := newTestUpdate(k).compromise("k", ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q in it", err, want)
		}
	}
}

// TestCompromise_WithSkewedClocks changes a ring at random, by clocks that are
// wrong by up to two minutes. By each such clock a key signs, this key is not
// compromised, and it was not deactivated before by the slowest clock.
func TestCompromise_WithSkewedClocks(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	skew := testPolicy().ClockSkew
	for range 1000 {
		real, n := noon, 0
		r := Ring{Keys: []Key{key("0", first)}}
		deactivated := make(map[string]bool) // by the slowest clock
		for range 12 {
			real = real.Add(time.Duration(random.Int64N(int64(8 * time.Minute))))
			offset := time.Duration(random.Int64N(int64(2*skew))) - skew
			u := &update{policy: testPolicy(), now: real.Add(offset).Truncate(time.Microsecond), ring: r.clone()}

			active, ok := u.active(ES256)
			if !ok {
				t.Fatalf("no active key in %+v at %s", r.Keys, u.now)
			}
			var err error
			switch random.IntN(4) {
			case 0:
				err = u.compromise(active.ID, "")
			case 1:
				_, err = u.rotate(ES256, true)
			case 2:
				_, err = u.rotate(ES256, false)
			case 3:
				u.ensureKeys(ES256)
			}
			if err != nil {
				t.Fatal(err)
			}

			for _, request := range u.requests {
				n++
				k := key(string(rune('0'+n)), func(k *Key) { k.CreatedAt = u.now })
				k.ActivateAt = request.activateAt(k)
				u.ring.Keys = append(u.ring.Keys, k)
			}
			r = u.ring

			for offset := -skew; offset <= skew; offset += skew / 4 {
				signs, ok := r.schedule(ES256).active(real.Add(offset))
				if !ok || !signs.CompromisedAt.IsZero() || deactivated[signs.ID] {
					t.Fatalf("by a clock that is wrong by %s, %+v signs (%v, deactivated before: %v) in %+v",
						offset, signs, ok, deactivated[signs.ID], r.Keys)
				}
			}
			for _, k := range r.Keys {
				if r.schedule(ES256).state(k, real.Add(-skew)) == Deactivated {
					deactivated[k.ID] = true
				}
			}
		}
	}
}

// Verifiers need the ids of signing keys only: a MAC key signs no token.
func TestCompromise_ReportsSigningKeys(t *testing.T) {
	mac := key("mac", first)
	mac.Algorithm = MAC
	u := newTestUpdate(key("k", first), key("b"), key("earlier", compromised(-9)), mac)
	for _, id := range []string{"k", "k", "earlier", "mac"} {
		if err := u.compromise(id, "drill"); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"k"}; !slices.Equal(u.compromised, want) {
		t.Errorf("the keys %v are compromised, want %v", u.compromised, want)
	}
}
