package oauth

import (
	"slices"
	"strings"
	"testing"
)

func TestValidSubject(t *testing.T) {
	for _, id := range []string{
		"7", "customer 7", "auth0|7", "usr_x", "ada@example.org", "\u00e7elik", strings.Repeat("x", 255),
	} {
		if !ValidSubject(id) {
			t.Errorf("%q is not valid", id)
		}
	}
	for _, id := range []string{
		"", strings.Repeat("x", 256), "a\x00", "a\nb", "a\x7f", "a\xff", "a\u0085", "a\u202e", "a\u200b", "a\ufeff",
	} {
		if ValidSubject(id) {
			t.Errorf("%q is valid", id)
		}
	}
}

func TestValidAMR(t *testing.T) {
	if !ValidAMR(nil) || !ValidAMR(slices.Repeat([]string{"pwd"}, 16)) || !ValidAMR([]string{strings.Repeat("x", 64)}) {
		t.Error("valid methods are refused")
	}
	for _, methods := range [][]string{
		slices.Repeat([]string{"pwd"}, 17), {""}, {"p w"}, {"p\n"}, {strings.Repeat("x", 65)}, {"pwd", "\u00fc"},
	} {
		if ValidAMR(methods) {
			t.Errorf("%q is valid", methods)
		}
	}
}

// Rule 14: no additional claim has the name of a standard claim, in upper or
// lower case, or a name with quotes or control characters.
func TestRule14_ClaimNames(t *testing.T) {
	for _, name := range []string{
		"roles", "tenant", "a", "A1_:/.-", "https://example.com/level", "subject", strings.Repeat("a", 128),
	} {
		if !ValidClaimName(name) || ReservedClaim(name) {
			t.Errorf("%q is refused", name)
		}
	}
	for _, name := range []string{
		"", "1a", "_a", "-a", ".a", "a b", " a", "a ", "a\n", "a\x00", `a"`, `a\`, "a,b", "a@b", "a{", "a[", "a`",
		"é", "aé", "\u017fub", "\xff", strings.Repeat("a", 129),
	} {
		if ValidClaimName(name) {
			t.Errorf("%q is allowed", name)
		}
	}
	for _, name := range []string{
		"iss", "sub", "aud", "client_id", "scope", "iat", "exp", "jti", "auth_time", "acr", "amr",
		"sid", "nbf", "cnf", "act", "may_act", "azp", "nonce", "at_hash", "scp",
	} {
		for _, spelling := range []string{name, strings.ToUpper(name), strings.ToUpper(name[:1]) + name[1:]} {
			if ValidClaimName(spelling) || !ReservedClaim(spelling) {
				t.Errorf("%q is allowed", spelling)
			}
		}
	}
}
