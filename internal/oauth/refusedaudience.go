package oauth

import "fmt"

// ErrAudienceID is the error for an audience that ValidAudienceID rejects.
var ErrAudienceID = Fail(InvalidTarget, "The request has an audience that is no identifier.")

// RefusedAudience returns the invalid_target of a request that names an
// audience which it may not have. The sentence has %s in place of the audience.
// Only a valid identifier is named: it fits into error_description (RFC 6749
// §5.2), and cannot forge anything where a client writes it. The cause is for
// the log, which has no word of the caller.
func RefusedAudience(sentence, audience string, cause error) *Error {
	if !ValidAudienceID(audience) {
		return Wrap(InvalidTarget, ErrAudienceID.Sentence, cause)
	}
	quoted := limitedText(audience, MaxAudienceID, func(text string) string { return "'" + text + "'" })
	return Wrap(InvalidTarget, fmt.Sprintf(sentence, quoted), cause)
}
