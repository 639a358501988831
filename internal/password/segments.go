package password

import (
	"slices"
	"strings"
)

// countSegments returns the smallest number of segments that form the text. The
// fewer segments, the more predictable is the text.
//
// A segment is a string that an attacker tries as a whole: a common password,
// one of words, a year, or a sequence such as aaa, 123, cba or qwerty. Any
// other character is a segment of its own. Separators between segments do not
// count. If the text is a repetition, only its first period counts.
func countSegments(text string, words [][]rune) int {
	characters := normalize(text)
	// NFKC can turn one character into eighteen.
	characters = characters[:min(len(characters), MaxLength)]

	least := fewestSegments(characters, words)
	if p := period(characters); p < len(characters) {
		least = min(least, fewestSegments(characters[:p], words))
	}
	return least
}

// fewestSegments is countSegments without the search for a repetition. It is a
// dynamic program: it extends the best split of the first i characters by each
// segment that can follow.
func fewestSegments(characters []rune, words [][]rune) int {
	letters, runs := unsubstitute(characters), runLengths(characters)
	// best[i] is the result for the first i characters.
	best := make([]int, len(characters)+1)
	for i := range characters {
		best[i+1] = len(characters)
	}

	for i, r := range characters {
		extend := func(end, cost int) { best[end] = min(best[end], best[i]+cost) }
		extend(i+1, characterCost(r))
		for end := i + 3; end <= i+runs[i]; end++ {
			extend(end, 1)
		}
		if startsWithYear(characters[i:]) {
			extend(i+4, 1)
		}
		for _, n := range common().prefixes(letters[i:]) {
			extend(i+n, 1)
		}
		for _, word := range words {
			if n := len(word); n <= len(letters)-i && slices.Equal(letters[i:i+n], word) {
				extend(i+n, 1)
			}
		}
	}
	return best[len(characters)]
}

// characterCost returns the number of segments of a single character: 0 for a
// separator, else 1.
func characterCost(r rune) int {
	if strings.ContainsRune(" -_.", r) {
		return 0
	}
	return 1
}

// period returns the length of the shortest prefix whose repetition forms the
// text. The last repetition may be incomplete. If the text is not a repetition,
// period returns the length of the text.
func period(text []rune) int {
	// border[i] is the length of the longest proper prefix of text[:i] that is
	// also its suffix.
	border := make([]int, len(text)+1)
	border[0] = -1
	for i, k := 0, -1; i < len(text); i++ {
		for k >= 0 && text[k] != text[i] {
			k = border[k]
		}
		k++
		border[i+1] = k
	}

	if p := len(text) - border[len(text)]; len(text) > 0 && 2*p <= len(text) {
		return p
	}
	return len(text)
}

// runLengths returns, for each character, the length of the longest run that
// begins there. All steps of a run are the same: each character equals the one
// before it, or each is its successor, or each is its predecessor in one of the
// sequences.
func runLengths(text []rune) []int {
	runs := make([]int, len(text))
	for _, s := range sequences {
		for _, step := range []int{0, 1, -1} {
			n := 1
			for i := len(text) - 1; i >= 0; i-- {
				if i+1 < len(text) && s.hasStep(text[i], text[i+1], step) {
					n++
				} else {
					n = 1
				}
				runs[i] = max(runs[i], n)
			}
		}
	}
	return runs
}

// A sequence maps the characters of an alphabet or a keyboard row to their
// positions, which begin at 1.
type sequence map[rune]int

// newSequence returns the sequence of the characters in row.
func newSequence(row string) sequence {
	s := sequence{}
	for i, r := range []rune(row) {
		s[r] = i + 1
	}
	return s
}

// hasStep reports whether b is step positions after a. With step 0 it reports
// whether a and b are equal, also if they are not in the sequence.
func (s sequence) hasStep(a, b rune, step int) bool {
	if step == 0 {
		return a == b
	}
	return s[a] > 0 && s[b] > 0 && s[b]-s[a] == step
}

// sequences are the alphabet, the digits, and the rows of English, German and
// French keyboards.
var sequences = []sequence{
	newSequence("abcdefghijklmnopqrstuvwxyz"), newSequence("0123456789"), newSequence("1234567890"),
	newSequence("qwertyuiop"), newSequence("asdfghjkl"), newSequence("zxcvbnm"),
	newSequence("qwertzuiop"), newSequence("yxcvbnm"),
	newSequence("azertyuiop"), newSequence("qsdfghjklm"), newSequence("wxcvbn"),
	newSequence("!@#$%^&*()"), newSequence("!\"§$%&/()="),
}

// startsWithYear reports whether the text begins with a year from 1500 to 2099.
func startsWithYear(text []rune) bool {
	if len(text) < 4 {
		return false
	}
	switch string(text[:2]) {
	case "15", "16", "17", "18", "19", "20":
		return isDigit(text[2]) && isDigit(text[3])
	}
	return false
}

// isDigit reports whether r is an ASCII digit.
func isDigit(r rune) bool { return r >= '0' && r <= '9' }
