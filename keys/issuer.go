package keys

import (
	"errors"
	"net/netip"
	"net/url"
	"path"
	"strings"
)

// ParseIssuer parses an issuer identifier: the URL from which clients and
// verifiers derive the address of the metadata and the JWK Set (RFC 8414 §2).
//
// They compare the identifier byte for byte (RFC 8414 §3.3), so ParseIssuer
// accepts only one spelling of a URL. The path becomes part of the HTTP routes,
// so it may not contain percent-encoding. The scheme is https; http is accepted
// for a loopback address only.
//
// The error is a phrase that describes what a valid identifier has, for the
// words after "want".
func ParseIssuer(identifier string) (*url.URL, error) {
	u, err := url.Parse(identifier)
	switch {
	case strings.ContainsAny(identifier, "?#"):
		return nil, errors.New("a URL without query and fragment")
	case err != nil || u.Hostname() == "" || u.User != nil ||
		u.String() != identifier || u.Host != strings.ToLower(u.Host):
		return nil, errors.New("a URL with its host in lower case, such as https://login.example.com")
	case u.EscapedPath() != u.Path:
		return nil, errors.New("a path without percent-encoding")
	case u.Path != "" && path.Clean(u.Path) != u.Path || u.Path == "/":
		return nil, errors.New("no slash at the end and no empty or dotted segment in the path")
	case u.Scheme != "https" && (u.Scheme != "http" || !IsLoopback(u.Hostname())):
		return nil, errors.New("https; http only for a loopback address")
	}
	return u, nil
}

// IsLoopback reports whether host is localhost or a loopback address.
func IsLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}
