package oauth

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// reservedClaims are the names that a token's meaning hangs on: those that we write, and those of RFC 7519 §4.1, RFC 7662
// §2.2, RFC 7800 §3, RFC 8693 §4, RFC 8417 §2, RFC 9396 §9.1, RFC 9493 §4 and OpenID Connect that a verifier might obey. scp
// is what some verifiers read as the scope.
var reservedClaims = map[string]bool{
	"iss": true, "sub": true, "aud": true, "client_id": true, "scope": true, "iat": true, "exp": true, "jti": true,
	"auth_time": true, "acr": true, "amr": true, "sid": true,
	"nbf": true, "cnf": true, "act": true, "may_act": true, "azp": true, "nonce": true, "at_hash": true, "c_hash": true,
	"s_hash": true, "events": true, "sub_id": true, "sub_jwk": true, "authorization_details": true, "active": true,
	"token_type": true, "scp": true,
}

// ValidClaimName says whether a claim of that name may stand in a token beside the standard ones: it matches
// [A-Za-z][A-Za-z0-9_:/.-]{0,127} and is not reserved.
func ValidClaimName(name string) bool {
	if name == "" || len(name) > MaxClaimName || !isLetter(name[0]) || ReservedClaim(name) {
		return false
	}
	for i := range len(name) {
		c := name[i]
		if !isLetter(c) && (c < '0' || '9' < c) && strings.IndexByte("_:/.-", c) < 0 {
			return false
		}
	}
	return true
}

// ReservedClaim says whether name, in any case, is one that only we write into a token or that means something to
// verifiers. Readers that ignore case would take `Sub` for `sub`.
func ReservedClaim(name string) bool { return reservedClaims[strings.ToLower(name)] }

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// ValidSubject says whether id may be the sub of a token: 1 to 255 bytes (OpenID Connect Core §2) of UTF-8 without control
// and format characters.
func ValidSubject(id string) bool {
	return id != "" && len(id) <= MaxSubject && utf8.ValidString(id) &&
		!strings.ContainsFunc(id, func(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Cf) })
}

// ValidAMR says whether methods may be the amr of a token (RFC 8176): at most 16, each of 1 to 64 printable ASCII characters
// without space, quote and backslash.
func ValidAMR(methods []string) bool {
	return len(methods) <= MaxMethods && !slices.ContainsFunc(methods, func(m string) bool { return len(m) > 64 || !isScopeToken(m) })
}
