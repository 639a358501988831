package password

import (
	"fmt"
	"slices"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// DefaultMinLength is the minimum length of a password that is the only
// authentication factor (NIST SP 800-63B-4 §3.1.1.2).
const DefaultMinLength = 15

// minSegments is the number of segments that a password must have at least. See
// countSegments.
const minSegments = 5

// A Policy is the set of rules for a new password. It requires a minimum length
// and rejects predictable passwords. It does not require digits, upper case or
// special characters, nor periodic changes (NIST SP 800-63B-4 §3.1.1.2).
type Policy struct {
	// MinLength is the minimum length in Unicode code points. Zero means
	// DefaultMinLength.
	MinLength int
	// ServiceNames lists the names of this service, such as its host name. An
	// attacker tries them first.
	ServiceNames []string
}

// Check returns the first InputError of a new password for the user name, or
// nil.
func (p Policy) Check(password, username string) error {
	minLength := p.MinLength
	if minLength == 0 {
		minLength = DefaultMinLength
	}

	switch {
	case password == "":
		return errEmpty
	case len(password) > MaxLength:
		return errLong
	case !utf8.ValidString(password):
		return errEncoding
	case length(password) < minLength:
		return InputError(fmt.Sprintf("The password must have at least %d characters.", minLength))
	}

	names := slices.Concat(p.ServiceNames, []string{username, "signet"})
	switch {
	case countSegments(password, contextWords(names)) >= minSegments:
		return nil
	case countSegments(password, nil) < minSegments: // even without the names
		return errCommon
	}
	return errContextual
}

// length returns the number of code points of the text before or after
// normalization, whichever is smaller. So a ligature of many letters counts as
// one character, and so does a letter with its separate accents.
func length(text string) int {
	return min(utf8.RuneCountInString(text), utf8.RuneCountInString(norm.NFKC.String(text)))
}
