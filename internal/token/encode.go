package token

import (
	"encoding/json"
	"strconv"

	"github.com/signetd/signet/internal/oauth"
)

// The functions of this file append members to a JSON object. Tokens do not use
// json.Marshal for the standard claims, because it was the largest part of the
// cost of a token after the signature. Member names are constants and are not
// escaped.

// appendName appends the name of a member. A comma precedes it unless it is the
// first member of the object.
func appendName(b []byte, name string) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	b = append(append(b, '"'), name...)
	return append(b, '"', ':')
}

func appendMember(b []byte, name, text string) []byte { return appendText(appendName(b, name), text) }

func appendNumber(b []byte, name string, n int64) []byte {
	return strconv.AppendInt(appendName(b, name), n, 10)
}

func appendList(b []byte, name string, texts []string) []byte {
	b = append(appendName(b, name), '[')
	for i, text := range texts {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(b, text)
	}
	return append(b, ']')
}

// appendScope appends the scope claim. Scope tokens contain no characters that
// JSON escapes (RFC 6749 §3.3).
func appendScope(b []byte, scope oauth.Scope) []byte {
	b = append(appendName(b, "scope"), '"')
	for i, value := range scope {
		if i > 0 {
			b = append(b, ' ')
		}
		b = append(b, value...)
	}
	return append(b, '"')
}

// appendText appends text as a JSON string. Text that may need escapes goes
// through json.Marshal.
func appendText(b []byte, text string) []byte {
	for i := range len(text) {
		if mayNeedEscape(text[i]) {
			quoted, err := json.Marshal(text)
			if err != nil {
				panic(err) // json.Marshal does not fail for a string
			}
			return append(b, quoted...)
		}
	}
	b = append(append(b, '"'), text...)
	return append(b, '"')
}

// mayNeedEscape reports whether c is not printable ASCII, or is a quote or a
// backslash.
func mayNeedEscape(c byte) bool { return c < 0x20 || c > 0x7e || c == '"' || c == '\\' }
