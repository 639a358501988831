package casefold

import (
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// String returns the caseless form of text: decomposed (NFKD), case-folded, and
// composed (NFKC), as in The Unicode Standard, section 3.13. The form of a form
// is the form itself.
//
// Unicode folds Cherokee letters to upper case, and other letters to lower
// case. The package cases does not: its folding gives each Cherokee letter the
// other case.
func String(text string) string {
	// The iota below a letter (U+0345) folds to a letter of its own. Before
	// that, NFKD orders it after the accents of its letter.
	folded := norm.NFKC.String(cases.Fold().String(norm.NFKD.String(text)))
	return strings.Map(func(r rune) rune {
		if IsCherokee(r) {
			return unicode.ToUpper(r)
		}
		return r
	}, folded)
}

// IsCherokee reports whether r is a Cherokee letter.
func IsCherokee(r rune) bool { return unicode.Is(unicode.Cherokee, r) }
