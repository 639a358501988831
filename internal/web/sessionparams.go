package web

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/signetd/signet/internal/jws"
	"github.com/signetd/signet/internal/oauth"
)

// maxSessionBody is the maximum length of the body of a page's request, in
// bytes.
const maxSessionBody = 4 << 10

// params are the parameters of a page's request: the members of a JSON object,
// or the fields of a form. Those that no endpoint knows are ignored, as in the
// requests of RFC 6749 §3.2. A member that is null counts as missing.
type params struct {
	object jws.Object
	// fields is nil if the body is JSON.
	fields url.Values
	// err is the error for the first invalid parameter.
	err error
}

// readParams reads the body of a request.
func readParams(w http.ResponseWriter, r *http.Request, form bool) (*params, error) {
	body, err := readBody(w, r, maxSessionBody, "The body is longer than 4 KiB.")
	if err != nil {
		return nil, err
	}
	if form {
		return parseFields(body)
	}
	object, err := jws.ParseObject(strings.Trim(body, " \t\r\n"))
	if err != nil {
		return nil, oauth.Wrap(
			oauth.InvalidRequest, "The body must be one JSON object in UTF-8 without duplicate members.", err)
	}
	return &params{object: object}, nil
}

// parseFields parses the fields of an HTML form.
func parseFields(body string) (*params, error) {
	fields, err := url.ParseQuery(body)
	if err != nil {
		return nil, malformed("The body is not well-formed.")
	}
	for name, values := range fields {
		for _, v := range values {
			if !utf8.ValidString(name) || !utf8.ValidString(v) {
				return nil, malformed("A parameter is not UTF-8.")
			}
		}
		if len(values) > 1 && name != "audience" {
			return nil, malformed("A parameter occurs more than once.")
		}
	}
	return &params{fields: fields}, nil
}

// fail sets the error, unless there is one.
func (p *params) fail(err error) {
	if p.err == nil {
		p.err = err
	}
}

// member returns a member of the object. ok is false if it is missing.
func (p *params) member(name string) (v jws.Value, ok bool) {
	v, ok = p.object.Get(name)
	return v, ok && v != "null"
}

// text returns a parameter of at most limit bytes, or an empty string if it is
// missing.
func (p *params) text(name string, limit int) string {
	text := p.fields.Get(name)
	if v, ok := p.member(name); ok {
		if text, ok = v.Text(); !ok {
			p.fail(malformed("The member " + name + " must be a string."))
		}
	}
	if len(text) > limit {
		p.fail(malformed(fmt.Sprintf("The parameter %s is longer than %d bytes.", name, limit)))
		return ""
	}
	return text
}

// required is text for a parameter that must not be empty.
func (p *params) required(name string, limit int) string {
	text := p.text(name, limit)
	if text == "" {
		p.fail(malformed("The parameter " + name + " is missing."))
	}
	return text
}

// label is text for a parameter that other people may see in a terminal.
func (p *params) label(name string, limit int) string {
	text := p.text(name, limit)
	if strings.ContainsFunc(
		text, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) },
	) {
		p.fail(malformed("The parameter " + name + " must not have control characters."))
	}
	return text
}

// flag returns a boolean parameter, or unset if it is missing. A form has the
// value "on" of a check box for true.
func (p *params) flag(name string, unset bool) bool {
	value := p.fields.Get(name)
	if v, ok := p.member(name); ok {
		value = string(v)
	}
	switch {
	case value == "":
		return unset
	case value == "true" || value == "on" && p.fields != nil:
		return true
	case value != "false":
		p.fail(malformed("The parameter " + name + " must be true or false."))
	}
	return false
}

// audience returns the audiences that the page requests.
func (p *params) audience() []string {
	var names []string
	for _, name := range p.fields["audience"] {
		if name != "" {
			names = append(names, name)
		}
	}
	if v, ok := p.member("audience"); ok {
		if names, ok = v.Texts(); !ok {
			p.fail(malformed("The member audience must be an array of strings."))
		}
	}
	if len(names) > oauth.MaxAudiences {
		p.fail(malformed("There are more than 16 audiences."))
	}
	for _, name := range names {
		if !oauth.ValidAudienceID(name) {
			p.fail(oauth.ErrAudienceID)
		}
	}
	return names
}

// returnTo returns the path that a form is sent back to. It may be invalid. It
// is empty if the form could not be read.
func (p *params) returnTo() string {
	if p == nil {
		return ""
	}
	return p.fields.Get("return_to")
}
