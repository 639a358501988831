package oauth

import (
	"net/netip"
	"slices"
	"strings"
)

// The headers in which proxies report the addresses of their callers.
const (
	HeaderXForwardedFor = "X-Forwarded-For"
	HeaderForwarded     = "Forwarded" // RFC 7239
)

// maxHops is the maximum number of addresses in a header that Origin examines.
const maxHops = 32

// Proxies are the trusted proxies. Only they may report another address than
// their own. The zero value trusts no proxy.
type Proxies struct {
	Networks []netip.Prefix
	// Header is the header that the proxies set: HeaderForwarded or, in every
	// other case, HeaderXForwardedFor. A proxy passes the other one on as its
	// caller has sent it.
	Header string
}

// Origin returns the address that a request came from: the peer, or, if the
// peer is a trusted proxy, the last address in the header that is not a trusted
// proxy. values returns the values of a header of the request. The result has
// no zone, and an IPv4 address has four bytes.
//
// Each proxy appends the address of its caller. An address that the caller has
// added itself comes before the caller's own address, so Origin ignores it.
//
// A trusted proxy without the header is the origin itself. The origin is not
// known, and Origin returns the zero address, if a trusted proxy reports
// something that is not an address, or if it sets only the other header. The
// address of the proxy would be wrong then: all its callers would share the
// limits of one address.
func (p Proxies) Origin(peer netip.Addr, values func(header string) []string) netip.Addr {
	origin := peer.Unmap().WithZone("")
	if !p.Has(origin) {
		return origin
	}
	header, other := HeaderXForwardedFor, HeaderForwarded
	if p.Header == HeaderForwarded {
		header, other = other, header
	}
	hops := strings.Join(values(header), ",") // RFC 9110 §5.3: several lines are one list
	if trimSpaces(hops) == "" {
		if len(values(other)) > 0 {
			return netip.Addr{}
		}
		return origin
	}

	more := true
	for n := 0; more && n < maxHops && p.Has(origin); n++ {
		var hop string
		var ok bool
		hops, hop, more = cutLast(hops, ',')
		if origin, ok = parseHop(header, hop); !ok {
			return netip.Addr{}
		}
	}
	return origin
}

// parseHop parses one item of a header.
func parseHop(header, hop string) (netip.Addr, bool) {
	if header == HeaderForwarded {
		return ParseAddress(forwardedFor(hop))
	}
	return ParseAddress(unquote(trimSpaces(hop)))
}

// Has reports whether an address, which has neither a zone nor the form of IPv4
// in IPv6, is that of a trusted proxy.
func (p Proxies) Has(addr netip.Addr) bool {
	return slices.ContainsFunc(p.Networks, func(network netip.Prefix) bool { return network.Contains(addr) })
}
