package login

import (
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/signetd/signet/internal/oauth"
)

// A User is somebody who logs in with a name and a password.
type User struct {
	ID string
	// Username is the one spelling that the account has; see CanonicalUsername.
	Username string
	// PasswordHash is a PHC string.
	PasswordHash string
	// Claims are what audiences may ask for beside the standard ones: text, numbers, booleans, or lists of text.
	Claims     map[string]any
	DisabledAt time.Time
	// Epoch rises whenever something ends or suspends the user's grants. A login that began before does not end in a
	// grant after.
	Epoch     int64
	CreatedAt time.Time
}

// CanonicalUsername returns the one spelling of an account name: NFKC, case-folded, surrounding white space removed. It
// refuses names that are empty, longer than 256 bytes, or hold control characters, with invalid_request.
func CanonicalUsername(name string) (string, error) {
	if len(name) > 1024 {
		return "", oauth.Fail(oauth.InvalidRequest, "The user name is too long.")
	}
	folded := norm.NFKC.String(cases.Fold().String(norm.NFKC.String(name)))
	folded = strings.TrimSpace(folded)
	if folded == "" || len(folded) > 256 {
		return "", oauth.Fail(oauth.InvalidRequest, "The user name must have 1 to 256 bytes.")
	}
	for _, r := range folded {
		if unicode.IsControl(r) || r == unicode.ReplacementChar || unicode.Is(unicode.Cf, r) {
			return "", oauth.Fail(oauth.InvalidRequest, "The user name holds characters that are not allowed.")
		}
	}
	return folded, nil
}
