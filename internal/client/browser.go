package client

import (
	"net/url"
	"strings"
)

// A Browser describes an application that holds its users' logins in the
// browser. One application is one client, and has one public origin and one
// way.
type Browser struct {
	// Way is how the browser holds a login.
	Way Way `json:"way"`
	// Origins are the origins of the application's pages, at most MaxOrigins;
	// see ValidOrigin. At most one has the scheme https. The others are
	// loopback origins with http, for development. No two clients have the same
	// origin.
	Origins []string `json:"origins"`
	// LoginPath is the path of the application's login page, empty for
	// "/login". See ValidLoginPath.
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

// MaxLoginPath is the maximum length of the path of a login page, in bytes.
const MaxLoginPath = 2 << 10

// ValidLoginPath reports whether path is the path of a page on the
// application's own origin: it begins with one slash, has no query and no
// fragment, and is percent-encoded (RFC 3986 §3.3). A browser takes a backslash
// for a slash, so there is none.
func ValidLoginPath(path string) bool {
	if len(path) > MaxLoginPath || !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") {
		return false
	}
	u, err := url.Parse(path)
	return err == nil && u.EscapedPath() == path && !strings.ContainsAny(path, `?#\`)
}

// ValidBrowserID reports whether a client with that id can log its users in
// in the browser. The id is a part of the names of cookies, and the name with
// "device" belongs to the cookie with the device token.
func ValidBrowserID(id string) bool {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"
	return id != "" && len(id) <= 64 && strings.Trim(id, letters) == "" && !strings.EqualFold(id, "device")
}
