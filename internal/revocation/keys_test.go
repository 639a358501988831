package revocation

import "testing"

func TestSameKeys(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{`"keys.order"`, `"keys.order"`, true},
		{`"keys.order"`, `"keys.another"`, true},
		{`"keys.order"`, `W/"keys.another"`, true},
		{`"keys.order"`, `"keys.order-gzip"`, true},
		{`"keys.order"`, `"other.order"`, false},
		{`"keys.order"`, `"keys"`, false},
		{`"keys.order"`, "", false},
		{`"proxy"`, `W/"proxy"`, true},
		{`"proxy"`, `"another"`, false},
	} {
		if got := SameKeys(test.a, test.b); got != test.want {
			t.Errorf("%s and %s: %t", test.a, test.b, got)
		}
	}
}
