package web

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/signetd/signet/internal/oauth"
)

// maxBody is the maximum length of a body, in bytes. The limits of single
// parameters are in package oauth, for example oauth.MaxToken.
const maxBody = 64 << 10

// A form has the parameters of an OAuth 2.0 request. A parameter without a
// value counts as missing (RFC 6749 §3.2).
type form struct {
	values map[string]string
	// resources are the audiences that the client requests (RFC 8707 §2).
	// resource is the only parameter that may occur more than once.
	resources []string
	// idempotencyKey is the value of the Idempotency-Key header.
	idempotencyKey string
}

func (f form) get(name string) string { return f.values[name] }

// readForm reads the form of a request to an endpoint (RFC 6749 §3.2). It
// rejects parameters in the URL, because URLs are logged (§2.3.1). It also
// rejects duplicate parameters, because a proxy may have checked the other one.
func readForm(w http.ResponseWriter, r *http.Request) (form, error) {
	if r.URL.RawQuery != "" || r.URL.ForceQuery {
		return form{}, malformed("Parameters belong in the body, not in the URL.")
	}
	if !isMedia(r, mediaForm) {
		return form{}, malformed("The body must be application/x-www-form-urlencoded in UTF-8.")
	}
	body, err := readBody(w, r, maxBody, "The body is longer than 64 KiB.")
	if err != nil {
		return form{}, err
	}

	f, err := parseForm(body)
	if err != nil {
		return form{}, err
	}
	f.idempotencyKey, err = parseIdempotencyKey(r.Header.Values("Idempotency-Key"))
	return f, err
}

// parseForm parses application/x-www-form-urlencoded (RFC 6749 appendix B).
func parseForm(body string) (form, error) {
	f := form{values: make(map[string]string)}
	all, err := url.ParseQuery(body)
	if err != nil {
		return form{}, malformed("The body is not well-formed.")
	}

	for name, values := range all {
		switch {
		case slices.ContainsFunc(append(values, name), func(v string) bool { return !utf8.ValidString(v) }):
			return form{}, malformed("A parameter is not UTF-8.")
		// ParseScope refuses such a scope with invalid_scope.
		case name != "scope" && slices.ContainsFunc(append(values, name), hasControls):
			return form{}, malformed("A parameter has a control character, such as a line break at the end.")
		case name == "resource":
			f.resources = slices.DeleteFunc(values, func(v string) bool { return v == "" })
		case len(values) > 1:
			return form{}, malformed("A parameter occurs more than once.")
		case values[0] != "":
			f.values[name] = values[0]
		}
	}
	// Some clients send audience instead of resource.
	if a := f.get("audience"); a != "" {
		f.resources = append(f.resources, a)
	}
	return f, f.check()
}

// check enforces the limits of single parameters.
func (f form) check() error {
	limits := map[string]int{"token": oauth.MaxToken, "refresh_token": oauth.MaxToken, "scope": oauth.MaxScope}
	for name, limit := range limits {
		if len(f.get(name)) > limit {
			return malformed(fmt.Sprintf("The parameter %s is longer than %d bytes.", name, limit))
		}
	}
	if len(f.resources) > oauth.MaxAudiences {
		return malformed("There are more than 16 resources.")
	}
	for _, resource := range f.resources {
		if !oauth.ValidAudienceID(resource) {
			return oauth.ErrAudienceID
		}
	}
	return nil
}

// parseIdempotencyKey returns the value of the Idempotency-Key header, or an
// empty string if there is none.
func parseIdempotencyKey(values []string) (string, error) {
	switch {
	case len(values) == 0:
		return "", nil
	case len(values) > 1 || len(values[0]) > oauth.MaxIdempotencyKey:
		return "", malformed("There must be one Idempotency-Key, of at most 256 bytes.")
	}
	return values[0], nil
}

// required returns the parameter of that name, or invalid_request if it is
// missing.
func (f form) required(name string) (string, error) {
	if value := f.get(name); value != "" {
		return value, nil
	}
	return "", malformed("The parameter " + name + " is missing.")
}

func hasControls(text string) bool { return strings.ContainsFunc(text, unicode.IsControl) }

// isText reports whether text is UTF-8 without control characters.
func isText(text string) bool { return utf8.ValidString(text) && !hasControls(text) }
