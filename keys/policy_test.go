package keys

import (
	"testing"
	"time"
)

func TestPolicy_DerivedDurations(t *testing.T) {
	p := testPolicy()
	for name, test := range map[string]struct{ got, want time.Duration }{
		"Window":        {p.Window(), 9*time.Minute + 2*time.Second},
		"MaxRingAge":    {p.MaxRingAge(), 5 * time.Second},
		"Lead":          {p.Lead(), 5 * time.Second},
		"Retention":     {p.Retention(), time.Hour + 13*time.Minute + 5*time.Second},
		"MAC retention": {p.retention(Key{Algorithm: MAC}), 90*24*time.Hour + 8*time.Minute + 5*time.Second},
	} {
		if test.got != test.want {
			t.Errorf("%s = %s, want %s", name, test.got, test.want)
		}
	}
}
