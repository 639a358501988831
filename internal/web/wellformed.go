package web

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/signetd/signet/internal/oauth"
)

// singletons are the headers with one value (RFC 9110 §5.3) that a handler
// reads. If such a header occurs twice, a proxy may have checked the other one.
var singletons = []string{
	"Authorization", "Content-Encoding", "Content-Type", "Idempotency-Key", "If-Range", "Range",
}

// wellFormed refuses the malformed requests that net/http passes on. The
// handlers on all listeners are behind it. What net/http refuses or corrects
// itself, such as two lengths, no handler can see.
func wellFormed(proxies oauth.Proxies, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := checkRequest(r); err != nil {
			identify(w, r, proxies)
			writeError(r.Context(), w, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// checkRequest returns invalid_request if the request target or a singleton
// header is malformed.
func checkRequest(r *http.Request) error {
	// A target has only printable ASCII, and neither a fragment (RFC 9112 §3.2)
	// nor user information (RFC 9110 §4.2.4).
	if strings.ContainsFunc(r.RequestURI, func(c rune) bool { return c <= ' ' || c >= 0x7f || c == '#' }) ||
		r.URL.User != nil {
		return malformed("The request target is malformed.")
	}
	query, err := url.QueryUnescape(r.URL.RawQuery)
	if err != nil || !isText(query) || !isText(r.URL.Path) {
		return malformed("The request target must be text in UTF-8 without control characters, percent-encoded.")
	}
	for _, name := range singletons {
		if len(r.Header[name]) > 1 {
			return malformed("The header " + name + " occurs more than once.")
		}
	}
	return nil
}
