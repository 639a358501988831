package keys

import (
	"testing"
	"time"
)

func TestMaintain(t *testing.T) {
	month := 720 * 60
	mac := []Key{key("m", of(MAC), first), key("n", of(MAC))}
	macDates := map[string]Key{"m": {ActivateAt: Always}, "n": {}}
	tests := map[string]struct {
		keys        []Key // besides the MAC keys
		observation observation
		want        map[string]Key
	}{
		"no algorithm is in use: RS256": {
			nil,
			observation{},
			map[string]Key{"new RS256": {ActivateAt: Always}, "new RS256 2": {}},
		},
		"no algorithm is in use, but a key exists": {
			[]Key{key("a", first)},
			observation{unused: yes},
			map[string]Key{"a": {ActivateAt: Always}, "new ES256": {}},
		},
		"first keys of the algorithms in use": {
			nil,
			observation{inUse: []string{EdDSA, ES256, "none", EdDSA}},
			map[string]Key{
				"new ES256": {ActivateAt: Always}, "new ES256 2": {},
				"new EdDSA": {ActivateAt: Always}, "new EdDSA 2": {},
			},
		},
		"nothing is due": {
			[]Key{key("a", first), key("b")},
			observation{},
			map[string]Key{"a": {ActivateAt: Always}, "b": {}},
		},
		"a spare is missing": {
			[]Key{key("a", first, created(-month))},
			observation{},
			map[string]Key{"a": {ActivateAt: Always}, "new ES256": {}},
		},
		"a spare is compromised": {
			[]Key{key("a", first), key("b", compromised(-1))},
			observation{},
			map[string]Key{"a": {ActivateAt: Always}, "b": {CompromisedAt: at(-1)}, "new ES256": {}},
		},
		"rotation is due, the spare is old": {
			[]Key{key("a", created(-month-90), activates(60-month)), key("b")},
			observation{},
			map[string]Key{"a": {ActivateAt: at(60 - month)}, "b": {ActivateAt: at(60)}},
		},
		"rotation is due, the spare was created by a fast clock": {
			[]Key{key("a", created(-month-90), activates(60-month)), key("b", created(2))},
			observation{},
			map[string]Key{"a": {ActivateAt: at(60 - month)}, "b": {ActivateAt: at(62)}},
		},
		"rotation is overdue": {
			[]Key{key("a", created(-month-90), activates(-month-80)), key("b")},
			observation{},
			map[string]Key{"a": {ActivateAt: at(-month - 80)}, "b": {ActivateAt: at(60)}},
		},
		"rotation of a first key counts from its creation": {
			[]Key{key("a", first, created(60-month)), key("b")},
			observation{},
			map[string]Key{"a": {ActivateAt: Always}, "b": {ActivateAt: at(60)}},
		},
		"rotation is not due yet": {
			[]Key{key("a", created(-month-90), activates(61-month)), key("b")},
			observation{},
			map[string]Key{"a": {ActivateAt: at(61 - month)}, "b": {}},
		},
		"rotation is pending": {
			[]Key{key("a", created(-month-90), activates(-month)), key("b", activates(30)), key("c", created(-2000))},
			observation{},
			map[string]Key{"a": {ActivateAt: at(-month)}, "b": {ActivateAt: at(30)}, "c": {}},
		},
		"an algorithm is unused for the retention": {
			[]Key{key("a", first), key("b"), key("c", activates(10)), key("r", of(RS256), first), key("s", of(RS256))},
			observation{inUse: []string{RS256}, unused: yes},
			map[string]Key{"a": {ActivateAt: Always, RetiredAt: noon}, "r": {ActivateAt: Always}, "s": {}},
		},
		"an algorithm is not in use, but was recently": {
			[]Key{key("a", first), key("r", of(RS256), first), key("s", of(RS256))},
			observation{inUse: []string{RS256}, unused: no},
			map[string]Key{"a": {ActivateAt: Always}, "r": {ActivateAt: Always}, "s": {}},
		},
		"an algorithm is used again while its key is published": {
			[]Key{key("a", activates(-9), retired(-5)), key("b")},
			observation{inUse: []string{ES256}},
			map[string]Key{"a": {ActivateAt: at(-9)}, "b": {}},
		},
		"an algorithm is used again after its key was destroyed": {
			[]Key{key("a", activates(-900), retired(-500), destroyed(-400))},
			observation{inUse: []string{ES256}},
			map[string]Key{
				"a":         {ActivateAt: at(-900), RetiredAt: at(-500), DestroyedAt: at(-400)},
				"new ES256": {ActivateAt: at(-4)}, "new ES256 2": {},
			},
		},
		"an algorithm is used again after its last key was compromised": {
			[]Key{key("a", activates(-2), retired(-1), compromised(0)), key("b")},
			observation{inUse: []string{ES256}},
			map[string]Key{
				"a": {ActivateAt: at(-2), RetiredAt: at(-1), CompromisedAt: at(0)}, "b": {},
				"new ES256": {ActivateAt: at(-2).Add(time.Microsecond)},
			},
		},
		"the retention has ended": {
			[]Key{key("a", first), key("b", activates(-74)), key("c", compromised(-74)), key("d")},
			observation{inactive: yes},
			map[string]Key{
				"a": {ActivateAt: Always, DestroyedAt: noon}, "b": {ActivateAt: at(-74)},
				"c": {CompromisedAt: at(-74), DestroyedAt: noon}, "d": {},
			},
		},
		"retention is over by the dates alone": {
			[]Key{key("a", first), key("b", activates(-74)), key("d")},
			observation{inactive: no},
			map[string]Key{"a": {ActivateAt: Always}, "b": {ActivateAt: at(-74)}, "d": {}},
		},
		"the retention has not ended": {
			[]Key{key("a", first), key("b", activates(-73)), key("d")},
			observation{inactive: yes},
			map[string]Key{"a": {ActivateAt: Always}, "b": {ActivateAt: at(-73)}, "d": {}},
		},
		"the record retention has ended": {
			[]Key{key("a", first, destroyed(-91*24*60)), key("b", activates(-9)), key("d")},
			observation{},
			map[string]Key{"b": {ActivateAt: at(-9)}, "d": {}},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			u := newTestUpdate(append(append([]Key{}, mac...), test.keys...)...)
			if test.observation.inactive == nil {
				test.observation.inactive = no
			}
			if test.observation.unused == nil {
				test.observation.unused = no
			}

			before := dates(u)
			u.maintain(test.observation)
			for id, want := range macDates {
				test.want[id] = want
			}

			got := dates(u)
			if diff := compare(test.want, got); diff != "" {
				t.Error(diff)
			}
			if changed := compare(before, got) != ""; changed != u.changed {
				t.Errorf("changed = %v, but the ring changed: %v", u.changed, changed)
			}

			for _, k := range u.ring.Keys {
				if !k.DestroyedAt.IsZero() && (k.Sealed != nil || k.KEK != "") {
					t.Errorf("the private key of %s is not erased", k.ID)
				}
			}
		})
	}
}

