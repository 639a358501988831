package cli

import (
	"strings"
	"testing"
	"unicode"
)

// Rule 68: a name with control characters stays within one cell of one line.
func TestPrint_EscapesControlCharacters(t *testing.T) {
	const name = "a\nb\tc\x1b[2J\u202ed\u009be\x00"
	var out strings.Builder
	table{{"NAME", "STATE"}, {name, ""}, {"x", "y"}}.print(&out)
	fieldTable{{"name", name}, {"empty", ""}}.print(&out)

	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(lines) != 4 {
		t.Errorf("got %d lines, want 4: %q", len(lines), lines)
	}
	if i := strings.IndexFunc(strings.Join(lines, ""), func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 {
		t.Errorf("a character is not printable: %q", lines)
	}
	if !strings.HasSuffix(lines[1], "-") {
		t.Errorf("the empty cell has no dash: %q", lines[1])
	}
}
