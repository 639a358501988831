package feed

import (
	"strings"

	"github.com/signetd/signet/internal/oauth"
)

// maxETag is the maximum length of Request.Keys in bytes.
const maxETag = 128

// ValidName reports whether a verifier may have that name: 1 to 64 letters,
// digits, dots, underscores and hyphens, so that logs and tables can have it
// unchanged.
func ValidName(name string) bool { return oauth.ValidRequestID(name) }

// ValidETag reports whether a text is an ETag (RFC 9110 §8.8.3) of a length
// that a JWK Set may have.
func ValidETag(text string) bool {
	opaque, ok := strings.CutPrefix(strings.TrimPrefix(text, "W/"), `"`)
	opaque, closed := strings.CutSuffix(opaque, `"`)
	return ok && closed && len(text) <= maxETag &&
		!strings.ContainsFunc(opaque, func(c rune) bool { return c <= ' ' || c >= 0x7f || c == '"' })
}