func TestMaintain_RotatesMACKeys(t *testing.T) {
	p := testPolicy()
	dueAtNoon := func(k *Key) { k.ActivateAt = noon.Add(p.Lead() - p.RotateEvery) }
	u := newTestUpdate(key("a", first), key("b"), key("m", of(MAC), created(-1), dueAtNoon), key("n", of(MAC)))
	u.maintain(observation{inactive: no, unused: no})
	if got := dates(u)["n"].ActivateAt; !got.IsZero() {
		t.Errorf("a MAC key that is one minute old is rotated at %s", got)
	}

	u.ring.Keys[2].CreatedAt = at(-50000)
	u.maintain(observation{inactive: no, unused: no})
	if got := dates(u)["n"].ActivateAt; !got.Equal(noon.Add(p.Lead())) {
		t.Errorf("the next MAC key activates at %s, want %s", got, noon.Add(p.Lead()))
	}
}

func TestMaintain_CreatesMACKeys(t *testing.T) {
	u := newTestUpdate(key("a", first), key("b"))
	u.maintain(observation{inactive: no, unused: no})
	want := map[string]Key{"a": {ActivateAt: Always}, "b": {}, "new mac": {ActivateAt: Always}, "new mac 2": {}}
	if diff := compare(want, dates(u)); diff != "" {
		t.Error(diff)
	}
}

// Keys that can sign get a longer lifetime of the policy, and keep their own if
// it is longer. All keys of earlier versions get that of the policy.
func TestMaintain_RecordsLifetimes(t *testing.T) {
	earlier := func(k Key) Key {
		k.Lifetime = 0
		return k
	}
	hour, long := time.Hour, 24*time.Hour
	u := newTestUpdate(
		key("deactivated", first, lasting(time.Minute)), key("active", activates(-9), lasting(time.Minute)),
		key("spare", lasting(time.Minute)), key("longer", of(RS256), first, lasting(long)),
		earlier(key("earlier", of(EdDSA), first)), earlier(key("earlier active", of(EdDSA), activates(-9))),
		earlier(key("destroyed", of(EdDSA), destroyed(-9))), key("m", of(MAC), first, lasting(hour)),
	)
	u.recordLifetimes()
	want := map[string]time.Duration{
		"deactivated": time.Minute, "active": hour, "spare": hour, "longer": long,
		"earlier": hour, "earlier active": hour, "destroyed": 0, "m": u.policy.MaxRefreshLifetime,
	}
	got := make(map[string]time.Duration)
	for _, k := range u.ring.Keys {
		got[k.ID] = k.Lifetime
	}
	if diff := compare(want, got); diff != "" || !u.changed {
		t.Errorf("changed = %v; %s", u.changed, diff)
	}
	u.changed = false
	if u.recordLifetimes(); u.changed {
		t.Error("lifetimes that are recorded are recorded again")
	}
}
