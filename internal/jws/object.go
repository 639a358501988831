package jws

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"unicode/utf8"
)

// The limits of a JSON object. Tokens of Signet stay far below them. An object
// that exceeds them is rejected before it uses much time or memory.
const (
	maxDepth   = 8   // nested objects and arrays, including the outermost
	maxMembers = 256 // the members of all objects together
)

var errSyntax = reject("JSON is malformed")

// ParseObject parses one JSON object (RFC 8259). It rejects all input that two
// parsers may interpret differently:
//
//   - a name that occurs twice in an object, at any depth, after escapes are
//     resolved ("\u0065xp" is "exp")
//   - bytes before or after the object, including white space and a byte order
//     mark
//   - text that is not UTF-8
//   - a surrogate without its other half
//
// It also rejects more than 8 levels and more than 256 members in total. The
// caller must limit the size of data.
//
// The names in the result have no escapes. The values are subslices of data;
// each is valid JSON without white space around it. Every error is ErrInvalid.
func ParseObject(data []byte) (map[string]json.RawMessage, error) {
	members := map[string]json.RawMessage{}
	err := walk(data, func(name string, value json.RawMessage) error {
		members[name] = value
		return nil
	})
	if err != nil {
		return nil, err
	}
	return members, nil
}

// walk parses data, which must be one object, and calls member for each of its
// members in order. It stops at the first error.
func walk(data []byte, member func(name string, value json.RawMessage) error) error {
	if len(data) == 0 || data[0] != '{' {
		return reject("JSON does not begin with an object")
	}
	if !utf8.Valid(data) {
		return reject("JSON is not UTF-8")
	}

	s := scanner{data: data}
	if err := s.object(1, member); err != nil {
		return err
	}
	if s.pos != len(data) {
		return reject("JSON has bytes after the object")
	}
	return nil
}

// A scanner parses a JSON text that is valid UTF-8. Each method reads one
// element at pos and advances pos to the byte after it.
type scanner struct {
	data    []byte
	pos     int
	members int
}

// object reads an object. If member is not nil, object calls it for each
// member.
func (s *scanner) object(depth int, member func(string, json.RawMessage) error) error {
	var names []string
	return s.list(depth, '}', func() error {
		if s.members++; s.members > maxMembers {
			return reject("JSON has too many members")
		}

		raw, err := s.text()
		if err != nil {
			return err
		}
		name, err := unquote(raw)
		if err != nil {
			return err
		}
		if slices.Contains(names, name) {
			return reject("JSON has a duplicate member")
		}
		names = append(names, name)

		s.space()
		if !s.accept(':') {
			return errSyntax
		}
		s.space()
		start := s.pos
		if err := s.value(depth); err != nil || member == nil {
			return err
		}
		return member(name, s.data[start:s.pos:s.pos])
	})
}

// array reads an array.
func (s *scanner) array(depth int) error {
	return s.list(depth, ']', func() error { return s.value(depth) })
}

// list reads an opening bracket, elements that are separated by commas, and the
// closing bracket end.
func (s *scanner) list(depth int, end byte, element func() error) error {
	if depth > maxDepth {
		return reject("JSON is nested too deeply")
	}
	s.pos++
	s.space()
	if s.accept(end) {
		return nil
	}
	for {
		if err := element(); err != nil {
			return err
		}
		s.space()
		if s.accept(end) {
			return nil
		}
		if !s.accept(',') {
			return errSyntax
		}
		s.space()
	}
}

// value reads a value of any type inside an object or array of the given depth.
func (s *scanner) value(depth int) error {
	switch c := s.peek(); {
	case c == '{':
		return s.object(depth+1, nil)
	case c == '[':
		return s.array(depth + 1)
	case c == '"':
		_, err := s.text()
		return err
	case c == '-' || isDigit(c):
		return s.number()
	}
	for _, word := range []string{"true", "false", "null"} {
		if bytes.HasPrefix(s.data[s.pos:], []byte(word)) {
			s.pos += len(word)
			return nil
		}
	}
	return errSyntax
}

// text reads a string. The result includes the quotes and escapes.
func (s *scanner) text() ([]byte, error) {
	start := s.pos
	if !s.accept('"') {
		return nil, errSyntax
	}
	for {
		switch c := s.peek(); {
		case c == '"':
			s.pos++
			return s.data[start:s.pos], nil
		case c < 0x20: // a control character, or the end of the data
			return nil, errSyntax
		case c == '\\':
			s.pos++
			if err := s.escape(); err != nil {
				return nil, err
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
		if c == 0 || !bytes.ContainsRune([]byte(`"\/bfnrt`), rune(c)) {
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
	unit, err := strconv.ParseUint(string(s.data[s.pos+1:s.pos+5]), 16, 16)
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

// space skips white space.
func (s *scanner) space() {
	for c := s.peek(); c == ' ' || c == '\t' || c == '\n' || c == '\r'; c = s.peek() {
		s.pos++
	}
}

// accept reads the byte c if it is the next one, and reports whether it was.
func (s *scanner) accept(c byte) bool {
	if s.peek() != c {
		return false
	}
	s.pos++
	return true
}

// peek returns the byte at pos, or 0 at the end of the data. A 0 byte is not
// valid anywhere in JSON, so the two cases need no distinction.
func (s *scanner) peek() byte {
	if s.pos == len(s.data) {
		return 0
	}
	return s.data[s.pos]
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// unquote returns the content of a string that scanner.text returned, with its
// escapes resolved.
func unquote(raw []byte) (string, error) {
	if !bytes.ContainsRune(raw, '\\') {
		return string(raw[1 : len(raw)-1]), nil
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return "", errSyntax
	}
	return text, nil
}
