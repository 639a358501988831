package keys

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func compare(want, got any) string { return cmp.Diff(want, got, cmpopts.EquateEmpty()) }

func newDraft(keys ...Key) *draft {
	return &draft{policy: testPolicy(), now: noon, ring: Ring{Keys: keys}}
}

func yes(string) bool { return true }
func no(string) bool  { return false }

// dates are the keys of a draft by id with what a change may have given them; keys to be made are named by algorithm and
// number.
func dates(d *draft) map[string]Key {
	found := make(map[string]Key)
	for _, k := range d.ring.Keys {
		found[k.ID] = Key{ActivateAt: k.ActivateAt, RetiredAt: k.RetiredAt, DestroyedAt: k.DestroyedAt, CompromisedAt: k.CompromisedAt}
	}
	for _, o := range d.orders {
		name := "new " + o.algorithm
		if _, ok := found[name]; ok {
			name += " 2"
		}
		found[name] = Key{ActivateAt: o.activateAt(Key{Algorithm: o.algorithm, CreatedAt: d.now})}
	}
	return found
}

func TestTick(t *testing.T) {
	month := 720 * 60
	mac := []Key{key("m", of(MAC), first), key("n", of(MAC))}
	macDates := map[string]Key{"m": {ActivateAt: Always}, "n": {}}
	tests := map[string]struct {
		keys     []Key // beside the MAC keys
		observed observed
		want     map[string]Key
	}{
		"nothing in use: RS256": {
			nil,
			observed{},
			map[string]Key{"new RS256": {ActivateAt: Always}, "new RS256 2": {}},
		},
		"nothing in use, but a key of before": {
			[]Key{key("a", first)},
			observed{unused: yes},
			map[string]Key{"a": {ActivateAt: Always}, "new ES256": {}},
		},
		"first keys of what is in use": {
			nil,
			observed{inUse: []string{EdDSA, ES256, "none", EdDSA}},
			map[string]Key{"new ES256": {ActivateAt: Always}, "new ES256 2": {}, "new EdDSA": {ActivateAt: Always}, "new EdDSA 2": {}},
		},
		"nothing due": {
			[]Key{key("a", first), key("b")},
			observed{},
			map[string]Key{"a": {ActivateAt: Always}, "b": {}},
		},
		"a spare is missing": {
			[]Key{key("a", first, created(-month))},
			observed{},
			map[string]Key{"a": {ActivateAt: Always}, "new ES256": {}},
		},
		"a spare is compromised": {
			[]Key{key("a", first), key("b", compromised(-1))},
			observed{},
			map[string]Key{"a": {ActivateAt: Always}, "b": {CompromisedAt: at(-1)}, "new ES256": {}},
		},
		"rotation is near, the spare is old": {
			[]Key{key("a", created(-month-90), activates(60-month)), key("b")},
			observed{},
			map[string]Key{"a": {ActivateAt: at(60 - month)}, "b": {ActivateAt: at(60)}},
		},
		"rotation is near, the spare was made by a clock that is fast": {
			[]Key{key("a", created(-month-90), activates(60-month)), key("b", created(2))},
			observed{},
			map[string]Key{"a": {ActivateAt: at(60 - month)}, "b": {ActivateAt: at(62)}},
		},
		"rotation is overdue": {
			[]Key{key("a", created(-month-90), activates(-month-80)), key("b")},
			observed{},
			map[string]Key{"a": {ActivateAt: at(-month - 80)}, "b": {ActivateAt: at(60)}},
		},
		"rotation of a first key counts from its creation": {
			[]Key{key("a", first, created(60-month)), key("b")},
			observed{},
			map[string]Key{"a": {ActivateAt: Always}, "b": {ActivateAt: at(60)}},
		},
		"rotation is not near yet": {
			[]Key{key("a", created(-month-90), activates(61-month)), key("b")},
			observed{},
			map[string]Key{"a": {ActivateAt: at(61 - month)}, "b": {}},
		},
		"rotation is pending": {
			[]Key{key("a", created(-month-90), activates(-month)), key("b", activates(30)), key("c", created(-2000))},
			observed{},
			map[string]Key{"a": {ActivateAt: at(-month)}, "b": {ActivateAt: at(30)}, "c": {}},
		},
		"an algorithm goes out of use": {
			[]Key{key("a", first), key("b"), key("c", activates(10)), key("r", of(RS256), first), key("s", of(RS256))},
			observed{inUse: []string{RS256}, unused: yes},
			map[string]Key{"a": {ActivateAt: Always, RetiredAt: noon}, "r": {ActivateAt: Always}, "s": {}},
		},
		"an algorithm is not in use, but was lately": {
			[]Key{key("a", first), key("r", of(RS256), first), key("s", of(RS256))},
			observed{inUse: []string{RS256}, unused: no},
			map[string]Key{"a": {ActivateAt: Always}, "r": {ActivateAt: Always}, "s": {}},
		},
		"an algorithm comes back while its key is published": {
			[]Key{key("a", activates(-9), retired(-5)), key("b")},
			observed{inUse: []string{ES256}},
			map[string]Key{"a": {ActivateAt: at(-9)}, "b": {}},
		},
		"an algorithm comes back after its key was destroyed": {
			[]Key{key("a", activates(-900), retired(-500), destroyed(-400))},
			observed{inUse: []string{ES256}},
			map[string]Key{
				"a":         {ActivateAt: at(-900), RetiredAt: at(-500), DestroyedAt: at(-400)},
				"new ES256": {ActivateAt: at(-4)}, "new ES256 2": {},
			},
		},
		"an algorithm comes back after its last key was compromised": {
			[]Key{key("a", activates(-2), retired(-1), compromised(0)), key("b")},
			observed{inUse: []string{ES256}},
			map[string]Key{
				"a": {ActivateAt: at(-2), RetiredAt: at(-1), CompromisedAt: at(0)}, "b": {},
				"new ES256": {ActivateAt: at(-2).Add(time.Microsecond)},
			},
		},
		"retention is over": {
			[]Key{key("a", first), key("b", activates(-74)), key("c", compromised(-74)), key("d")},
			observed{rested: yes},
			map[string]Key{
				"a": {ActivateAt: Always, DestroyedAt: noon}, "b": {ActivateAt: at(-74)},
				"c": {CompromisedAt: at(-74), DestroyedAt: noon}, "d": {},
			},
		},
		"retention is over by the dates alone": {
			[]Key{key("a", first), key("b", activates(-74)), key("d")},
			observed{rested: no},
			map[string]Key{"a": {ActivateAt: Always}, "b": {ActivateAt: at(-74)}, "d": {}},
		},
		"retention is not over": {
			[]Key{key("a", first), key("b", activates(-73)), key("d")},
			observed{rested: yes},
			map[string]Key{"a": {ActivateAt: Always}, "b": {ActivateAt: at(-73)}, "d": {}},
		},
		"long destroyed": {
			[]Key{key("a", first, destroyed(-91*24*60)), key("b", activates(-9)), key("d")},
			observed{},
			map[string]Key{"b": {ActivateAt: at(-9)}, "d": {}},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			d := newDraft(append(append([]Key{}, mac...), test.keys...)...)
			if test.observed.rested == nil {
				test.observed.rested = no
			}
			if test.observed.unused == nil {
				test.observed.unused = no
			}
			before := dates(d)
			d.tick(test.observed)
			for id, want := range macDates {
				test.want[id] = want
			}
			got := dates(d)
			if diff := compare(test.want, got); diff != "" {
				t.Error(diff)
			}
			if changed := compare(before, got) != ""; changed != d.changed {
				t.Errorf("changed is %v, but the ring changed: %v", d.changed, changed)
			}
			for _, k := range d.ring.Keys {
				if !k.DestroyedAt.IsZero() && (k.Sealed != nil || k.KEK != "") {
					t.Errorf("the private half of %s is not wiped", k.ID)
				}
			}
		})
	}
}

