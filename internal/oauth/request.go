package oauth

import (
	"crypto/rand"
	"encoding/base64"
	"net/url"
	"strings"
)

// maxCredentials is the maximum length in bytes of an Authorization header with
// credentials.
const maxCredentials = 2 << 10

// ParseBasic parses an Authorization header of the form "Basic
// base64(id:secret)". The id and the secret are form-encoded (RFC 6749 §2.3.1,
// RFC 7617). The header must have exactly one value, and the base64 must be
// canonical. If the id cannot be a client_id, ok is false and the id is for the
// log.
func ParseBasic(values []string) (id, secret string, ok bool) {
	if len(values) != 1 || len(values[0]) > maxCredentials {
		return "", "", false
	}
	scheme, encoded, ok := strings.Cut(values[0], " ")
	if !ok || !strings.EqualFold(scheme, "Basic") {
		return "", "", false
	}
	pair, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil || strings.ContainsAny(encoded, "\r\n") { // the decoder ignores them
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
