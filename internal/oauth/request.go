package oauth

import (
	"crypto/rand"
	"strings"
)

// maxBearer is the maximum length in bytes of an Authorization header with a
// token. No access token of this issuer is longer than MaxToken.
const maxBearer = MaxToken + len("Bearer ")

// ParseBearer parses an Authorization header of the form "Bearer TOKEN" (RFC
// 6750 §2.1). The header must have exactly one value. ParseBearer does not
// check the token.
func ParseBearer(values []string) (token string, ok bool) {
	if len(values) != 1 || len(values[0]) > maxBearer {
		return "", false
	}
	scheme, token, ok := strings.Cut(values[0], " ")
	return token, ok && strings.EqualFold(scheme, "Bearer")
}

// RequestID returns the id of a request: the value of its X-Request-Id header
// if there is exactly one and it is valid, otherwise a new id.
func RequestID(values []string) string {
	if len(values) == 1 && ValidRequestID(values[0]) {
		return values[0]
	}
	return rand.Text()
}

// ValidRequestID reports whether a log may contain id unchanged: 1 to 64
// letters, digits, dots, underscores and hyphens.
func ValidRequestID(id string) bool {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"
	return len(id) >= 1 && len(id) <= 64 && strings.Trim(id, letters) == ""
}
