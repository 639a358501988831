package oauth

import (
	"fmt"
	"strings"
)

// RefusedAudience returns the invalid_target of a request that names an
// audience which it may not have. The sentence has %s in place of the audience,
// which the caller has sent. The cause is for the log, which has no word of the
// caller.
func RefusedAudience(sentence, audience string, cause error) *Error {
	return Wrap(InvalidTarget, fmt.Sprintf(sentence, quotedAudience(audience)), cause)
}

// quotedAudience returns an unverified audience in single quotes. What cannot
// be in an audience is a question mark, so that the result fits into
// error_description (RFC 6749 §5.2). It has the first MaxAudienceID bytes only.
func quotedAudience(audience string) string {
	return limitedText(audience, MaxAudienceID, func(text string) string {
		return "'" + strings.Map(func(r rune) rune {
			if r <= ' ' || r > '~' || r == '"' || r == '\\' {
				return '?'
			}
			return r
		}, text) + "'"
	})
}
