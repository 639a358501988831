package oauth

import "strings"

// forwardedFor returns the node identifier in the parameter for of a
// forwarded-element (RFC 7239 §4). It returns an empty string if the element
// has no such parameter, or more than one.
func forwardedFor(element string) (node string) {
	for more := true; more; {
		var pair string
		element, pair, more = cutLast(element, ';')
		name, value, _ := strings.Cut(pair, "=")
		if !strings.EqualFold(trimSpaces(name), "for") {
			continue
		}
		if node != "" {
			return ""
		}
		node = unquote(trimSpaces(value))
	}

	// An obfuscated port (RFC 7239 §6.3) says nothing about the address.
	node, _, _ = strings.Cut(node, ":_")
	return node
}

// cutLast returns the last item of a list and what is before its separator. A
// separator within a quoted string belongs to the string. found is false if the
// list has only one item.
//
// It reads from the end. A quote that a caller has opened and not closed hides
// nothing that a proxy has added after it.
func cutLast(list string, separator byte) (before, last string, found bool) {
	quoted := false
	for i := len(list) - 1; i >= 0; i-- {
		switch c := list[i]; {
		case c == separator && !quoted:
			return list[:i], list[i+1:], true
		case c == '"' && !(quoted && isEscaped(list[:i])):
			quoted = !quoted
		}
	}
	return "", list, false
}

// isEscaped reports whether a backslash escapes the character after text.
func isEscaped(text string) bool {
	return (len(text)-len(strings.TrimRight(text, `\`)))%2 == 1
}

// unquote returns the content of a quoted string (RFC 9110 §5.6.4), or text if
// it is none. No address has a backslash, so each one in the string is an
// escape.
func unquote(text string) string {
	if len(text) < 2 || text[0] != '"' || text[len(text)-1] != '"' {
		return text
	}
	return strings.ReplaceAll(text[1:len(text)-1], `\`, "")
}

// trimSpaces removes optional whitespace (RFC 9110 §5.6.3) at both ends.
func trimSpaces(text string) string { return strings.Trim(text, " \t") }
