package jws

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"unicode/utf8"
)

// What a JSON object may hold. Our own tokens stay far below; a hostile one is refused before it costs anything.
const (
	maxDepth   = 8   // objects and arrays inside each other, the outermost included
	maxMembers = 256 // members of all its objects together
)

var errSyntax = refuse("its JSON is malformed")

// Object reads one JSON object (RFC 8259) and refuses whatever two readers might understand differently: a name that occurs
// twice in an object at any depth (escapes resolved, so that "\u0065xp" is "exp"), bytes before or after the object (also
// white space and a byte order mark), text that is not UTF-8, and surrogates without their other half. It also refuses more
// than 8 levels and more than 256 members in all. The caller bounds the size. Names come back without escapes; the values
// are slices of data, each valid JSON without white space around it. Every error is ErrInvalid.
func Object(data []byte) (map[string]json.RawMessage, error) {
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

// walk calls member for each member of the one object that data holds, in order, and ends at the first error.
func walk(data []byte, member func(name string, value json.RawMessage) error) error {
	if len(data) == 0 || data[0] != '{' {
		return refuse("its JSON does not begin with an object")
	}
	if !utf8.Valid(data) {
		return refuse("its JSON is not UTF-8")
	}
	s := scanner{data: data}
	if err := s.object(1, member); err != nil {
		return err
	}
	if s.pos != len(data) {
		return refuse("its JSON goes on after the object")
	}
	return nil
}

// A scanner stands at a byte of a JSON text that is valid UTF-8. Its methods leave it behind what they have read.
type scanner struct {
	data    []byte
	pos     int
	members int
}

// object reads an object and calls member, unless it is nil, for each of its members.
func (s *scanner) object(depth int, member func(string, json.RawMessage) error) error {
	var names []string
	return s.list(depth, '}', func() error {
		if s.members++; s.members > maxMembers {
			return refuse("its JSON has too many members")
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
			return refuse("its JSON has a member twice")
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

func (s *scanner) array(depth int) error {
	return s.list(depth, ']', func() error { return s.value(depth) })
}

// list reads what begins with a bracket, holds elements with commas between them, and ends with end.
func (s *scanner) list(depth int, end byte, element func() error) error {
	if depth > maxDepth {
		return refuse("its JSON is too deep")
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

// value reads any value inside a list of that depth.
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

// text reads a string and returns it with its quotes and escapes.
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
		case c < 0x20: // a control character, or the end of the text
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

// escape reads what follows a backslash; a surrogate with its other half.
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
		return refuse("its JSON has half a surrogate pair")
	case 0xd800 <= unit && unit <= 0xdbff:
		if !s.accept('\\') {
			return refuse("its JSON has half a surrogate pair")
		}
		if low, ok := s.codeUnit(); !ok || low < 0xdc00 || low > 0xdfff {
			return refuse("its JSON has half a surrogate pair")
		}
	}
	return nil
}

// codeUnit reads u and four hexadecimal digits.
func (s *scanner) codeUnit() (uint64, bool) {
	if s.peek() != 'u' || len(s.data)-s.pos < 5 {
		return 0, false
	}
	unit, err := strconv.ParseUint(string(s.data[s.pos+1:s.pos+5]), 16, 16)
	s.pos += 5
	return unit, err == nil
}

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

// digits reads as many digits as there are and says whether there was one.
func (s *scanner) digits() bool {
	start := s.pos
	for isDigit(s.peek()) {
		s.pos++
	}
	return s.pos > start
}

func (s *scanner) space() {
	for c := s.peek(); c == ' ' || c == '\t' || c == '\n' || c == '\r'; c = s.peek() {
		s.pos++
	}
}

func (s *scanner) accept(c byte) bool {
	if s.peek() != c {
		return false
	}
	s.pos++
	return true
}

// peek returns the byte at hand, 0 at the end. No JSON text has a 0 byte where something may stand.
func (s *scanner) peek() byte {
	if s.pos == len(s.data) {
		return 0
	}
	return s.data[s.pos]
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// unquote returns the text of a string that a scanner has read.
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
