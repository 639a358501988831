package oauth

import (
	"encoding/json"
	"slices"

	"github.com/signetd/signet/internal/jws"
)

// ValidClaimName reports whether a token may have an additional claim of that
// name; see jws.ValidClaimName.
func ValidClaimName(name string) bool { return jws.ValidClaimName(name) }

// ReservedClaim reports whether name changes what a token means, in any case;
// see jws.ReservedClaim.
func ReservedClaim(name string) bool { return jws.ReservedClaim(name) }

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
