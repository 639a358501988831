package keys

import (
	"strings"
	"testing"
	"time"
)

func TestRotate(t *testing.T) {
	p := testPolicy()
	lead := noon.Add(p.Lead())
	tests := map[string]struct {
		keys    []Key
		now     bool
		next    time.Time // the activation date of the next key
		reason  string
		warning string
	}{
		"an old spare": {
			[]Key{key("a", first), key("b", created(-70))},
			false,
			lead, "every server learns", "",
		},
		"a young spare": {
			[]Key{key("a", first), key("b", created(-10))},
			false,
			at(50), "keys.publish_ahead (1h0m0s)", "",
		},
		"no spare": {
			[]Key{key("a", first)},
			false,
			at(60), "keys.publish_ahead", "",
		},
		"pending": {
			[]Key{key("a", first), key("b", activates(7))},
			false,
			at(7), "before", "",
		},
		"now, an old spare": {
			[]Key{key("a", first), key("b", created(-70))},
			true,
			at(-4), "at once", "",
		},
		"now, a young spare": {
			[]Key{key("a", first), key("b", created(-30))},
			true,
			at(-4), "at once", "for 30m0s, less than keys.publish_ahead",
		},
		"now, a new spare": {
			[]Key{key("a", first), key("b", created(-3))},
			true,
			at(-4), "at once", "for 3m0s, less than 9m2s: until 2026-11-23T12:06:02Z",
		},
		"now, no spare": {
			[]Key{key("a", first)},
			true,
			at(-4), "at once", "the new ES256 key has been in the JWK Set for 0s",
		},
		"now, pending": {
			[]Key{key("a", first), key("b", created(-70), activates(7))},
			true,
			at(-4), "at once", "",
		},
		"now, twice": {
			[]Key{key("a", first), key("b", activates(-1)), key("c", created(-70))},
			true,
			at(-1).Add(time.Microsecond), "at once", "",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			u := newTestUpdate(test.keys...)
			old, _ := u.active(ES256)
			plan, err := u.rotate(ES256, test.now)
			if err != nil {
				t.Fatal(err)
			}

			active := plan.Steps[1]
			if active.State != Active || !active.At.Equal(test.next) || !strings.Contains(active.Reason, test.reason) {
				t.Errorf("the plan has %+v, want %s with the reason %q", active, test.next, test.reason)
			}
			last := plan.Steps[3]
			if last.Key != old.ID || last.State != Destroyed || !last.At.Equal(test.next.Add(p.Retention())) {
				t.Errorf("the last step of the old key: %+v", last)
			}
			warning := strings.Join(plan.Warnings, "\n")
			if (warning == "") != (test.warning == "") || !strings.Contains(warning, test.warning) {
				t.Errorf("warning %q, want %q", warning, test.warning)
			}

			var found bool
			for id, k := range dates(u) {
				found = found || id != old.ID && k.ActivateAt.Equal(test.next)
			}
			if !found {
				t.Errorf("no key has the date %s: %v", test.next, dates(u))
			}
		})
	}

	if _, err := newTestUpdate(key("a", first)).rotate(RS256, false); err == nil {
		t.Error("an algorithm without a key was rotated")
	}
	plan, err := newTestUpdate(key("a", of(MAC), first), key("b", of(MAC))).rotate(MAC, false)
	if err != nil || !plan.Steps[1].At.Equal(lead) {
		t.Errorf("a MAC key: %+v, %v", plan, err)
	}
}

func TestCancel(t *testing.T) {
	month := 720 * 60
	for name, test := range map[string]struct {
		keys []Key
		err  string
	}{
		"pending": {[]Key{key("a", first), key("b", activates(7))}, ""},
		"unknown": {[]Key{key("a", first)}, "there is no key b"},
		"spare":   {[]Key{key("a", first), key("b")}, "without a date"},
		"active":  {[]Key{key("a", first), key("b", activates(-1))}, "is active already"},
		"compromised": {
			[]Key{key("a", first), key("b", activates(7), compromised(-1))},
			"is compromised already",
		},
		"due for automatic rotation": {
			[]Key{key("a", created(-month-90), activates(-month)), key("b", activates(7))},
			"keys.rotate_every",
		},
	} {
		t.Run(name, func(t *testing.T) {
			u := newTestUpdate(test.keys...)
			err := u.cancel("b")
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) || u.changed {
					t.Errorf("error %v, want %q in it", err, test.err)
				}
				return
			}
			if err != nil || !dates(u)["b"].ActivateAt.IsZero() {
				t.Errorf("%v, %v", dates(u), err)
			}
		})
	}
}
