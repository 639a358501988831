package jws

import (
	"encoding/json"
	"strconv"
	"strings"
)

// text reads a string. The result includes the quotes and escapes.
func (s *scanner) text() (string, error) {
	start := s.pos
	if !s.accept('"') {
		return "", errSyntax
	}
	for {
		switch c := s.peek(); {
		case c == '"':
			s.pos++
			return s.data[start:s.pos], nil
		case c < 0x20: // a control character, or the end of the data
			return "", errSyntax
		case c == '\\':
			s.pos++
			if err := s.escape(); err != nil {
				return "", err
			}
		default:
			s.pos++
		}
	}
}

// escape reads an escape sequence after its backslash. If the sequence is a
// high surrogate, it also reads the low surrogate.
func (s *scanner) escape() error {
	c := s.peek()
	if c != 'u' {
		if strings.IndexByte(`"\/bfnrt`, c) < 0 {
			return errSyntax
		}
		s.pos++
		return nil
	}
	unit, ok := s.codeUnit()
	if !ok {
		return errSyntax
	}
	switch {
	case 0xdc00 <= unit && unit <= 0xdfff:
		return reject("JSON has half a surrogate pair")
	case 0xd800 <= unit && unit <= 0xdbff:
		if !s.accept('\\') {
			return reject("JSON has half a surrogate pair")
		}
		if low, ok := s.codeUnit(); !ok || low < 0xdc00 || low > 0xdfff {
			return reject("JSON has half a surrogate pair")
		}
	}
	return nil
}

// codeUnit reads the letter u and four hexadecimal digits.
func (s *scanner) codeUnit() (uint64, bool) {
	if s.peek() != 'u' || len(s.data)-s.pos < 5 {
		return 0, false
	}
	unit, err := strconv.ParseUint(s.data[s.pos+1:s.pos+5], 16, 16)
	s.pos += 5
	return unit, err == nil
}

// number reads a number.
func (s *scanner) number() error {
	s.accept('-')
	if !s.accept('0') && !s.digits() {
		return errSyntax
	}
	if s.accept('.') && !s.digits() {
		return errSyntax
	}
	if s.accept('e') || s.accept('E') {
		if !s.accept('+') {
			s.accept('-')
		}
		if !s.digits() {
			return errSyntax
		}
	}
	return nil
}

// digits reads all digits at pos and reports whether there was at least one.
func (s *scanner) digits() bool {
	start := s.pos
	for isDigit(s.peek()) {
		s.pos++
	}
	return s.pos > start
}

// unquoted reads a string and returns its content, with its escapes resolved.
func (s *scanner) unquoted() (string, error) {
	quoted, err := s.text()
	if err != nil {
		return "", err
	}
	if strings.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1], nil
	}
	var text string
	if err := json.Unmarshal([]byte(quoted), &text); err != nil {
		return "", errSyntax
	}
	return text, nil
}
