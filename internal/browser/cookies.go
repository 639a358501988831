package browser

import (
	"iter"
	"strings"

	"github.com/signetd/signet/internal/client"
)

const (
	// prefixed begins the names of the server's cookies. A browser accepts a
	// cookie with the prefix __Host-Http- only from a server over TLS, with
	// Secure, HttpOnly and Path=/, and without Domain (RFC 6265bis §4.1.3).
	// Older browsers apply the same rules of the prefix __Host- to it, except
	// for HttpOnly.
	prefixed = "__Host-Http-signet-"
	// lowerPrefixed is prefixed in lower case.
	lowerPrefixed = "__host-http-signet-"
	// unprefixed begins the names of the cookies of a loopback origin with
	// http, because browsers refuse the prefix there.
	unprefixed = "signet-"
	// device is the rest of the name of the cookie with the device token.
	device = "device"
)

// CookieName returns the name of the cookie that holds the logins of the client
// in pages of that origin.
func CookieName(c client.Client, origin string) string { return namePrefix(origin) + c.ID }

// DeviceCookieName returns the name of the cookie that holds the device token
// in pages of that origin.
func DeviceCookieName(origin string) string { return namePrefix(origin) + device }

// Plain reports whether an origin has no TLS. Only loopback origins for
// development may be registered with http.
func Plain(origin string) bool { return strings.HasPrefix(origin, "http://") }

// namePrefix returns the prefix of cookie names in pages of that origin.
func namePrefix(origin string) string {
	if Plain(origin) {
		return unprefixed
	}
	return prefixed
}

// ReadCookie returns the value of the cookie of that name in the Cookie headers
// of a request. It returns an empty string if there is none, and also if there
// is more than one: then another site may have set one of them.
//
// The names are compared byte by byte. ReadCookie knows neither quotes nor the
// attributes of RFC 2965 such as $Version, and a space is ASCII. So it does not
// read a name that a browser has accepted without its prefix.
func ReadCookie(header []string, name string) string {
	value, found := "", false
	for pair := range pairs(header) {
		n, v, ok := strings.Cut(pair, "=")
		if !ok || trim(n) != name {
			continue
		}
		if found {
			return ""
		}
		value, found = trim(v), true
	}
	return value
}

// StripCookies returns the Cookie headers of a request from that origin as one
// header, without the cookies of this server. It also removes every cookie that
// contains a name of this server in another place, because a service may read
// it in another way.
func StripCookies(header []string, origin string) string {
	var kept []string
	for pair := range pairs(header) {
		lower := strings.ToLower(pair)
		if strings.Contains(lower, lowerPrefixed) ||
			Plain(origin) && strings.HasPrefix(lower, unprefixed) {
			continue
		}
		kept = append(kept, pair)
	}
	return strings.Join(kept, "; ")
}

// pairs iterates over the cookies of the Cookie headers: a name, = and a value,
// as the browser has sent them. HTTP/2 may have split them into several headers
// (RFC 9113 §8.2.3).
func pairs(header []string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, line := range header {
			for pair := range strings.SplitSeq(line, ";") {
				if pair = trim(pair); pair != "" && !yield(pair) {
					return
				}
			}
		}
	}
}

// trim removes spaces and tabs at both ends.
func trim(text string) string { return strings.Trim(text, " \t") }
