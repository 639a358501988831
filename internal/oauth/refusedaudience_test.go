package oauth

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

// The sentence names a valid audience in the characters that an
// error_description may have (RFC 6749 §5.2), and nothing else of the request.
// The log does not have the audience.
func TestRefusedAudience_NamesTheAudience(t *testing.T) {
	const noIdentifier = "The request has an audience that is no identifier."
	longest := strings.Repeat("x", MaxAudienceID)
	for audience, want := range map[string]string{
		"https://api.example/v1?a=b%20c": "No 'https://api.example/v1?a=b%20c'.",
		"it's":                           "No 'it's'.",
		longest:                          "No '" + longest + "'.",
		"sgs_c2VjcmV0":                   "No (hidden: it contains sgs_).",
		"":                               noIdentifier,
		longest + "y":                    noIdentifier,
		"a b":                            noIdentifier,
		"a\r\nX:y":                       noIdentifier,
		`"quoted\"`:                      noIdentifier,
		"für":                            noIdentifier,
	} {
		e := RefusedAudience("No %s.", audience, io.EOF)
		if e.Sentence != want || e.Code != InvalidTarget || !errors.Is(e, io.EOF) {
			t.Errorf("%q: got %v, want %s", audience, e, want)
		}
		if attrs := fmt.Sprint(e.Attrs()); attrs != "[error=invalid_target cause=EOF]" {
			t.Errorf("%q: the log has %s", audience, attrs)
		}
	}
}
