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
		next    time.Time // when the next key signs
		reason  string
		warning string
	}{
		"an old spare":         {[]Key{key("a", first), key("b", created(-70))}, false, lead, "every server learns", ""},
		"a young spare":        {[]Key{key("a", first), key("b", created(-10))}, false, at(50), "keys.publish_ahead (1h0m0s)", ""},
		"no spare":             {[]Key{key("a", first)}, false, at(60), "keys.publish_ahead", ""},
		"pending":              {[]Key{key("a", first), key("b", activates(7))}, false, at(7), "before", ""},
		"now, an old spare":    {[]Key{key("a", first), key("b", created(-70))}, true, at(-4), "at once", ""},
		"now, a young spare":   {[]Key{key("a", first), key("b", created(-30))}, true, at(-4), "at once", "for 30m0s, less than keys.publish_ahead"},
		"now, a newborn spare": {[]Key{key("a", first), key("b", created(-3))}, true, at(-4), "at once", "for 3m0s, less than 9m2s: until 2026-11-23T12:06:02Z"},
		"now, no spare":        {[]Key{key("a", first)}, true, at(-4), "at once", "the new ES256 key has been in the JWK Set for 0s"},
		"now, pending":         {[]Key{key("a", first), key("b", created(-70), activates(7))}, true, at(-4), "at once", ""},
		"now, twice":           {[]Key{key("a", first), key("b", activates(-1)), key("c", created(-70))}, true, at(-1).Add(time.Microsecond), "at once", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			d := newDraft(test.keys...)
			old, _ := d.active(ES256)
			plan, err := d.rotate(ES256, test.now)
			if err != nil {
				t.Fatal(err)
			}
			active := plan.Steps[1]
			if active.State != Active || !active.At.Equal(test.next) || !strings.Contains(active.Reason, test.reason) {
				t.Errorf("the plan says %+v, want %s because %q", active, test.next, test.reason)
			}
			if last := plan.Steps[3]; last.Key != old.ID || last.State != Destroyed || !last.At.Equal(test.next.Add(p.Retention())) {
				t.Errorf("the end of the old key: %+v", last)
			}
			if warning := strings.Join(plan.Warnings, "\n"); (warning == "") != (test.warning == "") || !strings.Contains(warning, test.warning) {
				t.Errorf("warning %q, want %q", warning, test.warning)
			}
			var found bool
			for id, k := range dates(d) {
				found = found || id != old.ID && k.ActivateAt.Equal(test.next)
			}
			if !found {
				t.Errorf("no key has the date %s: %v", test.next, dates(d))
			}
		})
	}
	if _, err := newDraft(key("a", first)).rotate(RS256, false); err == nil {
		t.Error("rotated an algorithm without a key")
	}
	if plan, err := newDraft(key("a", of(MAC), first), key("b", of(MAC))).rotate(MAC, false); err != nil || !plan.Steps[1].At.Equal(lead) {
		t.Errorf("a MAC key: %+v, %v", plan, err)
	}
}
