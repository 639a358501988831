package oauth

import (
	"slices"
	"strings"

	"github.com/signetd/signet/internal/jws"
)

// A Scope is a set of scope tokens (RFC 6749 §3.3), sorted and without
// duplicates.
type Scope []string

// ParseScope parses scope tokens that are separated by spaces. RFC 6749 §3.3
// has one space between two tokens. ParseScope also accepts several, and spaces
// at both ends, because some clients join lists that have empty values. It
// returns invalid_scope for more than 64 tokens, for spaces without a token,
// and for characters that RFC 6749 §3.3 does not allow.
func ParseScope(text string) (Scope, error) {
	if text == "" {
		return nil, nil
	}
	tokens := strings.FieldsFunc(text, func(r rune) bool { return r == ' ' })
	if len(tokens) > jws.MaxScopeTokens {
		return nil, Fail(InvalidScope, "The scope names more than 64 values.")
	}
	if len(tokens) == 0 || slices.ContainsFunc(tokens, func(t string) bool { return !ValidToken(t) }) {
		return nil, Fail(InvalidScope, "The scope is malformed.")
	}
	return NewScope(tokens...), nil
}

// NewScope returns the scope of these tokens, in any order.
func NewScope(tokens ...string) Scope {
	s := slices.Clone(tokens)
	slices.Sort(s)
	return Scope(slices.Compact(s))
}

// Valid reports whether ParseScope could return the scope.
func (s Scope) Valid() bool { return jws.ValidScope(s) }

// String returns the tokens separated by spaces.
func (s Scope) String() string { return strings.Join(s, " ") }

// Within reports whether every token of s is in other.
func (s Scope) Within(other Scope) bool {
	for _, t := range s {
		if !slices.Contains(other, t) {
			return false
		}
	}
	return true
}

// Intersect returns the tokens that are in both scopes.
func (s Scope) Intersect(other Scope) Scope {
	var both Scope
	for _, t := range s {
		if slices.Contains(other, t) {
			both = append(both, t)
		}
	}
	return both
}

// ValidToken reports whether t is a scope token (RFC 6749 §3.3): printable
// ASCII without space, quote and backslash, and not empty.
func ValidToken(t string) bool { return jws.ValidToken(t) }
