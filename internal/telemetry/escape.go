package telemetry

import (
	"bytes"
	"fmt"
	"io"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// An escapingWriter writes JSON lines to w, with one call of Write for each.
type escapingWriter struct{ w io.Writer }

// Write writes line with one call of Write. The returned count is in bytes of
// line, not of its escaped form. It returns io.ErrShortWrite if the escaped
// form was written in part.
func (e escapingWriter) Write(line []byte) (int, error) {
	text := escape(line)
	n, err := e.w.Write(text)
	if err == nil && n < len(text) {
		err = io.ErrShortWrite
	}
	return min(n, len(line)), err
}

// escape returns the same JSON with a \u escape for every character that is not
// printable. JSON itself does not escape DEL, the C1 control characters (one of
// which starts terminal sequences as ESC does), and the characters that change
// the direction of text. Except for the line feed at the end, such characters
// only occur in strings.
func escape(line []byte) []byte {
	if !bytes.ContainsFunc(line, mustEscape) {
		return line
	}

	out := make([]byte, 0, len(line)+16)
	for len(line) > 0 {
		r, size := utf8.DecodeRune(line)
		switch {
		case !mustEscape(r):
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

// mustEscape reports whether r is not printable, other than a line feed.
func mustEscape(r rune) bool {
	if r < unicode.MaxASCII { // DEL is MaxASCII
		return r < ' ' && r != '\n'
	}
	return !unicode.IsPrint(r)
}
