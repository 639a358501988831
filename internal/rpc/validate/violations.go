package validate

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/signetd/signet/internal/oauth"
)

// The maximum sizes of fields that several services have, in bytes.
const (
	MaxUsername = 1 << 10
	MaxPassword = 1 << 10
)

// Violations are the invalid fields of a request. As an error, they belong to
// the category invalid_request.
type Violations []*errdetails.BadRequest_FieldViolation

// Error returns the names of the fields and what each must be. It never
// contains a value.
func (v Violations) Error() string {
	var texts []string
	for _, f := range v {
		texts = append(texts, f.GetField()+" "+f.GetDescription())
	}
	return strings.Join(texts, "; ")
}

// Unwrap returns the category.
func (v Violations) Unwrap() error { return oauth.InvalidRequest }

// Err returns the violations as an error, or nil if there are none.
func (v Violations) Err() error {
	if len(v) == 0 {
		return nil
	}
	return v
}

// Add adds a violation. The description says what the field must be.
func (v *Violations) Add(field, description string) {
	*v = append(*v, &errdetails.BadRequest_FieldViolation{Field: field, Description: description})
}

// Bounded adds a violation if the value has more than limit bytes.
func (v *Violations) Bounded(field, value string, limit int) {
	if len(value) > limit {
		v.Add(field, fmt.Sprintf("must not have more than %d bytes", limit))
	}
}

// Required adds a violation if the value is empty or has more than limit bytes.
func (v *Violations) Required(field, value string, limit int) {
	if value == "" {
		v.Add(field, "must not be empty")
	}
	v.Bounded(field, value, limit)
}

// Token adds a violation if the value cannot be a token: it is empty, longer
// than every token, or has a control character, such as a line break at the
// end. Otherwise a revocation of such a value would succeed and have no effect.
func (v *Violations) Token(field, value string) {
	v.Required(field, value, oauth.MaxToken)
	if strings.ContainsFunc(value, unicode.IsControl) {
		v.Add(field, "must not have control characters, such as a line break at the end")
	}
}

// Label adds a violation if the value has more than limit bytes, or a control
// character that could change what a terminal shows.
func (v *Violations) Label(field, value string, limit int) {
	v.Bounded(field, value, limit)
	if strings.ContainsFunc(
		value, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) },
	) {
		v.Add(field, "must not have control characters")
	}
}

// Claims adds a violation if a claim has a number that a Struct has perhaps
// changed: its numbers are float64.
func (v *Violations) Claims(field string, claims *structpb.Struct) {
	for _, name := range slices.Sorted(maps.Keys(claims.GetFields())) {
		n, ok := claims.GetFields()[name].GetKind().(*structpb.Value_NumberValue)
		if ok && !oauth.ValidClaimNumber(n.NumberValue) {
			if oauth.ValidClaimName(name) { // it has no character that could confuse a reader
				field += "." + name
			}
			v.Add(field, oauth.ClaimNumberRule)
			return
		}
	}
}
