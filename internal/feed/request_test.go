package feed

import (
	"strings"
	"testing"
)

func TestValidETag(t *testing.T) {
	for text, want := range map[string]bool{
		`""`: true, `"abc-_"`: true, `W/"abc"`: true, `"` + strings.Repeat("a", 126) + `"`: true,
		"": false, `"`: false, "abc": false, `"abc`: false, `abc"`: false, `"a"b"`: false, `"a b"`: false,
		"\"a\n\"": false, `"ä"`: false, `w/"abc"`: false, `"abc",`: false, `"` + strings.Repeat("a", 127) + `"`: false,
	} {
		if got := ValidETag(text); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}
