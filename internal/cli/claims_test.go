package cli

import "testing"

func TestParseClaims(t *testing.T) {
	claims, err := parseClaims([]string{
		"roles=a,b", "one=x,", "tenant=acme", "twice=a", "twice=b", "none=", "eq=a=b",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := "eq=a=b none=<nil> one=[x] roles=[a b] tenant=acme twice=[a b]"
	if got := formatClaims(claims); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}

	for _, invalid := range []string{"", "x", "=x"} {
		if _, err := parseClaims([]string{invalid}); err == nil {
			t.Errorf("parseClaims(%q) returned no error", invalid)
		}
	}
}
