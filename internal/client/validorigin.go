package client

import (
	"net/netip"
	"strconv"
	"strings"
)

// MaxOrigins is the maximum number of origins of a client: of its application
// in the browser, and also of CORSOrigins.
const MaxOrigins = 16

// MaxOrigin is the maximum length of an origin in bytes: a scheme, a host name
// of 253 bytes and a port.
const MaxOrigin = len("https://") + 253 + len(":65535")

// ValidOrigin reports whether text is an origin as browsers write it in the
// Origin header (RFC 6454 §6.2): a scheme and a host, and a port that is not
// the default one. Origins are compared byte by byte, so a host is in lower
// case and in ASCII, and an address is in the form that browsers write. The
// scheme is https, or http on a loopback host.
func ValidOrigin(text string) bool {
	if host, ok := strings.CutPrefix(text, "https://"); ok {
		name, ok := cutPort(host, "443")
		return ok && isHost(name)
	}
	host, ok := strings.CutPrefix(text, "http://")
	name, valid := cutPort(host, "80")
	return ok && valid && isHost(name) && isLoopback(name)
}

// cutPort returns a host without its port. ok is false if the port is not a
// number in decimal, or if it is the default one.
func cutPort(host, defaultPort string) (name string, ok bool) {
	n := strings.LastIndexByte(host, ':')
	if n < 0 || strings.HasSuffix(host, "]") {
		return host, true
	}
	port := host[n+1:]
	number, err := strconv.ParseUint(port, 10, 16)
	return host[:n], err == nil && number > 0 && strconv.FormatUint(number, 10) == port && port != defaultPort
}

// isHost reports whether name is the host of an origin as browsers write it: a
// host name in ASCII, an IPv4 address, or an IPv6 address in brackets.
func isHost(name string) bool {
	if inner, ok := strings.CutPrefix(name, "["); ok {
		inner, ok = strings.CutSuffix(inner, "]")
		addr, err := netip.ParseAddr(inner)
		// Browsers write an IPv4-mapped address in hexadecimal, netip does not.
		return ok && err == nil && addr.Is6() && !addr.Is4In6() && addr.Zone() == "" && addr.String() == inner
	}
	if addr, err := netip.ParseAddr(name); err == nil {
		return addr.Is4()
	}
	return isDNSName(name) && !endsInNumber(name)
}

// endsInNumber reports whether the last label of a host name is a number. A
// browser takes such a name for an IPv4 address and writes it in another form
// (URL Standard §3.5).
func endsInNumber(name string) bool {
	last := name[strings.LastIndexByte(name, '.')+1:]
	if digits, ok := strings.CutPrefix(last, "0x"); ok {
		return strings.Trim(digits, "0123456789abcdef") == ""
	}
	return strings.Trim(last, "0123456789") == ""
}

// isLoopback reports whether a host is on this machine for every browser
// (Secure Contexts §3.1): localhost, a name below it, or a loopback address.
func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || err == nil && addr.IsLoopback()
}
