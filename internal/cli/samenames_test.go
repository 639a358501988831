package cli

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSameNames(t *testing.T) {
	others, warnings := sameNames([]string{"ada", "\u13a0da", "\u13a2", "\uab70da", "\uab71"})
	if diff := cmp.Diff(map[string][]string{"\u13a0da": {"\uab70da"}, "\uab70da": {"\u13a0da"}}, others); diff != "" {
		t.Error(diff)
	}
	want := "the names \u13a0da, \uab70da differ only in case: " +
		"each of these users logs in with the name as it was registered, and a new user cannot have it"
	if diff := cmp.Diff([]string{want}, warnings); diff != "" {
		t.Error(diff)
	}
}
