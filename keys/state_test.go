package keys

import (
	"testing"
	"time"
)

func TestSchedule_State(t *testing.T) {
	type states map[string]State
	tests := map[string]struct {
		keys []Key
		want states
	}{
		"empty": {nil, states{}},
		"first and spare": {
			[]Key{key("a", first), key("b")},
			states{"a": Active, "b": PreActive},
		},
		"pending": {
			[]Key{key("a", first), key("b", activates(1))},
			states{"a": Active, "b": PreActive},
		},
		"the successor activates at this moment": {
			[]Key{key("a", first), key("b", activates(0)), key("c")},
			states{"a": Deactivated, "b": Active, "c": PreActive},
		},
		"no date has come": {
			[]Key{key("a", activates(5)), key("b", activates(9))},
			states{"a": Active, "b": PreActive},
		},
		"algorithms do not mix": {
			[]Key{key("a", first), key("b", activates(-5), of(EdDSA)), key("c", first, of(MAC))},
			states{"a": Active, "b": Active, "c": Active},
		},
		"equal dates": {
			[]Key{key("b", activates(-5)), key("a", activates(-5))},
			states{"a": Deactivated, "b": Active},
		},
		"compromised, its successor is active": {
			[]Key{key("a", first), key("b", activates(-9), compromised(-1)), key("c", activates(-5))},
			states{"a": Deactivated, "b": Compromised, "c": Active},
		},
		"compromised, the date of its successor has not come": {
			[]Key{key("a", first), key("b", activates(-9), compromised(-1)), key("c", activates(5))},
			states{"a": Deactivated, "b": Compromised, "c": Active},
		},
		"compromised without a successor: no older key signs": {
			[]Key{key("a", first), key("b", activates(-9), compromised(-1))},
			states{"a": Deactivated, "b": Compromised},
		},
		"compromised before its date: the active key stays": {
			[]Key{key("a", first), key("b", activates(-1), compromised(-3))},
			states{"a": Active, "b": Compromised},
		},
		"retired": {
			[]Key{key("a", first), key("b", activates(-9), retired(-1))},
			states{"a": Deactivated, "b": Deactivated},
		},
		"destroyed": {
			[]Key{key("a", first, destroyed(-2)), key("b", activates(-900)), key("c", compromised(-5), destroyed(-1))},
			states{"a": Destroyed, "b": Active, "c": Destroyed},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := Ring{Keys: test.keys}
			for _, k := range test.keys {
				if got := r.schedule(k.Algorithm).state(k, noon); got != test.want[k.ID] {
					t.Errorf("%s is %s, want %s", k.ID, got, test.want[k.ID])
				}
			}
		})
	}
}

func TestSchedule_StopsAt(t *testing.T) {
	r := Ring{Keys: []Key{
		key("a", first), key("b", activates(-90)), key("c", activates(-60), compromised(-30)), key("d", activates(-34)),
		key("e", activates(5), compromised(0)), key("f", activates(9)), key("g"),
		key("h", of(RS256), first, retired(-3)),
	}}
	for id, want := range map[string]time.Time{
		"a": at(-90), "b": at(-60), "c": at(-30), "d": at(9), "e": at(0), "f": {}, "g": {}, "h": at(-3),
	} {
		if got := r.schedule(r.Keys[r.index(id)].Algorithm).stopsAt(r.Keys[r.index(id)]); !got.Equal(want) {
			t.Errorf("%s stops at %v, want %v", id, got, want)
		}
	}
}

// A signing key is kept for its own lifetime. A MAC key is kept at least as
// long as the earlier MAC keys, whose grants are rotated to it.
func TestSchedule_KeptUntil(t *testing.T) {
	p := testPolicy()
	long, short := lasting(30*24*time.Hour), lasting(24*time.Hour)
	for algorithm, want := range map[string]map[string]time.Time{
		ES256: {
			"a": at(-90).Add(30*24*time.Hour + 13*time.Minute + 5*time.Second),
			"b": at(-60).Add(24*time.Hour + 13*time.Minute + 5*time.Second),
		},
		MAC: {
			"a": at(-90).Add(30*24*time.Hour + 8*time.Minute + 5*time.Second),
			"b": at(-90).Add(30*24*time.Hour + 8*time.Minute + 5*time.Second),
		},
	} {
		s := newSchedule([]Key{
			key("destroyed", of(algorithm), first, lasting(900*24*time.Hour), destroyed(-1)),
			key("a", of(algorithm), activates(-900), long), key("b", of(algorithm), activates(-90), short),
			key("c", of(algorithm), activates(-60), short),
		}, algorithm)
		for _, k := range s[1:3] {
			if got := s.keptUntil(p, k, s.stopsAt(k)); !got.Equal(want[k.ID]) {
				t.Errorf("%s key %s is kept until %v, want %v", algorithm, k.ID, got, want[k.ID])
			}
		}
	}
}

func TestRing_Rows(t *testing.T) {
	p := testPolicy()
	r := Ring{Keys: []Key{
		key("mac", of(MAC), first),
		key("pending", created(-5), activates(55)),
		key("spare", created(-4), of(EdDSA)),
		key("compromised", of(EdDSA), created(-300), activates(-200), compromised(-10), destroyed(-1)),
		key("successor", of(EdDSA), created(-250), activates(-14)),
		key("first", first),
	}}
	end := func(minutes int) time.Time { return at(minutes).Add(p.Retention()) }
	want := []Row{
		{"first", ES256, Active, "", []Span{{Active, at(-1000), at(55)}, {Deactivated, at(55), end(55)}}},
		{"pending", ES256, PreActive, "", []Span{{PreActive, at(-5), at(55)}, {Active, at(55), time.Time{}}}},
		{"compromised", EdDSA, Destroyed, "", []Span{
			{PreActive, at(-300), at(-200)},
			{Active, at(-200), at(-10)},
			{Compromised, at(-10), at(-1)},
			{Destroyed, at(-1), at(-1).Add(recordRetention)},
		}},
		{"successor", EdDSA, Active, "", []Span{{PreActive, at(-250), at(-14)}, {Active, at(-14), time.Time{}}}},
		{"spare", EdDSA, PreActive, "", []Span{{PreActive, at(-4), time.Time{}}}},
		{"mac", MAC, Active, "", []Span{{Active, at(-1000), time.Time{}}}},
	}
	got := r.rows(p, noon)
	if diff := compare(want, got); diff != "" {
		t.Error(diff)
	}
}
