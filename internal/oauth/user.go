package oauth

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// UserIDPrefix begins the id of every user of ours, and no other subject that a token is made for.
const UserIDPrefix = "usr_"

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
		return "", Fail(InvalidRequest, "The user name is too long.")
	}
	folded := norm.NFKC.String(cases.Fold().String(norm.NFKC.String(name)))
	folded = strings.TrimSpace(folded)
	if folded == "" || len(folded) > 256 {
		return "", Fail(InvalidRequest, "The user name must have 1 to 256 bytes.")
	}
	for _, r := range folded {
		if unicode.IsControl(r) || r == unicode.ReplacementChar || unicode.Is(unicode.Cf, r) {
			return "", Fail(InvalidRequest, "The user name holds characters that are not allowed.")
		}
	}
	return folded, nil
}

// maxClaims bounds how many extra claims a token has, maxClaimsSize all of them as JSON, in bytes.
const (
	maxClaims     = 32
	maxClaimsSize = 4 << 10
)

// CheckClaims refuses claims that no token may carry: a name that is reserved or malformed, a value that is neither text, a
// number, a boolean nor a list of text, or more than 32 of them or 4 KiB, with invalid_request.
func CheckClaims(claims map[string]any) error {
	if len(claims) > maxClaims {
		return Fail(InvalidRequest, "There are more than 32 claims.")
	}
	for name, value := range claims {
		if !ValidClaimName(name) {
			return Fail(InvalidRequest, "A claim's name is reserved or malformed.")
		}
		if !isClaimValue(value) {
			return Fail(InvalidRequest, "A claim is text, a number, a boolean or a list of text.")
		}
	}
	if text, err := json.Marshal(claims); err != nil || len(text) > maxClaimsSize {
		return Because(InvalidRequest, "The claims have more than 4 KiB, or hold what is not JSON.", err)
	}
	return nil
}

func isClaimValue(value any) bool {
	switch v := value.(type) {
	case string, bool, float64, []string:
		return true
	case []any:
		return !slices.ContainsFunc(v, func(element any) bool { _, ok := element.(string); return !ok })
	}
	return false
}
