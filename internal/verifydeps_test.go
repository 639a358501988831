package internal_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// A service that imports the package verify needs no other module: the package
// and what it imports are the standard library and two packages of this module.
func TestVerify_ImportsOnlyTheStandardLibrary(t *testing.T) {
	c := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", "./verify")
	c.Dir = ".."
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	const module = "github.com/signetd/signet/"
	want := []string{module + "internal/jws", module + "internal/revocation", module + "verify"}
	if got := strings.Fields(string(out)); !slices.Equal(slices.Sorted(slices.Values(got)), want) {
		t.Errorf("the package verify consists of %q, want %q", got, want)
	}
}
