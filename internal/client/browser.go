package client

// A Browser describes an application that holds its users' logins in the
// browser. One application is one client, and has one public origin and one
// way.
type Browser struct {
	// Way is how the browser holds a login.
	Way Way `json:"way"`
	// Origins are the origins of the application's pages (RFC 6454 §6.2):
	// exactly one with https, and any number of loopback origins with http, for
	// development. No two clients have the same origin.
	Origins []string `json:"origins"`
	// LoginPath is the path of the application's login page, empty for
	// "/login".
	LoginPath string `json:"login_path,omitempty"`
}

// A Way is how the browser holds a login.
type Way string

// The ways.
const (
	// WayPage means that the page holds the access token and the refresh token.
	WayPage Way = "page"
	// WayRefresh means that the page holds the access token. An HttpOnly cookie
	// has the refresh token.
	WayRefresh Way = "refresh"
	// WaySession means that the page holds no token. An HttpOnly cookie has a
	// session token, and a gateway exchanges it for an access token.
	WaySession Way = "session"
)

// Ways are all ways.
var Ways = []Way{WayPage, WayRefresh, WaySession}
