package main

import (
	"os"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestApplyPage runs the commands of docs/apply.md in one shell. Their output
// has the blocks that the page shows.
func TestApplyPage(t *testing.T) {
	text, err := os.ReadFile("../../docs/apply.md")
	if err != nil {
		t.Fatal(err)
	}
	p := scripts("testdata/apply")
	p.Cmds["page"] = func(ts *testscript.TestScript, _ bool, _ []string) {
		ts.Check(ts.Exec("bash", "-eo", "pipefail", "-c", strings.Join(shellBlocks(string(text)), "")))
	}
	p.Cmds["shown"] = func(ts *testscript.TestScript, _ bool, _ []string) {
		blocks := strings.Split(string(text), "\n```\n\n```\n")[1:]
		if len(blocks) != 2 {
			ts.Fatalf("the page shows %d outputs, want 2", len(blocks))
		}
		for _, block := range blocks {
			shown, _, _ := strings.Cut(block, "```")
			if !strings.Contains(ts.ReadFile("stdout"), shown) {
				ts.Fatalf("the commands do not print:\n%s", shown)
			}
		}
	}
	testscript.Run(t, p)
}
