package password

import (
	_ "embed" // the list of common passwords
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// DefaultMinLength is how many characters a password must have where it is all that a login needs (NIST SP 800-63B-4).
const DefaultMinLength = 15

// enough is of how many pieces a password must be made; see pieces.
const enough = 5

// A Policy is what a password must be when it is set. It does not ask for digits, capitals or signs, and not for a change
// now and then (NIST SP 800-63B-4 §3.1.1.2): length is what counts, and that nobody guesses it.
type Policy struct {
	// MinLength is in Unicode code points; 0 means DefaultMinLength.
	MinLength int
	// Service are the names of this service, such as its host name: what everybody tries first.
	Service []string
}

// A Flaw is why a password cannot be set, or a hash cannot be used, in a sentence for the person who brought it.
type Flaw string

// Error returns the sentence.
func (f Flaw) Error() string { return string(f) }

const (
	flawEmpty   Flaw = "The password is empty."
	flawLong    Flaw = "The password is too long."
	flawText    Flaw = "The password is not valid UTF-8."
	flawCommon  Flaw = "The password is too common or too easy to guess."
	flawContext Flaw = "The password is little more than the user's name or the name of this service."
)

// Check returns the first Flaw of a password for the user of that name, or nil.
func (p Policy) Check(password, username string) error {
	least := p.MinLength
	if least == 0 {
		least = DefaultMinLength
	}
	switch {
	case password == "":
		return flawEmpty
	case len(password) > MaxLength:
		return flawLong
	case !utf8.ValidString(password):
		return flawText
	case characters(password) < least:
		return Flaw(fmt.Sprintf("The password must have at least %d characters.", least))
	case pieces(password, contextWords(slices.Concat(p.Service, []string{username, "signet"}))) >= enough:
		return nil
	case pieces(password, nil) < enough: // also without those names
		return flawCommon
	}
	return flawContext
}

// characters counts code points, of the text as it is or as it is hashed, whichever has fewer: one ligature of many letters is
// not long, and neither are letters with their accents apart.
func characters(text string) int {
	return min(utf8.RuneCountInString(text), utf8.RuneCountInString(norm.NFKC.String(text)))
}

//go:embed common.txt
var commonText string

// commonWords are the common passwords, as they are spelled.
type commonWords struct {
	words map[string]bool
	// starts are the first three characters of each, longest is how many the longest has.
	starts  map[[3]rune]bool
	longest int
}

// common reads the list when it is first asked for: most calls of the program never do.
var common = sync.OnceValue(func() *commonWords { return readCommon(commonText) })

// readCommon reads a list of words; lines that begin with # are comments.
func readCommon(text string) *commonWords {
	c := &commonWords{words: map[string]bool{}, starts: map[[3]rune]bool{}}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		for _, word := range strings.Fields(line) {
			letters := spelled(plain(word))
			c.words[string(letters)] = true
			c.longest = max(c.longest, len(letters))
			if len(letters) >= 3 {
				c.starts[[3]rune(letters)] = true
			}
		}
	}
	return c
}

// contextWords are the names and their parts of three letters or more.
func contextWords(names []string) (words [][]rune) {
	taken := map[string]bool{}
	for _, name := range names {
		for _, part := range append(strings.FieldsFunc(name, func(r rune) bool { return !isLetterOrDigit(r) }), name) {
			if word := spelled(plain(part)); len(word) >= 3 && len(word) <= maxWord && !taken[string(word)] {
				taken[string(word)], words = true, append(words, word)
			}
		}
	}
	return words
}

func isLetterOrDigit(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// plain returns the characters of a text in lower case, as they are hashed otherwise.
func plain(text string) []rune {
	return []rune(strings.Map(unicode.ToLower, norm.NFKC.String(text)))
}

// spelled undoes the usual replacements of letters: p4$$w0rd.
func spelled(text []rune) []rune {
	letters := make([]rune, len(text))
	for i, r := range text {
		if letter, ok := lookalikes[r]; ok {
			r = letter
		}
		letters[i] = r
	}
	return letters
}

var lookalikes = map[rune]rune{
	'0': 'o', '1': 'i', '!': 'i', '|': 'i', 'l': 'i', '3': 'e', '4': 'a', '@': 'a', '5': 's', '$': 's', '7': 't', '+': 't', '8': 'b', '9': 'g',
}
