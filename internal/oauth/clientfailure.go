package oauth

import (
	"log/slog"
	"strconv"
	"strings"
)

// maxClaimed is the maximum length in bytes of what the log has of a claimed
// id, before escapes.
const maxClaimed = MaxClientID

// secretPrefixes begin the secrets that the issuer makes: client secrets,
// refresh tokens, session tokens and device tokens.
var secretPrefixes = []string{"sgs_", "sgr_", "sgb_", "sgd_"}

// RefusedClient returns the invalid_client of a caller that did not
// authenticate as a client. method is the method that it used. claimed is the
// id that it claims, or the names of its certificate. Either is empty if it is
// not known. They are for the log, as the cause is.
func RefusedClient(method, claimed string, cause error) *Error {
	e := Refused(InvalidClient, cause)
	if method != "" {
		e.Details = append(e.Details, slog.String("auth_method", method))
	}
	if claimed != "" {
		e.Details = append(e.Details, slog.String("claimed", claimedText(claimed)))
	}
	return e
}

// claimedText returns at most 128 bytes of an unverified text, with escapes for
// everything but printable ASCII.
func claimedText(text string) string {
	return limitedText(text, maxClaimed, func(text string) string {
		quoted := strconv.QuoteToASCII(text)
		return quoted[1 : len(quoted)-1]
	})
}

// limitedText returns the first most bytes of an unverified text, as escape
// returns them. A caller may have confused the text with a secret, so a secret
// of this issuer is hidden.
func limitedText(text string, most int, escape func(string) string) string {
	for _, prefix := range secretPrefixes {
		if strings.Contains(text, prefix) {
			return "(hidden: it contains " + prefix + ")"
		}
	}
	if len(text) > most {
		return escape(text[:most]) + "..."
	}
	return escape(text)
}
