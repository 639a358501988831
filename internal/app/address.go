package app

import (
	"net"
	"net/netip"

	"github.com/signetd/signet/config"
)

// DialAddress returns the address at which a client on this machine reaches a
// listener. A listener on all interfaces is reached on the loopback address of
// the same IP version.
func DialAddress(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen
	}
	ip, err := netip.ParseAddr(host)
	switch {
	case host == "" || err == nil && ip.IsUnspecified() && ip.Is4():
		return net.JoinHostPort("127.0.0.1", port)
	case err == nil && ip.IsUnspecified():
		return net.JoinHostPort("::1", port)
	}
	return listen
}

// listenURL returns the URL of a listener: the scheme, with "://", and its
// address. A Unix socket has no URL, so listenURL returns the address.
func listenURL(scheme, address string) string {
	if _, ok := config.UnixPath(address); ok {
		return address
	}
	return scheme + address
}

// urlScheme returns the scheme of the HTTP API's URL, with "://".
func urlScheme(c config.TLS) string {
	if c.Enabled() {
		return "https://"
	}
	return "http://"
}
