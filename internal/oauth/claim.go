package oauth

import (
	"encoding/json"
	"slices"
	"strings"
)

// reservedClaims are the names that change what a token means. The issuer
// writes some of them. A verifier may act on the others, which RFC 7519 §4.1,
// RFC 7662 §2.2, RFC 7800 §3, RFC 8693 §4, RFC 8417 §2, RFC 9396 §9.1, RFC 9493
// §4 and OpenID Connect define. Some verifiers read scp as the scope.
var reservedClaims = map[string]bool{
	"iss": true, "sub": true, "aud": true, "client_id": true, "scope": true, "iat": true, "exp": true, "jti": true,
	"auth_time": true, "acr": true, "amr": true, "sid": true,
	"nbf": true, "cnf": true, "act": true, "may_act": true, "azp": true, "nonce": true, "at_hash": true, "c_hash": true,
	"s_hash": true, "events": true, "sub_id": true, "sub_jwk": true, "authorization_details": true, "active": true,
	"token_type": true, "scp": true,
}

// ValidClaimName reports whether a token may have an additional claim of that
// name: it matches [A-Za-z][A-Za-z0-9_:/.-]{0,127} and is not reserved.
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

// ReservedClaim reports whether name is reserved. It ignores case, because a
// verifier that ignores case would read Sub as sub.
func ReservedClaim(name string) bool { return reservedClaims[strings.ToLower(name)] }

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// ValidAMR reports whether methods may be the amr of a token (RFC 8176): at
// most 16 methods, each of 1 to 64 printable ASCII characters without space,
// quote and backslash.
func ValidAMR(methods []string) bool {
	invalid := func(m string) bool { return len(m) > MaxMethod || !ValidToken(m) }
	return len(methods) <= MaxMethods && !slices.ContainsFunc(methods, invalid)
}

const (
	// maxClaims is the maximum number of additional claims in a token.
	maxClaims = 32
	// maxClaimsSize is the maximum size of these claims in JSON, in bytes.
	maxClaimsSize = 4 << 10
)

// CheckClaims returns invalid_request for additional claims that no token may
// contain: more than 32 claims or 4 KiB, a name that is reserved or malformed,
// or a value that is not text, a number, a boolean or a list of text. A number
// must not change on its way into the token; see ValidClaimNumber.
func CheckClaims(claims map[string]any) error {
	if len(claims) > maxClaims {
		return Fail(InvalidRequest, "There are more than 32 claims.")
	}
	// The size comes first: it bounds the length of a number.
	if text, err := json.Marshal(claims); err != nil || len(text) > maxClaimsSize {
		return Wrap(InvalidRequest, "The claims have more than 4 KiB or are not valid JSON.", err)
	}
	for name, value := range claims {
		if !ValidClaimName(name) {
			return Fail(InvalidRequest, "A claim's name is reserved or malformed.")
		}
		if !isClaimValue(value) {
			return Fail(InvalidRequest, "A claim must be text, a number, a boolean or a list of text.")
		}
		if !isClaimNumber(value) {
			return Fail(InvalidRequest, "A number in a claim "+ClaimNumberRule+".")
		}
	}
	return nil
}

func isClaimValue(value any) bool {
	switch v := value.(type) {
	case string, bool, float64, json.Number, []string:
		return true
	case []any:
		return !slices.ContainsFunc(v, func(element any) bool { _, ok := element.(string); return !ok })
	}
	return false
}
