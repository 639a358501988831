package cli

import "testing"

func TestParseClaims(t *testing.T) {
	texts := []string{"roles=a,b", "one=x,", "tenant=acme", "twice=a", "twice=b", "none=", "eq=a=b"}
	values := []string{`list=["x"]`, `comma="a, b"`, "level=3", "big=9007199254740993", "staff=false", "sum=1.50"}
	claims, err := claimFlags{&texts, &values}.parse()
	if err != nil {
		t.Fatal(err)
	}
	want := `big=9007199254740993 comma="a, b" eq="a=b" level=3 list=["x"] none=null one=["x"] roles=["a","b"] ` +
		`staff=false sum=1.50 tenant="acme" twice=["a","b"]`
	if got := formatClaims(claims); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}

	for _, invalid := range []string{"", "x", "=x"} {
		if _, err := parseClaims([]string{invalid}); err == nil {
			t.Errorf("parseClaims(%q) returned no error", invalid)
		}
	}
	for _, invalid := range []string{
		"", "x", "=1", "x=", "x=acme", "x=null", "x=1 2", "x=[1", "x=01", "x=NaN", "tenant=1",
	} {
		if _, err := (claimFlags{&texts, &[]string{invalid}}).parse(); err == nil {
			t.Errorf("--claim-json %q returned no error", invalid)
		}
	}
	if _, err := (claimFlags{&[]string{}, &[]string{"a=1", "a=2"}}).parse(); err == nil {
		t.Error("a repeated --claim-json returned no error")
	}
}
