package browser

import "strings"

// maxReturnTo is the maximum length of a path to return to, in bytes.
const maxReturnTo = 2 << 10

// ReturnTo returns the path that a page is sent back to: path if it is one on
// the same origin, otherwise "/". A browser reads // and /\ at the beginning as
// another host, and ignores some control characters.
func ReturnTo(path string) string {
	printable := func(c rune) bool { return c > ' ' && c < 0x7f }
	if len(path) > maxReturnTo || !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") ||
		strings.HasPrefix(path, `/\`) || strings.ContainsFunc(path, func(c rune) bool { return !printable(c) }) {
		return "/"
	}
	return path
}
