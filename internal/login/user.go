package login

import (
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/signetd/signet/internal/oauth"
)

// A User is an account with a name and a password.
type User struct {
	ID string
	// Username is canonical; see CanonicalUsername.
	Username string
	// PasswordHash is a PHC string. It is empty if no password is set.
	PasswordHash string
	// Claims are additional claims that an audience may request: text, numbers,
	// booleans or lists of text.
	Claims     map[string]any
	DisabledAt time.Time
	// Epoch increases when the user's grants are revoked or suspended. A login
	// that has read an earlier epoch cannot create a grant.
	Epoch     int64
	CreatedAt time.Time
}

// CanonicalUsername returns the canonical form of a user name: NFKC,
// case-folded, without surrounding white space. It returns invalid_request for
// a name that is empty, has more than 256 bytes or contains control characters.
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
			return "", oauth.Fail(oauth.InvalidRequest, "The user name contains characters that are not allowed.")
		}
	}
	return folded, nil
}
