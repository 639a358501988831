package oauth

import (
	"crypto/rand"
	"encoding/base64"
	"net/url"
	"strings"
)

// maxCredentials bounds what an authorization header holds, in bytes.
const maxCredentials = 2 << 10

// ParseBasic reads the one value that an authorization header must have: `Basic base64(id:secret)`, id and secret
// form-encoded (RFC 6749 §2.3.1, RFC 7617). The base64 must be the one way to write what it says.
func ParseBasic(values []string) (id, secret string, ok bool) {
	if len(values) != 1 || len(values[0]) > maxCredentials {
		return "", "", false
	}
	scheme, encoded, ok := strings.Cut(values[0], " ")
	if !ok || !strings.EqualFold(scheme, "Basic") {
		return "", "", false
	}
	pair, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil || strings.ContainsAny(encoded, "\r\n") { // which the decoder skips
		return "", "", false
	}
	id, secret, ok = strings.Cut(string(pair), ":")
	if !ok {
		return "", "", false
	}
	id, err1 := url.QueryUnescape(id)
	secret, err2 := url.QueryUnescape(secret)
	return id, secret, err1 == nil && err2 == nil && ValidClientID(id)
}

// maxBearer bounds an authorization header that holds a token: no access token of ours is longer than 8 KiB.
const maxBearer = MaxToken + len("Bearer ")

// ParseBearer reads `Bearer TOKEN`, the one value that an authorization header must have (RFC 6750 §2.1). ok says that it is
// a bearer token, whatever that token is worth.
func ParseBearer(values []string) (token string, ok bool) {
	if len(values) != 1 || len(values[0]) > maxBearer {
		return "", false
	}
	scheme, token, ok := strings.Cut(values[0], " ")
	return token, ok && strings.EqualFold(scheme, "Bearer")
}

// RequestID returns the caller's own id for a request if it is one plain value, else a fresh one.
func RequestID(given []string) string {
	if len(given) == 1 && ValidRequestID(given[0]) {
		return given[0]
	}
	return rand.Text()
}

// ValidRequestID says whether id may stand in a log as it is: 1 to 64 letters, digits, dots, underscores and hyphens.
func ValidRequestID(id string) bool {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"
	return len(id) >= 1 && len(id) <= 64 && strings.Trim(id, letters) == ""
}
