package oauth

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

// The sentence names the audience, whatever it is, in the characters and with a
// length that an error_description may have (RFC 6749 §5.2).
func TestRefusedAudience_NamesTheAudience(t *testing.T) {
	longest := strings.Repeat("x", MaxAudienceID)
	for audience, want := range map[string]string{
		"https://api.example/v1?a=b%20c": "No 'https://api.example/v1?a=b%20c'.",
		"it's":                           "No 'it's'.",
		"":                               "No ''.",
		"a b\r\nX: y\x00\x7f":            "No 'a?b??X:?y??'.",
		`"quoted\"`:                      "No '?quoted??'.",
		"für %s %d\xff":                  "No 'f?r?%s?%d?'.",
		longest:                          "No '" + longest + "'.",
		longest + "y":                    "No '" + longest + "'....",
		strings.Repeat("ü", 1000):        "No '" + strings.Repeat("?", MaxAudienceID/2) + "'....",
		"sgs_c2VjcmV0":                   "No (hidden: it contains sgs_).",
	} {
		e := RefusedAudience("No %s.", audience, io.EOF)
		if e.Sentence != want || e.Code != InvalidTarget || !errors.Is(e, io.EOF) {
			t.Errorf("%q: got %v, want %s", audience, e, want)
		}
		if attrs := fmt.Sprint(e.Attrs()); attrs != "[error=invalid_target cause=EOF]" {
			t.Errorf("%q: the log has %s", audience, attrs)
		}
		if strings.ContainsFunc(e.Sentence, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }) {
			t.Errorf("%q: the sentence is %q", audience, e.Sentence)
		}
	}
}
