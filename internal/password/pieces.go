package password

import (
	"slices"
	"strings"
)

// maxWord is how long one of the names can be, in code points; a longer one is not looked for.
const maxWord = 64

// pieces returns of how few pieces a text can be put together, where a piece is what a guesser would try as a whole: a common
// password, one of words, a year, a run such as aaa, 123, cba or qwerty, or else a single character. White space and the like
// between them is free, and of a text that repeats itself only the first time counts.
func pieces(text string, words [][]rune) int {
	characters := plain(text)
	characters = characters[:min(len(characters), MaxLength)] // NFKC can make eighteen of one
	least := cut(characters, words)
	if p := period(characters); p < len(characters) {
		least = min(least, cut(characters[:p], words))
	}
	return least
}

// cut is pieces of characters that do not repeat themselves as a whole. The best way to cut the first i of them is followed by
// each piece that could come next.
func cut(characters []rune, words [][]rune) int {
	letters, runs := spelled(characters), runsOf(characters)
	best := make([]int, len(characters)+1) // best[i] is for the first i characters
	for i := range characters {
		best[i+1] = len(characters)
	}
	for i, r := range characters {
		reach := func(j, cost int) { best[j] = min(best[j], best[i]+cost) }
		reach(i+1, single(r))
		for j := i + 3; j <= i+runs[i]; j++ {
			reach(j, 1)
		}
		if isYear(characters[i:]) {
			reach(i+4, 1)
		}
		for _, n := range common().at(letters[i:]) {
			reach(i+n, 1)
		}
		for _, word := range words {
			if n := len(word); n <= len(letters)-i && slices.Equal(letters[i:i+n], word) {
				reach(i+n, 1)
			}
		}
	}
	return best[len(characters)]
}

// at returns the lengths of the common passwords that the text begins with. Few texts begin as any of them does, and only
// those are looked up: whoever sends long passwords must not keep a CPU busy.
func (c *commonWords) at(letters []rune) (lengths []int) {
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

// single is what a character costs by itself.
func single(r rune) int {
	if strings.ContainsRune(" -_.", r) {
		return 0
	}
	return 1
}

// period returns the length of the part that the text repeats, from its beginning to its end; the last time it may be cut
// off. That is all of the text if it does not repeat itself.
func period(text []rune) int {
	border := make([]int, len(text)+1) // border[i]: how much of the beginning of text[:i] is its end too
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

// runsOf returns, for each character, how many beginning with it are each the same step from the one before: equal, the next
// or the one before in the alphabet or the digits, or neighbours in a row of a keyboard.
func runsOf(text []rune) []int {
	runs := make([]int, len(text))
	for _, o := range orders {
		for _, step := range []int{0, 1, -1} {
			n := 1
			for i := len(text) - 1; i >= 0; i-- {
				if i+1 < len(text) && o.follows(text[i], text[i+1], step) {
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

// An order says which character stands where.
type order map[rune]int

func newOrder(row string) order {
	o := order{}
	for i, r := range []rune(row) {
		o[r] = i + 1
	}
	return o
}

// follows says whether b stands so many steps behind a. Any character follows itself.
func (o order) follows(a, b rune, step int) bool {
	if step == 0 {
		return a == b
	}
	return o[a] > 0 && o[b] > 0 && o[b]-o[a] == step
}

var orders = []order{
	newOrder("abcdefghijklmnopqrstuvwxyz"), newOrder("0123456789"), newOrder("1234567890"),
	newOrder("qwertyuiop"), newOrder("asdfghjkl"), newOrder("zxcvbnm"),
	newOrder("qwertzuiop"), newOrder("yxcvbnm"), newOrder("azertyuiop"), newOrder("qsdfghjklm"), newOrder("wxcvbn"),
	newOrder("!@#$%^&*()"), newOrder("!\"§$%&/()="),
}

// isYear says whether the text begins with a year that people remember.
func isYear(text []rune) bool {
	if len(text) < 4 {
		return false
	}
	switch string(text[:2]) {
	case "15", "16", "17", "18", "19", "20":
		return isDigit(text[2]) && isDigit(text[3])
	}
	return false
}

func isDigit(r rune) bool { return r >= '0' && r <= '9' }
