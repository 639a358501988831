package web

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/signetd/signet/internal/client"
)

// preflightMaxAge is how long a browser remembers the response to a preflight
// request, in seconds. Chromium remembers none for longer.
const preflightMaxAge = "7200"

const notRegistered = "The request is not from a page of a registered application."

var (
	errOrigins   = errors.New("the request does not have exactly one registered Origin")
	errCrossSite = errors.New("the Sec-Fetch-Site header is cross-site or invalid")
	errMedia     = errors.New("the body is neither JSON nor a form of the same origin that the endpoint accepts")
)

// allowedSites are the values of Sec-Fetch-Site of pages that may call. The
// cookies of an application do not reach another site. Without the header, the
// Origin alone decides: browsers older than 2023 do not send it.
var allowedSites = []string{"same-origin", "same-site", "none"}

// allowOrigin lets the page that sends the request read the response, if its
// origin is registered (Fetch Standard §3.2). It reports whether it is.
func allowOrigin(header http.Header, r *http.Request, registry *client.Registry) bool {
	header.Add("Vary", "Origin")
	origins := r.Header.Values("Origin")
	if len(origins) != 1 {
		return false
	}
	if _, ok := registry.LastSnapshot().ByOrigin(origins[0]); !ok {
		return false
	}
	header.Set("Access-Control-Allow-Origin", origins[0])
	header.Set("Access-Control-Allow-Credentials", "true")
	header.Set("Access-Control-Expose-Headers", "Retry-After, X-Request-Id")
	return true
}

// allowPreflight adds what a response to a preflight request has.
func allowPreflight(header http.Header) {
	header.Set("Access-Control-Allow-Methods", http.MethodPost)
	header.Set("Access-Control-Allow-Headers", "Content-Type, Idempotency-Key")
	header.Set("Access-Control-Max-Age", preflightMaxAge)
}

// sameOrigin reports whether the page has the origin of the endpoint itself, as
// the browser sees it. If the browser does not say so, the Host header must be
// that of the page's origin, which is registered.
func sameOrigin(r *http.Request) bool {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" {
		return site == "same-origin"
	}
	origin, err := url.Parse(r.Header.Get("Origin"))
	return err == nil && origin.Host != "" && r.Host == origin.Host
}
