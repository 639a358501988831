package main

import (
	"os"
	"regexp"
	"testing"
)

// TestEveryEventIsDocumented holds the table of events that operators read against the names in the code.
func TestEveryEventIsDocumented(t *testing.T) {
	documented := map[string]bool{}
	for _, name := range namesIn(t, "../../docs/administration.md", "`([a-z]+\\.[a-z_]+)`") {
		documented[name] = true
	}
	names := namesIn(t, "../../internal/audit/names.go", `\t\w+ += "([a-z]+\.[a-z_]+)"`)
	if len(names) < 25 {
		t.Fatalf("only %d events were found: %q", len(names), names)
	}
	for _, name := range names {
		if !documented[name] {
			t.Errorf("docs/administration.md does not tell what %s is", name)
		}
	}
}

// namesIn returns what the group of a pattern matches in a file.
func namesIn(t *testing.T, path, pattern string) (names []string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range regexp.MustCompile(pattern).FindAllStringSubmatch(string(text), -1) {
		names = append(names, found[1])
	}
	return names
}
