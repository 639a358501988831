package web

import (
	"net/http"

	"github.com/signetd/signet/internal/client"
)

// A pageAccess decides which pages of other origins may call an endpoint and
// read its responses (Fetch Standard §3.2): those whose origin the public
// client of the request has registered. Such a page sends no cookies and no
// other credentials. The zero value allows none.
type pageAccess struct{ registry *client.Registry }

// allow sets the headers of a response whose client is not known yet. It
// reports whether a client allows the origin of the request. A page needs that
// to read an error, and a preflight request names no client.
func (a pageAccess) allow(header http.Header, r *http.Request) bool {
	if a.registry == nil {
		return false
	}
	header.Add("Vary", "Origin")
	origins := r.Header.Values("Origin")
	if len(origins) != 1 || !a.registry.LastSnapshot().AllowsOrigin(origins[0]) {
		return false
	}
	header.Set("Access-Control-Allow-Origin", origins[0])
	header.Set("Access-Control-Expose-Headers", "Retry-After, X-Request-Id")
	return true
}

// restrict removes what allow has set, if the origin is not one of the client
// that sends the request.
func (a pageAccess) restrict(header http.Header, c client.Client) {
	if !c.AllowsOrigin(header.Get("Access-Control-Allow-Origin")) {
		header.Del("Access-Control-Allow-Origin")
		header.Del("Access-Control-Expose-Headers")
	}
}

// isPreflight reports whether a browser asks if a page may send a request
// (Fetch Standard §4.8).
func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
}
