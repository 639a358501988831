package web

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/signetd/signet/internal/oauth"
)

// maxBody bounds a body, in bytes; what it may hold is in oauth.MaxToken and its kin.
const maxBody = 64 << 10

// A form is what an OAuth 2.0 request says in its body. A parameter without a value is not there (RFC 6749 §3.2).
type form struct {
	values map[string]string
	// resources are the audiences that it names (RFC 8707 §2): the one parameter that may be there more than once.
	resources []string
	// idempotencyKey comes with the Idempotency-Key header.
	idempotencyKey string
}

func (f form) get(name string) string { return f.values[name] }

// readForm reads a request to one of the endpoints (RFC 6749 §3.2). Parameters in the URL are refused, since URLs are
// written to logs (§2.3.1), and so is one that is there twice: whoever stands before us might obey the other.
func readForm(w http.ResponseWriter, r *http.Request) (form, error) {
	if r.URL.RawQuery != "" || r.URL.ForceQuery {
		return form{}, malformed("Parameters belong into the body, not into the URL.")
	}
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if charset := params["charset"]; err != nil || media != "application/x-www-form-urlencoded" ||
		charset != "" && !strings.EqualFold(charset, "utf-8") {
		return form{}, malformed("The body must be application/x-www-form-urlencoded in UTF-8.")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return form{}, malformed("The body is longer than 64 KiB.")
	} else if err != nil {
		return form{}, oauth.Because(oauth.InvalidRequest, "The body ended early.", err)
	}
	f, err := parseForm(string(body))
	if err != nil {
		return form{}, err
	}
	f.idempotencyKey, err = idempotencyKey(r.Header.Values("Idempotency-Key"))
	return f, err
}

// parseForm reads application/x-www-form-urlencoded (RFC 6749 appendix B).
func parseForm(body string) (form, error) {
	f := form{values: make(map[string]string)}
	all, err := url.ParseQuery(body)
	if err != nil {
		return form{}, malformed("The body is not well-formed.")
	}
	for name, values := range all {
		switch {
		case slices.ContainsFunc(values, func(v string) bool { return !utf8.ValidString(v) }):
			return form{}, malformed("A parameter is not UTF-8.")
		case name == "resource":
			f.resources = slices.DeleteFunc(values, func(v string) bool { return v == "" })
		case len(values) > 1:
			return form{}, malformed("A parameter is there more than once.")
		case values[0] != "":
			f.values[name] = values[0]
		}
	}
	if a := f.get("audience"); a != "" { // what some clients call the resource
		f.resources = append(f.resources, a)
	}
	return f, f.check()
}

// check bounds what goes on to the issuer.
func (f form) check() error {
	for name, limit := range map[string]int{"token": oauth.MaxToken, "refresh_token": oauth.MaxToken, "scope": oauth.MaxScope} {
		if len(f.get(name)) > limit {
			return malformed(fmt.Sprintf("The parameter %s is longer than %d bytes.", name, limit))
		}
	}
	if len(f.resources) > oauth.MaxAudiences {
		return malformed("There are more than 16 resources.")
	}
	for _, resource := range f.resources {
		if !oauth.ValidAudienceID(resource) {
			return oauth.Refused(oauth.InvalidTarget, nil)
		}
	}
	return nil
}

func idempotencyKey(values []string) (string, error) {
	switch {
	case len(values) == 0:
		return "", nil
	case len(values) > 1 || len(values[0]) > oauth.MaxIdempotencyKey:
		return "", malformed("There must be one Idempotency-Key, of at most 256 bytes.")
	}
	return values[0], nil
}

// required returns a parameter that must be there.
func (f form) required(name string) (string, error) {
	if value := f.get(name); value != "" {
		return value, nil
	}
	return "", malformed("The parameter " + name + " is missing.")
}

func malformed(sentence string) error { return oauth.Fail(oauth.InvalidRequest, sentence) }
