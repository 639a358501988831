package oauth

import (
	"net/netip"
	"strings"
)

// ParseAddress parses an IP address in the forms in which proxies and gateways
// report it: alone or with a port, and an IPv6 address also in brackets. The
// result has no zone, and an IPv4 address has four bytes.
func ParseAddress(text string) (addr netip.Addr, ok bool) {
	addr, err := netip.ParseAddr(text)
	if err != nil {
		if strings.HasSuffix(text, "]") {
			text += ":0" // ParseAddrPort needs a port
		}
		var withPort netip.AddrPort
		withPort, err = netip.ParseAddrPort(text)
		addr = withPort.Addr()
	}
	return addr.Unmap().WithZone(""), err == nil
}
