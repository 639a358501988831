package oauth

import (
	"strings"
	"testing"
)

func TestRule14_ClaimNames(t *testing.T) {
	for _, name := range []string{"roles", "tenant", "a", "A1_:/.-", "https://example.com/level", "subject", strings.Repeat("a", 128)} {
		if !ValidClaimName(name) || ReservedClaim(name) {
			t.Errorf("%q is refused", name)
		}
	}
	for _, name := range []string{
		"", "1a", "_a", "-a", ".a", "a b", " a", "a ", "a\n", "a\x00", `a"`, `a\`, "a,b", "a@b", "a{", "a[", "a`", "é", "aé", "\u017fub", "\xff", strings.Repeat("a", 129),
	} {
		if ValidClaimName(name) {
			t.Errorf("%q is allowed", name)
		}
	}
	for _, name := range []string{
		"iss", "sub", "aud", "client_id", "scope", "iat", "exp", "jti", "auth_time", "acr", "amr", "sid", "nbf", "cnf", "act", "may_act", "azp", "nonce", "at_hash", "scp",
	} {
		for _, spelling := range []string{name, strings.ToUpper(name), strings.ToUpper(name[:1]) + name[1:]} {
			if ValidClaimName(spelling) || !ReservedClaim(spelling) {
				t.Errorf("%q is allowed", spelling)
			}
		}
	}
}
