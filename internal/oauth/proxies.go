package oauth

import (
	"net/netip"
	"slices"
	"strings"
)

// maxHops is the maximum number of addresses in X-Forwarded-For that Origin
// examines.
const maxHops = 32

// Proxies are the networks of trusted proxies. Only they may report another
// address in X-Forwarded-For. The zero value trusts no proxy.
type Proxies []netip.Prefix

// Origin returns the address that a request came from: the peer, or, if the
// peer is a trusted proxy, the last address in X-Forwarded-For that is not a
// trusted proxy.
//
// Each proxy appends the address of its caller. An address that the caller has
// added itself comes before the caller's own address, so Origin ignores it. If
// a value is not an address, Origin returns the address of the proxy that sent
// it. The result has no zone, and an IPv4 address has four bytes.
func (p Proxies) Origin(peer netip.Addr, forwardedFor []string) netip.Addr {
	origin := peer.Unmap().WithZone("")
	if !p.Has(origin) {
		return origin
	}
	hops := strings.Split(strings.Join(forwardedFor, ","), ",") // RFC 9110 §5.3: several lines are one list
	for n, hop := range slices.Backward(hops) {
		addr, err := netip.ParseAddr(strings.Trim(hop, " \t"))
		if err != nil || len(hops)-n > maxHops {
			return origin
		}
		if origin = addr.Unmap().WithZone(""); !p.Has(origin) {
			return origin
		}
	}
	return origin
}

// Has reports whether an address, which has neither a zone nor the form of IPv4
// in IPv6, is that of a trusted proxy.
func (p Proxies) Has(addr netip.Addr) bool {
	return slices.ContainsFunc(p, func(network netip.Prefix) bool { return network.Contains(addr) })
}
