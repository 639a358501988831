package jws

import (
	"strings"
	"unicode/utf8"
)

// The limits of a JSON object. Tokens of Signet stay far below them. An object
// that exceeds them is rejected before it uses much time or memory.
const (
	maxDepth   = 8   // nested objects and arrays, including the outermost
	maxMembers = 256 // the members of all objects together
)

var errSyntax = reject("JSON is malformed")

// An Object is the members of a JSON object, in their order.
type Object []Member

// A Member is a member of an Object. Its name has no escapes.
type Member struct {
	Name  string
	Value Value
}

// A Value is valid JSON without white space around it.
type Value string

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
// caller must limit the size of text. The result consists of substrings of it.
// Every error is ErrInvalid.
func ParseObject(text string) (Object, error) {
	s := scanner{data: text}
	if err := s.document(); err != nil {
		return nil, err
	}
	o := make(Object, s.open.n)
	for i := range o {
		o[i] = *s.open.at(i)
	}
	return o, nil
}

// Get returns the value of a member.
func (o Object) Get(name string) (Value, bool) {
	for _, m := range o {
		if m.Name == name {
			return m.Value, true
		}
	}
	return "", false
}

// Text returns the content of a string. ok reports whether v is a string.
func (v Value) Text() (text string, ok bool) {
	s := scanner{data: string(v)}
	text, err := s.unquoted()
	return text, err == nil
}

// Texts returns the elements of an array of strings. ok reports whether v is
// one.
func (v Value) Texts() (texts []string, ok bool) {
	if v[0] != '[' {
		return nil, false
	}
	texts = make([]string, 0, min(1+strings.Count(string(v), ","), MaxAudiences))
	s := scanner{data: string(v), pos: 1}
	for s.space(); !s.accept(']'); s.space() {
		if s.accept(',') {
			s.space()
		}
		text, err := s.unquoted()
		if err != nil {
			return nil, false
		}
		texts = append(texts, text)
	}
	return texts, true
}

// A scanner parses a JSON text that is valid UTF-8. Each method reads one
// element at pos and advances pos to the byte after it.
type scanner struct {
	data string
	pos  int
	// open has the members of the objects that contain pos, the outermost
	// object first.
	open    memberList
	members int
}

// A memberList is a list of members. The first ones are in an array, so that a
// token with the usual number of claims is read without an allocation.
type memberList struct {
	first [20]Member
	rest  []Member
	n     int
}

// at returns the member with that index.
func (l *memberList) at(i int) *Member {
	if i < len(l.first) {
		return &l.first[i]
	}
	return &l.rest[i-len(l.first)]
}

// add appends a member without a value.
func (l *memberList) add(name string) {
	if l.n < len(l.first) {
		l.first[l.n] = Member{Name: name}
	} else {
		l.rest = append(l.rest[:l.n-len(l.first)], Member{Name: name})
	}
	l.n++
}

// has reports whether a member from that index on has the name.
func (l *memberList) has(from int, name string) bool {
	for i := from; i < l.n; i++ {
		if l.at(i).Name == name {
			return true
		}
	}
	return false
}

// document reads the object that the whole data is. Its members are then in
// open.
func (s *scanner) document() error {
	if !strings.HasPrefix(s.data, "{") {
		return reject("JSON does not begin with an object")
	}
	if !utf8.ValidString(s.data) {
		return reject("JSON is not UTF-8")
	}
	if err := s.list(1, '}'); err != nil {
		return err
	}
	if s.pos != len(s.data) {
		return reject("JSON has bytes after the object")
	}
	return nil
}

// list reads an opening bracket, values or members that are separated by
// commas, and the closing bracket end.
func (s *scanner) list(depth int, end byte) error {
	if depth > maxDepth {
		return reject("JSON is nested too deeply")
	}
	s.pos++
	s.space()
	if s.accept(end) {
		return nil
	}
	first := s.open.n
	for {
		var err error
		if end == '}' {
			err = s.member(depth, first)
		} else {
			err = s.value(depth)
		}
		if err != nil {
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

// member reads a member of the object whose first member is at that index.
func (s *scanner) member(depth, first int) error {
	if s.members++; s.members > maxMembers {
		return reject("JSON has too many members")
	}
	name, err := s.unquoted()
	if err != nil {
		return err
	}
	if s.open.has(first, name) {
		return reject("JSON has a duplicate member")
	}
	s.open.add(name)

	s.space()
	if !s.accept(':') {
		return errSyntax
	}
	s.space()
	start, last := s.pos, s.open.n-1
	if err := s.value(depth); err != nil {
		return err
	}
	s.open.n = last + 1 // without the members inside the value
	s.open.at(last).Value = Value(s.data[start:s.pos])
	return nil
}

// value reads a value of any type inside an object or array of the given depth.
func (s *scanner) value(depth int) error {
	switch c := s.peek(); {
	case c == '{':
		return s.list(depth+1, '}')
	case c == '[':
		return s.list(depth+1, ']')
	case c == '"':
		_, err := s.text()
		return err
	case c == '-' || isDigit(c):
		return s.number()
	}
	for _, word := range []string{"true", "false", "null"} {
		if strings.HasPrefix(s.data[s.pos:], word) {
			s.pos += len(word)
			return nil
		}
	}
	return errSyntax
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
