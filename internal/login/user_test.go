package login

import (
	"errors"
	"strings"
	"testing"

	"github.com/signetd/signet/internal/oauth"
)

// Rule 53: all spellings of a user name have one canonical form.
func TestRule53_CanonicalUsername(t *testing.T) {
	for _, name := range []string{"Ada@Example.COM", " ada@example.com\t", "\uff41da@example.com", "ADA@EXAMPLE.COM"} {
		if got, err := CanonicalUsername(name); err != nil || got != "ada@example.com" {
			t.Errorf("%q: %q, %v", name, got, err)
		}
	}
	if a, _ := CanonicalUsername("re\u0301my"); a != "r\u00e9my" {
		t.Errorf("NFD and NFC differ: %q", a)
	}
	if a, _ := CanonicalUsername("STRASSE"); a != "strasse" {
		t.Errorf("%q", a)
	}
	for _, name := range []string{
		"", "   ", "a\x00b", "a\nb", "a\u200bb", "\xff", strings.Repeat("a", 257), strings.Repeat("a", 2000),
	} {
		if got, err := CanonicalUsername(name); !errors.Is(err, oauth.InvalidRequest) {
			t.Errorf("%q: %q, %v, want invalid_request", name, got, err)
		}
	}
}
