package keys

import (
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// at returns a time that many minutes after noon.
func at(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }

func key(id string, edits ...func(*Key)) Key {
	k := Key{ID: id, Algorithm: ES256, CreatedAt: at(-1000)}
	for _, edit := range edits {
		edit(&k)
	}
	return k
}

func first(k *Key)                       { k.ActivateAt = Always }
func created(minutes int) func(*Key)     { return func(k *Key) { k.CreatedAt = at(minutes) } }
func activates(minutes int) func(*Key)   { return func(k *Key) { k.ActivateAt = at(minutes) } }
func retired(minutes int) func(*Key)     { return func(k *Key) { k.RetiredAt = at(minutes) } }
func compromised(minutes int) func(*Key) { return func(k *Key) { k.CompromisedAt = at(minutes) } }
func destroyed(minutes int) func(*Key) {
	return func(k *Key) { k.DestroyedAt, k.Sealed = at(minutes), nil }
}
func of(algorithm string) func(*Key) { return func(k *Key) { k.Algorithm = algorithm } }

func TestStates(t *testing.T) {
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
		"handed over at the very moment": {
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
		"compromised, its heir behind it": {
			[]Key{key("a", first), key("b", activates(-9), compromised(-1)), key("c", activates(-5))},
			states{"a": Deactivated, "b": Compromised, "c": Active},
		},
		"compromised, the heir's date is to come": {
			[]Key{key("a", first), key("b", activates(-9), compromised(-1)), key("c", activates(5))},
			states{"a": Deactivated, "b": Compromised, "c": Active},
		},
		"compromised without an heir: not back to an older key": {
			[]Key{key("a", first), key("b", activates(-9), compromised(-1))},
			states{"a": Deactivated, "b": Compromised},
		},
		"compromised while pending: the active key stays": {
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
				if got := r.succession(k.Algorithm).state(k, noon); got != test.want[k.ID] {
					t.Errorf("%s is %s, want %s", k.ID, got, test.want[k.ID])
				}
			}
		})
	}
}

func TestStopped(t *testing.T) {
	r := Ring{Keys: []Key{
		key("a", first), key("b", activates(-90)), key("c", activates(-60), compromised(-30)), key("d", activates(-34)),
		key("e", activates(5), compromised(0)), key("f", activates(9)), key("g"),
		key("h", of(RS256), first, retired(-3)),
	}}
	for id, want := range map[string]time.Time{
		"a": at(-90), "b": at(-60), "c": at(-30), "d": at(9), "e": at(0), "f": {}, "g": {}, "h": at(-3),
	} {
		if got := r.succession(r.Keys[r.key(id)].Algorithm).stopped(r.Keys[r.key(id)]); !got.Equal(want) {
			t.Errorf("%s stopped at %v, want %v", id, got, want)
		}
	}
}

func TestRows(t *testing.T) {
	p := testPolicy()
	r := Ring{Keys: []Key{
		key("mac", of(MAC), first),
		key("pending", created(-5), activates(55)),
		key("spare", created(-4), of(EdDSA)),
		key("hit", of(EdDSA), created(-300), activates(-200), compromised(-10), destroyed(-1)),
		key("heir", of(EdDSA), created(-250), activates(-14)),
		key("first", first),
	}}
	end := func(minutes int) time.Time { return at(minutes).Add(p.Retention()) }
	want := []Row{
		{"first", ES256, Active, "", []Span{{Active, at(-1000), at(55)}, {Deactivated, at(55), end(55)}}},
		{"pending", ES256, PreActive, "", []Span{{PreActive, at(-5), at(55)}, {Active, at(55), time.Time{}}}},
		{"hit", EdDSA, Destroyed, "", []Span{
			{PreActive, at(-300), at(-200)},
			{Active, at(-200), at(-10)},
			{Compromised, at(-10), at(-1)},
			{Destroyed, at(-1), at(-1).Add(forgetAfter)},
		}},
		{"heir", EdDSA, Active, "", []Span{{PreActive, at(-250), at(-14)}, {Active, at(-14), time.Time{}}}},
		{"spare", EdDSA, PreActive, "", []Span{{PreActive, at(-4), time.Time{}}}},
		{"mac", MAC, Active, "", []Span{{Active, at(-1000), time.Time{}}}},
	}
	got := r.rows(p, noon)
	if diff := compare(want, got); diff != "" {
		t.Error(diff)
	}
}
