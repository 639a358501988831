package password

import (
	"strings"
	"testing"
)

// Rule 57: the list has at least 2,500 common passwords, and each of them is
// one segment.
func TestRule57_ListOfCommonPasswords(t *testing.T) {
	if len(common().words) < 2500 {
		t.Fatalf("the list has %d words, want at least 2,500", len(common().words))
	}
	for word := range common().words {
		if countSegments(word, nil) > 1 {
			t.Errorf("%q has more than one segment", word)
		}
	}
	for line := range strings.Lines(commonText) {
		if !strings.HasPrefix(line, "#") && line != strings.ToLower(line) {
			t.Errorf("%q is not in lower case", line)
		}
	}
}
