package main

import (
	"os"
	"strings"
	"testing"

	"github.com/signetd/signet/internal/audit"
)

func TestEveryEventIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/administration.md")
	if err != nil {
		t.Fatal(err)
	}
	names := audit.EventNames()
	if len(names) < 25 {
		t.Fatalf("there are only the events %q", names)
	}
	for _, name := range names {
		if !strings.Contains(string(text), "`"+name+"`") {
			t.Errorf("docs/administration.md does not list %s", name)
		}
	}
}
