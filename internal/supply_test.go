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

// modulesFile lists the modules that the program may contain, with all indirect
// dependencies. Review the code of a module before you add it.
const modulesFile = "testdata/modules.txt"

// build builds the program as the Dockerfile does, in the directory dir.
func build(t *testing.T, dir, to string) {
	t.Helper()
	c := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", to, "./cmd/signet")
	c.Dir, c.Env = dir, append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "PWD="+dir)
	if testing.Short() {
		// The build cache has the packages of the tests, which have these
		// flags.
		c = exec.Command("go", "build", "-buildvcs=false", "-ldflags=-w", "-o", to, "./cmd/signet")
		c.Dir = dir
	}
	if output, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
}

// Rule 75: The program contains only the modules in modulesFile, and its bill
// of materials lists all of them. Builds in directories with different names
// have the same bytes, and need no cgo. .ci/run also builds without a cache,
// and compares the modules with go.sum.
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
			t.Skip("with a cold cache, a build without cgo and paths takes minutes")
		}
		buildAgain(t, root, program)
		if !slices.Contains(settings, "CGO_ENABLED=0") {
			t.Errorf("the program was not built without cgo: %q", settings)
		}
	})

	allowed := allowedModules(t)
	for _, m := range modules {
		if name, _, _ := strings.Cut(m, "@"); !slices.Contains(allowed, name) {
			t.Errorf("%s is in the program, but not in internal/%s", name, modulesFile)
		}
	}
	for _, name := range allowed {
		if !slices.ContainsFunc(modules, func(m string) bool { return strings.HasPrefix(m, name+"@") }) {
			t.Errorf("%s is in internal/%s, but not in the program", name, modulesFile)
		}
	}

	components := billOfMaterials(t, program)
	for _, m := range modules {
		if !slices.Contains(components, "pkg:golang/"+m) {
			t.Errorf("the bill of materials lacks %s", m)
		}
	}
}

// buildAgain builds the program in another directory and compares the bytes
// with those of program. The bytes do not contain the path of the directory.
func buildAgain(t *testing.T, root, program string) {
	t.Helper()
	other, again := filepath.Join(t.TempDir(), "other"), filepath.Join(t.TempDir(), "signet")
	if err := os.Symlink(root, other); err != nil {
		t.Fatal(err)
	}
	build(t, other, again)

	first, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	second, err := os.ReadFile(again)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, second) || bytes.Contains(first, []byte(root)) {
		t.Error("two builds differ, or contain the path of the directory")
	}
}

// buildInfo returns the modules of a program, as path@version, and the settings
// of its build.
func buildInfo(t *testing.T, program string) (modules, settings []string) {
	t.Helper()
	output, err := exec.Command("go", "version", "-m", program).Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(output)) {
		switch words := strings.Fields(line); {
		case len(words) >= 3 && words[0] == "dep":
			modules = append(modules, words[1]+"@"+words[2])
		case len(words) >= 2 && words[0] == "build":
			settings = append(settings, words[1])
		}
	}
	return modules, settings
}

// allowedModules returns the modules of modulesFile.
func allowedModules(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(modulesFile)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(text))
}

// billOfMaterials returns the package URLs that the program prints in its bill
// of materials.
func billOfMaterials(t *testing.T, program string) (purls []string) {
	t.Helper()
	output, err := exec.Command(program, "version", "--sbom").Output()
	if err != nil {
		t.Fatal(err)
	}
	var b struct {
		BOMFormat  string
		Components []struct{ PURL string }
	}
	if err := json.Unmarshal(output, &b); err != nil || b.BOMFormat != "CycloneDX" {
		t.Fatalf("%v: %s", err, output)
	}
	for _, c := range b.Components {
		purls = append(purls, c.PURL)
	}
	return purls
}
