package keys

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// ParseIssuer parses an issuer identifier: the URL from which clients and
// verifiers derive the address of the metadata and the JWK Set (RFC 8414 §2).
//
// They compare the identifier byte for byte (RFC 8414 §3.3), so ParseIssuer
// accepts only one spelling of a URL, except for a slash at the end: with it,
// the URL is another identifier, which has the same endpoints. The path becomes
// part of the HTTP routes, so it may not contain percent-encoding. The scheme
// is https; http is accepted for a loopback address only.
//
// The error is a phrase that describes what a valid identifier has, for the
// words after "want".
func ParseIssuer(identifier string) (*url.URL, error) {
	u, err := url.Parse(identifier)
	switch {
	case strings.ContainsAny(identifier, "?#"):
		return nil, errors.New("a URL without query and fragment")
	case err != nil || u.Hostname() == "" || u.User != nil ||
		u.String() != identifier || !isHost(u.Hostname()):
		return nil, errors.New("a URL with its host in lower case, such as https://login.example.com")
	case len(identifier) > maxIssuer:
		return nil, fmt.Errorf("at most %d bytes", maxIssuer)
	case !isPort(u):
		return nil, errors.New("no port, or a number up to 65535")
	case u.EscapedPath() != u.Path:
		return nil, errors.New("a path without percent-encoding")
	case !isCleanPath(strings.TrimSuffix(u.Path, "/")):
		return nil, errors.New("no empty or dotted segment in the path")
	case u.Scheme != "https" && (u.Scheme != "http" || !IsLoopback(u.Hostname())):
		return nil, errors.New("https; http only for a loopback address")
	}
	return u, nil
}

// maxIssuer is the maximum length of an issuer identifier in bytes. Every token
// contains it, and a token has at most 8 KiB.
const maxIssuer = 512

// isCleanPath reports whether a path is empty, or has a slash at its beginning,
// none at its end, and no empty or dotted segment.
func isCleanPath(p string) bool { return p == "" || p != "/" && path.Clean(p) == p }

// isHost reports whether a host is an IP address without a zone, or a DNS name
// in lower case.
func isHost(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.Zone() == "" && host == strings.ToLower(host)
	}
	return len(host) <= 253 && hostName.MatchString(host)
}

// hostName matches labels of letters, digits, hyphens and underscores. Names in
// private networks have underscores.
var hostName = regexp.MustCompile(`^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$`)

// isPort reports whether a URL has no port or a valid one.
func isPort(u *url.URL) bool {
	if u.Host == u.Hostname() || u.Host == "["+u.Hostname()+"]" {
		return true
	}
	_, err := strconv.ParseUint(u.Port(), 10, 16)
	return err == nil
}

// IsLoopback reports whether host is localhost or a loopback address.
func IsLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}
