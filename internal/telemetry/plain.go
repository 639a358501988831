package telemetry

import (
	"bytes"
	"fmt"
	"io"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// plain passes lines of JSON on, with all that is not printable escaped: JSON leaves DEL, the control characters of C1
// (one of which begins terminal sequences as ESC does) and those that turn the direction of writing as they are.
type plain struct{ w io.Writer }

// Write passes line on with one Write. Its count is that of line.
func (p plain) Write(line []byte) (int, error) {
	n, err := p.w.Write(escape(line))
	return min(n, len(line)), err
}

// escape returns the same JSON with every character that is not printable as \u escapes. Such characters stand in strings
// only, but for the line's end.
func escape(line []byte) []byte {
	if !bytes.ContainsFunc(line, hidden) {
		return line
	}
	out := make([]byte, 0, len(line)+16)
	for len(line) > 0 {
		r, size := utf8.DecodeRune(line)
		switch {
		case !hidden(r):
			out = append(out, line[:size]...)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		line = line[size:]
	}
	return out
}

func hidden(r rune) bool {
	if r < unicode.MaxASCII { // without DEL
		return r < ' ' && r != '\n'
	}
	return !unicode.IsPrint(r)
}
