package internal_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// linked are the modules of other people that are in the program. A new one, also one that another brought along, is a
// decision: it is read, and written down here.
const linked = "testdata/modules.txt"

// build builds the program as the Dockerfile does, in the tree as dir reaches it.
func build(t *testing.T, dir, to string) {
	t.Helper()
	c := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", to, "./cmd/signet")
	c.Dir, c.Env = dir, append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "PWD="+dir)
	if testing.Short() { // as the tests are built, so that its packages are in the cache
		c = exec.Command("go", "build", "-buildvcs=false", "-ldflags=-w", "-o", to, "./cmd/signet")
		c.Dir = dir
	}
	if said, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
}

// TestRule75_Program builds the program twice, in folders of different names, and wants the same bytes; no C in it; no module
// but those that are written down; and a bill of materials that names all of them. That every module is the one that go.sum
// knows, and that a build without any cache gives the same bytes too, is asked by .ci/run.
func TestRule75_Program(t *testing.T) {
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "signet")
	build(t, root, program)
	modules, settings := buildInfo(t, program)
	t.Run("Twice", func(t *testing.T) {
		if testing.Short() {
			t.Skip("built once, as the tests are: with a cold cache a build without cgo and paths takes minutes")
		}
		builtTwice(t, root, program)
		if !slices.Contains(settings, "CGO_ENABLED=0") {
			t.Errorf("it was not built without cgo: %q", settings)
		}
	})
	allowed := allowedModules(t)
	for _, m := range modules {
		if name, _, _ := strings.Cut(m, "@"); !slices.Contains(allowed, name) {
			t.Errorf("%s is in the program, and not in internal/%s", name, linked)
		}
	}
	for _, name := range allowed {
		if !slices.ContainsFunc(modules, func(m string) bool { return strings.HasPrefix(m, name+"@") }) {
			t.Errorf("%s is in internal/%s, and not in the program", name, linked)
		}
	}
	for _, m := range modules {
		if !slices.Contains(billOfMaterials(t, program), "pkg:golang/"+m) {
			t.Errorf("the bill of materials lacks %s", m)
		}
	}
}

// builtTwice builds the program again, elsewhere.
func builtTwice(t *testing.T, root, program string) {
	t.Helper()
	elsewhere, again := filepath.Join(t.TempDir(), "elsewhere"), filepath.Join(t.TempDir(), "signet")
	if err := os.Symlink(root, elsewhere); err != nil {
		t.Fatal(err)
	}
	build(t, elsewhere, again)
	one, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	other, err := os.ReadFile(again)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(one, other) || bytes.Contains(one, []byte(root)) {
		t.Error("two builds differ, or tell where they were made")
	}
}

// buildInfo returns the modules, as path@version, and the settings that a program was built of and with.
func buildInfo(t *testing.T, program string) (modules, settings []string) {
	t.Helper()
	said, err := exec.Command("go", "version", "-m", program).Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(said)) {
		switch words := strings.Fields(line); {
		case len(words) >= 3 && words[0] == "dep":
			modules = append(modules, words[1]+"@"+words[2])
		case len(words) >= 2 && words[0] == "build":
			settings = append(settings, words[1])
		}
	}
	return modules, settings
}

func allowedModules(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(linked)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(text))
}

// billOfMaterials returns the package URLs that the program tells of itself.
func billOfMaterials(t *testing.T, program string) (purls []string) {
	t.Helper()
	said, err := exec.Command(program, "version", "--sbom").Output()
	if err != nil {
		t.Fatal(err)
	}
	var b struct {
		BOMFormat  string
		Components []struct{ PURL string }
	}
	if err := json.Unmarshal(said, &b); err != nil || b.BOMFormat != "CycloneDX" {
		t.Fatalf("%v: %s", err, said)
	}
	for _, c := range b.Components {
		purls = append(purls, c.PURL)
	}
	return purls
}
