package password

import (
	_ "embed" // the list of common passwords
	"strings"
	"sync"
	"unicode"

	"github.com/signetd/signet/internal/casefold"
)

// maxWord is the maximum length of a context word in code points. Longer names
// are ignored.
const maxWord = 64

//go:embed common.txt
var commonText string

// commonWords is the set of common passwords, in the form that unsubstitute
// returns.
type commonWords struct {
	words map[string]bool
	// starts are the first three characters of each word.
	starts map[[3]rune]bool
	// longest is the length of the longest word.
	longest int
}

// common returns the common passwords. It parses the list at the first call,
// because most commands of the program never need it.
var common = sync.OnceValue(func() *commonWords { return parseCommon(commonText) })

// parseCommon parses a list of words. Lines that begin with # are comments.
func parseCommon(text string) *commonWords {
	c := &commonWords{words: map[string]bool{}, starts: map[[3]rune]bool{}}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		for _, word := range strings.Fields(line) {
			letters := unsubstitute(normalize(word))
			c.words[string(letters)] = true
			c.longest = max(c.longest, len(letters))
			if len(letters) >= 3 {
				c.starts[[3]rune(letters)] = true
			}
		}
	}
	return c
}

// prefixes returns the lengths of the common passwords with which the text
// begins.
//
// Few texts begin with the first three characters of a common password, and
// prefixes looks up only those. So a client cannot keep a CPU busy with long
// passwords.
func (c *commonWords) prefixes(letters []rune) (lengths []int) {
	if len(letters) < 3 || !c.starts[[3]rune(letters)] {
		return nil
	}
	for n := 3; n <= min(c.longest, len(letters)); n++ {
		if c.words[string(letters[:n])] {
			lengths = append(lengths, n)
		}
	}
	return lengths
}

// contextWords returns the names and their parts, each once. It skips words of
// fewer than three letters.
func contextWords(names []string) (words [][]rune) {
	seen := map[string]bool{}
	for _, name := range names {
		parts := strings.FieldsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
		for _, part := range append(parts, name) {
			word := unsubstitute(normalize(part))
			if len(word) >= 3 && len(word) <= maxWord && !seen[string(word)] {
				seen[string(word)], words = true, append(words, word)
			}
		}
	}
	return words
}

// normalize returns the text in the form in which all spellings of a user name
// are equal.
func normalize(text string) []rune { return []rune(casefold.String(text)) }

// unsubstitute replaces look-alike characters by the letters that they stand
// for, as in p4$$w0rd.
func unsubstitute(text []rune) []rune {
	letters := make([]rune, len(text))
	for i, r := range text {
		if letter, ok := lookalikes[r]; ok {
			r = letter
		}
		letters[i] = r
	}
	return letters
}

// lookalikes maps a character to the letter that it often replaces. The letter
// l maps to i, because 1 can replace both.
var lookalikes = map[rune]rune{
	'0': 'o', '1': 'i', '!': 'i', '|': 'i', 'l': 'i', '3': 'e', '4': 'a', '@': 'a',
	'5': 's', '$': 's', '7': 't', '+': 't', '8': 'b', '9': 'g',
}
