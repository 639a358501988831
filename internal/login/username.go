package login

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/signetd/signet/internal/casefold"
	"github.com/signetd/signet/internal/oauth"
)

// maxUsername is the maximum length of a canonical user name in bytes.
const maxUsername = 256

// CanonicalUsername returns the canonical form of a user name: its caseless
// form without surrounding white space. It returns invalid_request for a name
// that is empty, has more than 256 bytes or contains control characters.
func CanonicalUsername(name string) (string, error) {
	if len(name) > 4*maxUsername {
		return "", oauth.Fail(oauth.InvalidRequest, "The user name is too long.")
	}
	folded := strings.TrimSpace(casefold.String(name))
	if folded == "" || len(folded) > maxUsername {
		return "", oauth.Fail(oauth.InvalidRequest, "The user name must have 1 to 256 bytes.")
	}
	for _, r := range folded {
		if unicode.IsControl(r) || r == unicode.ReplacementChar || unicode.Is(unicode.Cf, r) {
			return "", oauth.Fail(oauth.InvalidRequest, "The user name contains characters that are not allowed.")
		}
	}
	return folded, nil
}

// countedName returns the canonical form of a user name, or an invalid name as
// it is.
func countedName(username string) string {
	name, err := CanonicalUsername(username)
	if err != nil {
		return username
	}
	return name
}

// StoredUsernames returns the names under which the user of that name may be
// stored, in the order in which a login tries them. For most names that is the
// canonical form alone. It returns an error as CanonicalUsername does.
//
// The form of earlier versions comes first, so that users whose names are equal
// now still log in with the names that they registered. The last two forms find
// a user of an earlier version by other spellings: the name in lower case, and
// the name with its Cherokee letters as they are.
func StoredUsernames(name string) ([]string, error) {
	canonical, err := CanonicalUsername(name)
	if err != nil {
		return nil, err
	}
	earlier := earlierUsername(name)
	var names []string
	for _, form := range []string{
		earlier, canonical, mapCherokee(canonical, unicode.ToLower), mapCherokee(earlier, otherCase),
	} {
		if !slices.Contains(names, form) {
			names = append(names, form)
		}
	}
	return names, nil
}

// earlierUsername returns the form of a user name that earlier versions stored.
// It gives each Cherokee letter the other case, as the package cases does. It
// also differs from the canonical form for a capital letter with an iota below
// it and an accent that Unicode does not combine with it.
func earlierUsername(name string) string {
	return strings.TrimSpace(norm.NFKC.String(cases.Fold().String(norm.NFKC.String(name))))
}

// mapCherokee applies change to each Cherokee letter of text.
func mapCherokee(text string, change func(rune) rune) string {
	return strings.Map(func(r rune) rune {
		if casefold.IsCherokee(r) {
			return change(r)
		}
		return r
	}, text)
}

// otherCase returns the upper case of a lower-case letter, and the lower case
// of an upper-case one.
func otherCase(r rune) rune {
	if unicode.IsUpper(r) {
		return unicode.ToLower(r)
	}
	return unicode.ToUpper(r)
}
