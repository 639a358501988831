package gateways

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// The names of the server's cookies for the client shop.
const (
	sessionCookie = "__Host-Http-signet-shop"
	deviceCookie  = "__Host-Http-signet-device"
)

// An exchange is a request to a gateway, and what must come of it. In its
// headers, {session} is the session cookie of the user ada, {expired} and
// {ended} are those of two other logins, {device} is the device cookie, and
// {token} is an access token of the client robot.
type exchange struct {
	name           string
	method, target string // GET /orders if empty
	host           string // that of the application if empty
	headers        []string
	body           int // bytes
	http2          bool

	// status is that of the response, or 0 if each gateway may refuse the
	// request in its own way.
	status int
	// orStatus is another status with which a gateway may refuse the request,
	// although browsers do not send such a request.
	orStatus int
	// returnTo is where the login page returns to, if the status is 302.
	returnTo string
	// passes says that the application gets the request, with an access token
	// of subject, and with these cookies. If subject is empty, it gets no
	// token.
	passes           bool
	subject, cookies string
}

// Headers that browsers send.
var (
	fromOwnPage   = []string{"Origin: " + origin, "Sec-Fetch-Site: same-origin", "Sec-Fetch-Mode: cors"}
	fromOtherSite = []string{"Origin: https://evil.example", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: cors"}
	navigation    = []string{"Accept: text/html,*/*;q=0.8", "Sec-Fetch-Site: none", "Sec-Fetch-Mode: navigate"}
	webSocket     = []string{
		"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
	}
	// manyCookies has 12 KiB.
	manyCookies = fmt.Sprintf("a=%04096d; b=%04096d; c=%04096d", 1, 2, 3)
)

func headers(lists ...any) []string {
	var all []string
	for _, list := range lists {
		switch list := list.(type) {
		case string:
			all = append(all, list)
		case []string:
			all = append(all, list...)
		}
	}
	return all
}

// exchanges are the requests that every gateway passes on or refuses in the
// same way.
var exchanges = []exchange{
	// Pages and APIs.
	{name: "page without a login", headers: navigation, status: 302, returnTo: "/orders"},
	{
		name: "page without a login in an older browser", target: "/orders?page=2&sort=a%20b",
		headers: headers("Accept: text/html"), status: 302, returnTo: "/orders?page=2&sort=a%20b",
	},
	{
		name: "HEAD of a page without a login", method: http.MethodHead,
		headers: navigation, status: 302, returnTo: "/orders",
	},
	{name: "form of a page without a login", method: http.MethodPost, headers: navigation, body: 10, status: 401},
	{name: "image without a login", headers: headers("Accept: text/html", "Sec-Fetch-Mode: no-cors"), status: 401},
	{name: "API without a login", headers: fromOwnPage, status: 401},
	{
		name: "page with a login", headers: headers(navigation, "Cookie: {session}"),
		status: 200, passes: true, subject: "ada",
	},
	{
		name:    "API with a login and other cookies",
		headers: headers(fromOwnPage, "Cookie: theme=dark; {device}; {session}; lang=en"),
		status:  200, passes: true, subject: "ada", cookies: "theme=dark; lang=en",
	},
	{
		name:    "link on another site",
		headers: headers("Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Cookie: {session}"),
		status:  200, passes: true, subject: "ada",
	},

	// Authorization headers of the browser.
	{
		name:    "forged Authorization with a login",
		headers: headers("Authorization: Bearer forged", "Cookie: {session}"),
		status:  200, passes: true, subject: "ada",
	},
	{
		name: "two Authorization headers with a login", orStatus: 400,
		headers: headers("Authorization: Bearer {token}", "authorization: Basic eDp5", "Cookie: {session}"),
		status:  200, passes: true, subject: "ada",
	},
	{name: "forged Authorization without a login", headers: headers("Authorization: Bearer e30.e30.e30"), status: 401},
	{
		name:    "access token without a login",
		headers: headers(fromOtherSite, "Authorization: Bearer {token}", "Cookie: theme=dark"),
		method:  http.MethodPost, body: 10,
		status: 200, passes: true, subject: "robot", cookies: "theme=dark",
	},
	{
		name: "access token with a login", headers: headers("Authorization: Bearer {token}", "Cookie: {session}"),
		status: 200, passes: true, subject: "ada",
	},

	// Cookies.
	{name: "session cookie twice", headers: headers("Cookie: {session}; {session}"), status: 401},
	{name: "session cookie in two headers", headers: headers("Cookie: {session}", "Cookie: {session}"), status: 401},
	{
		name:    "session cookie and others in two headers",
		headers: headers("Cookie: theme=dark", "Cookie: {session}; lang=en"),
		status:  200, passes: true, subject: "ada", cookies: "theme=dark; lang=en", orStatus: 401,
	},
	{name: "bad session cookie", headers: headers("Cookie: " + sessionCookie + "=sgb_invented"), status: 401},
	{name: "expired session", headers: headers("Cookie: {expired}"), status: 401},
	{name: "session after its logout", headers: headers("Cookie: {ended}"), status: 401},
	{
		name:    "page with an expired session",
		headers: headers(navigation, "Cookie: {expired}"), status: 302, returnTo: "/orders",
	},
	{
		name: "12 KiB of other cookies", headers: headers("Cookie: {session}; " + manyCookies),
		status: 200, passes: true, subject: "ada", cookies: manyCookies,
	},
	{
		name: "cookies over HTTP/2", headers: headers("Cookie: theme=dark; {session}; lang=en; {device}"), http2: true,
		status: 200, passes: true, subject: "ada", cookies: "theme=dark; lang=en",
	},

	// Cross-site request forgery.
	{
		name: "POST of 1 MB of an own page", method: http.MethodPost, body: 1e6,
		headers: headers(fromOwnPage, "Cookie: {session}", "Expect: 100-continue"),
		status:  200, passes: true, subject: "ada",
	},
	{
		name: "POST with the own Origin in an older browser", method: http.MethodPost, body: 10,
		headers: headers("Origin: "+origin, "Cookie: {session}"), status: 200, passes: true, subject: "ada",
	},
	{
		name: "POST of another site", method: http.MethodPost, body: 1e6,
		headers: headers(fromOtherSite, "Cookie: {session}"), status: 403,
	},
	{
		name: "POST of a sub-domain", method: http.MethodPost, body: 10,
		headers: headers("Origin: https://blog.shop.example", "Sec-Fetch-Site: same-site", "Cookie: {session}"), status: 403,
	},
	{
		name: "POST without Origin and Sec-Fetch-Site", method: http.MethodPost, body: 10,
		headers: headers("Cookie: {session}"), status: 403,
	},
	{
		name: "DELETE of another site", method: http.MethodDelete,
		headers: headers(fromOtherSite, "Cookie: {session}"), status: 403,
	},
	{
		name: "preflight of another site", method: http.MethodOptions,
		headers: headers("Origin: https://evil.example", "Access-Control-Request-Method: PUT"), status: 401,
	},

	// Forwarded headers of the browser.
	{
		name: "POST of another site that says that it is GET", method: http.MethodPost, body: 10,
		headers: headers(fromOtherSite, "X-Forwarded-Method: GET", "X_Forwarded_Method: GET", "X.Forwarded.Method: GET",
			"X-HTTP-Method-Override: GET", "Cookie: {session}"),
		status: 403,
	},
	{
		name: "page that claims another address",
		headers: headers(navigation, "X-Forwarded-Host: evil.example", "X-Forwarded-Uri: //evil.example/",
			"X-Forwarded-Proto: http", "Forwarded: host=evil.example;proto=http", "X-Original-URL: /public/",
			"X_Forwarded_Host: evil.example", "X.Forwarded.Host: evil.example", "X-Signet-Login: https://evil.example/"),
		status: 302, returnTo: "/orders",
	},
	{name: "foreign host", host: "evil.example", headers: headers(navigation, "Cookie: {session}")},

	// WebSockets.
	{
		name: "WebSocket of an own page", headers: headers(webSocket, "Origin: "+origin, "Cookie: {session}"),
		status: 101, passes: true, subject: "ada",
	},
	{
		name:    "WebSocket of another site",
		headers: headers(webSocket, "Origin: https://evil.example", "Cookie: {session}"), status: 403,
	},
	{
		name:    "WebSocket of a sub-domain",
		headers: headers(webSocket, "Origin: https://blog.shop.example", "Cookie: {session}"), status: 403,
	},
	{name: "WebSocket without Origin", headers: headers(webSocket, "Cookie: {session}"), status: 403},
	{name: "WebSocket without a login", headers: headers(webSocket, "Origin: "+origin), status: 401},

	// Paths.
	{name: "path with two slashes", target: "//evil.example/", headers: navigation, status: 302, returnTo: "/"},
	{name: "path with a backslash", target: `/\evil.example`, headers: navigation},
	{
		name: "path with line breaks", target: "/%0d%0aSet-Cookie:%20a=b",
		headers: navigation, status: 302, returnTo: "/%0d%0aSet-Cookie:%20a=b",
	},
	{name: "absolute address", target: "https://evil.example/", headers: headers(navigation, "Cookie: {session}")},
	{
		name: "two slashes with a login", target: "//evil.example/?a=/../b", headers: headers("Cookie: {session}"),
		status: 200, passes: true, subject: "ada",
	},

	// Paths for everybody.
	{
		name: "public path without a login", target: "/public/prices", headers: headers("Cookie: theme=dark; {device}"),
		status: 200, passes: true, cookies: "theme=dark",
	},
	{
		name: "public path with a login", target: "/public/prices", headers: headers("Cookie: {session}"),
		status: 200, passes: true, subject: "ada",
	},
	{
		name: "public path with a forged Authorization", target: "/public/prices",
		headers: headers("Authorization: Bearer e30.e30.e30"),
		status:  200, passes: true,
	},
	{
		name: "public path with an expired session", target: "/public/prices",
		headers: headers("Cookie: {expired}"), status: 200, passes: true,
	},
	{
		name: "public path with a POST of another site", target: "/public/prices", method: http.MethodPost, body: 10,
		headers: headers(fromOtherSite, "Cookie: {session}"), status: 403,
	},
	{name: "path that leaves the public one", target: "/public/../orders"},
	{name: "path that leaves the public one, encoded", target: "/public/%2e%2e/orders"},
	{name: "path that leaves that of the logins", target: "/session/../orders"},
}

// local reports whether a Location leads to the login page of the application,
// and from there to a path of it.
func local(location string) (returnTo string, ok bool) {
	u, err := url.Parse(location)
	if err != nil || u.Scheme+"://"+u.Host != origin || u.Path != "/login" {
		return "", false
	}
	returnTo = u.Query().Get("return_to")
	ok = strings.HasPrefix(returnTo, "/") && !strings.HasPrefix(returnTo, "//")
	return returnTo, ok && !strings.ContainsAny(returnTo, "\\\r\n")
}
