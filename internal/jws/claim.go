package jws

import "strings"

// The limits of the claims of an access token. Lengths are in bytes.
const (
	MaxAudiences  = 16
	MaxAudienceID = 256
	MaxClientID   = 128
	// MaxSubject is the limit of OpenID Connect Core §2.
	MaxSubject = 255
	// MaxMethods is the maximum number of values of amr.
	MaxMethods   = 16
	MaxClaimName = 128
	// MaxScopeTokens is the maximum number of tokens in a scope.
	MaxScopeTokens = 64
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

// ValidToken reports whether t is a scope token (RFC 6749 §3.3): printable
// ASCII without space, quote and backslash, and not empty. The ids of clients
// and audiences have this form, too.
func ValidToken(t string) bool {
	for i := range len(t) {
		c := t[i]
		if c < 0x21 || c > 0x7e || c == '"' || c == '\\' {
			return false
		}
	}
	return t != ""
}

// ValidScope reports whether tokens are a scope as the issuer writes it: at
// most 64 scope tokens, sorted and without duplicates.
func ValidScope(tokens []string) bool {
	for i, t := range tokens {
		if !ValidToken(t) || i > 0 && tokens[i-1] >= t {
			return false
		}
	}
	return len(tokens) <= MaxScopeTokens
}

// areTokens reports whether each of the texts is a token of at most max bytes.
func areTokens(texts []string, max int) bool {
	for _, t := range texts {
		if len(t) > max || !ValidToken(t) {
			return false
		}
	}
	return true
}