func TestTickRotatesMACKeys(t *testing.T) {
	p := testPolicy()
	r := newDraft(key("a", first), key("b"), key("m", of(MAC), created(-1), func(k *Key) { k.ActivateAt = noon.Add(p.Lead() - p.RotateEvery) }), key("n", of(MAC)))
	r.tick(observed{rested: no, unused: no})
	if got := dates(r)["n"].ActivateAt; !got.IsZero() {
		t.Errorf("a MAC key created a minute ago is rotated at %s", got)
	}
	r.ring.Keys[2].CreatedAt = at(-50000)
	r.tick(observed{rested: no, unused: no})
	if got := dates(r)["n"].ActivateAt; !got.Equal(noon.Add(p.Lead())) {
		t.Errorf("the next MAC key signs from %s, want %s", got, noon.Add(p.Lead()))
	}
}

func TestTickMakesMACKeys(t *testing.T) {
	d := newDraft(key("a", first), key("b"))
	d.tick(observed{rested: no, unused: no})
	want := map[string]Key{"a": {ActivateAt: Always}, "b": {}, "new mac": {ActivateAt: Always}, "new mac 2": {}}
	if diff := compare(want, dates(d)); diff != "" {
		t.Error(diff)
	}
}

func TestCancel(t *testing.T) {
	month := 720 * 60
	for name, test := range map[string]struct {
		keys []Key
		err  string
	}{
		"pending":             {[]Key{key("a", first), key("b", activates(7))}, ""},
		"unknown":             {[]Key{key("a", first)}, "there is no key b"},
		"spare":               {[]Key{key("a", first), key("b")}, "without a date"},
		"active":              {[]Key{key("a", first), key("b", activates(-1))}, "is active already"},
		"compromised":         {[]Key{key("a", first), key("b", activates(7), compromised(-1))}, "is compromised already"},
		"would be taken back": {[]Key{key("a", created(-month-90), activates(-month)), key("b", activates(7))}, "keys.rotate_every"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDraft(test.keys...)
			err := d.cancel("b")
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) || d.changed {
					t.Errorf("error %v, want %q in it", err, test.err)
				}
				return
			}
			if err != nil || !dates(d)["b"].ActivateAt.IsZero() {
				t.Errorf("%v, %v", dates(d), err)
			}
		})
	}
}

