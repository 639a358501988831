package programs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Block returns the one fenced block of a page of docs that has this info
// string, with the replacements: pairs of an old text and a new one. Each old
// text must occur in the block.
func Block(t *testing.T, page, info string, replacements ...string) string {
	t.Helper()
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root(wd), "docs", filepath.FromSlash(page)))
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(text), "\n```"+info+"\n")
	if len(blocks) != 2 {
		t.Fatalf("%s has %d blocks with the info string %q; want 1", page, len(blocks)-1, info)
	}
	block, _, closed := strings.Cut(blocks[1], "\n```\n")
	if !closed {
		t.Fatalf("%s: the block %q has no end", page, info)
	}
	for i := 0; i < len(replacements); i += 2 {
		if !strings.Contains(block, replacements[i]) {
			t.Fatalf("%s: the block %q does not contain %q", page, info, replacements[i])
		}
	}
	return strings.NewReplacer(replacements...).Replace(block) + "\n"
}
