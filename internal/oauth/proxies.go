package oauth

import (
	"net/netip"
	"slices"
	"strings"
)

// maxHops bounds how many proxies a request is followed back through.
const maxHops = 32

// Proxies are the networks whose X-Forwarded-For is believed. The zero value believes nobody.
type Proxies []netip.Prefix

// Origin returns where a request came from: the peer or, if that is one of the proxies, the last address that they forwarded
// it for and that is none of them. Each proxy appends the address that it was called from, so that whatever a caller put there
// itself stands before its own address and does not count. A value that is no address ends the walk at the proxy that sent
// it. The address has no zone, and IPv4 has four bytes.
func (p Proxies) Origin(peer netip.Addr, forwardedFor []string) netip.Addr {
	origin := peer.Unmap().WithZone("")
	if !p.has(origin) {
		return origin
	}
	hops := strings.Split(strings.Join(forwardedFor, ","), ",") // RFC 9110 §5.3: several lines are one list
	for n, hop := range slices.Backward(hops) {
		addr, err := netip.ParseAddr(strings.Trim(hop, " \t"))
		if err != nil || len(hops)-n > maxHops {
			return origin
		}
		if origin = addr.Unmap().WithZone(""); !p.has(origin) {
			return origin
		}
	}
	return origin
}

func (p Proxies) has(addr netip.Addr) bool {
	return slices.ContainsFunc(p, func(network netip.Prefix) bool { return network.Contains(addr) })
}