func TestCompromise(t *testing.T) {
	tests := map[string]struct {
		keys []Key
		want map[string]Key // of k, and of what else changed
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
		"active since a minute": {
			[]Key{key("a", first), key("k", activates(-1)), key("b")},
			map[string]Key{"a": {ActivateAt: Always}, "k": {ActivateAt: at(-1), CompromisedAt: noon}, "b": {ActivateAt: at(-1).Add(time.Microsecond)}},
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
			d := newDraft(test.keys...)
			if err := d.compromise("k", "drill"); err != nil {
				t.Fatal(err)
			}
			if diff := compare(test.want, dates(d)); diff != "" {
				t.Error(diff)
			}
		})
	}
	for want, k := range map[string]Key{"was destroyed": key("k", destroyed(-1)), "no key k": key("other")} {
		if err := newDraft(k).compromise("k", ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q in it", err, want)
		}
	}
}

// Whatever was done to a ring, on clocks that are up to two minutes wrong: on no such clock does a compromised key sign, is
// there no key that signs, or comes a key back that a clock as slow as that had seen deactivated.
func TestCompromiseOnEveryClock(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	skew := testPolicy().ClockSkew
	for range 1000 {
		real, n := noon, 0
		r := Ring{Keys: []Key{key("0", first)}}
		left := make(map[string]bool) // seen deactivated by the slowest clock
		for range 12 {
			real = real.Add(time.Duration(random.Int64N(int64(8 * time.Minute))))
			wrong := time.Duration(random.Int64N(int64(2*skew))) - skew
			d := &draft{policy: testPolicy(), now: real.Add(wrong).Truncate(time.Microsecond), ring: r.clone()}
			active, ok := d.active(ES256)
			if !ok {
				t.Fatalf("no active key in %+v at %s", r.Keys, d.now)
			}
			var err error
			switch random.IntN(4) {
			case 0:
				err = d.compromise(active.ID, "")
			case 1:
				_, err = d.rotate(ES256, true)
			case 2:
				_, err = d.rotate(ES256, false)
			case 3:
				d.tend(ES256)
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range d.orders {
				n++
				k := key(string(rune('0'+n)), func(k *Key) { k.CreatedAt = d.now })
				k.ActivateAt = o.activateAt(k)
				d.ring.Keys = append(d.ring.Keys, k)
			}
			r = d.ring
			for offset := -skew; offset <= skew; offset += skew / 4 {
				signs, ok := r.succession(ES256).active(real.Add(offset))
				if !ok || !signs.CompromisedAt.IsZero() || left[signs.ID] {
					t.Fatalf("on a clock off by %s, %+v signs (%v, left before: %v) in %+v", offset, signs, ok, left[signs.ID], r.Keys)
				}
			}
			for _, k := range r.Keys {
				if r.succession(ES256).state(k, real.Add(-skew)) == Deactivated {
					left[k.ID] = true
				}
			}
		}
	}
}
