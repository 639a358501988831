package browser

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/signetd/signet/internal/client"
)

// requestOrigin returns the origin of a URL (RFC 6454 §6.2) with this scheme
// and host. The scheme of a WebSocket is that of its handshake.
func requestOrigin(proto, host string) string {
	proto, host = strings.ToLower(proto), strings.ToLower(host)
	switch proto {
	case "https", "wss":
		return "https://" + strings.TrimSuffix(host, ":443")
	case "http", "ws":
		return "http://" + strings.TrimSuffix(host, ":80")
	}
	return ""
}

// safeMethods are the methods with which a request of a page changes nothing
// (RFC 9110 §9.2.1).
var safeMethods = []string{http.MethodGet, http.MethodHead, http.MethodOptions}

// mayBeForged reports whether a request with a session cookie may come from a
// page of another origin, and could change something or read from a WebSocket.
// Browsers do not apply CORS to WebSockets, and send their cookies also from
// other origins of the same site.
//
// A form of a page with Referrer-Policy: no-referrer has the Origin null (Fetch
// Standard §3.2), also if the page is one of the application. Sec-Fetch-Site
// does not depend on that policy.
func mayBeForged(r CheckRequest, origin string) bool {
	if slices.Contains(safeMethods, r.Method) && !isWebSocket(r) {
		return false
	}
	site, origins := r.Header("Sec-Fetch-Site"), r.Header("Origin")
	if len(site) > 1 || len(origins) > 1 {
		return true
	}
	own := len(site) == 1 && site[0] == "same-origin"
	if len(origins) == 0 || own && origins[0] == "null" {
		return !own
	}
	return origins[0] != origin || len(site) == 1 && site[0] == "cross-site"
}

// isWebSocket reports whether a request is the handshake of a WebSocket (RFC
// 6455 §4.1, RFC 8441). Gateways remove some of its headers when they ask about
// it, but not all.
func isWebSocket(r CheckRequest) bool {
	return len(r.Header("Sec-Websocket-Key")) > 0 || len(r.Header("Sec-Websocket-Version")) > 0 ||
		slices.ContainsFunc(r.Header("Upgrade"), func(protocols string) bool {
			return strings.Contains(strings.ToLower(protocols), "websocket")
		})
}

// loginPage returns where the user logs in, if the request loads a page. It is
// an absolute URL: some gateways would resolve a relative one against the
// server's own address.
func loginPage(app client.Client, origin string, r CheckRequest) string {
	if !loadsPage(r) {
		return ""
	}
	return origin + app.LoginPath() + "?return_to=" + url.QueryEscape(ReturnTo(r.URI))
}

// loadsPage reports whether the browser shows the response as a page. Only
// older browsers send no Sec-Fetch-Mode.
func loadsPage(r CheckRequest) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	if mode := r.Header("Sec-Fetch-Mode"); len(mode) > 0 {
		return len(mode) == 1 && mode[0] == "navigate"
	}
	return slices.ContainsFunc(r.Header("Accept"), func(types string) bool {
		return strings.Contains(strings.ToLower(types), "text/html")
	})
}
