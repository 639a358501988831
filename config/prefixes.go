package config

import (
	"net/netip"
	"strings"
)

// Prefixes are networks. A single address is a network of one address.
type Prefixes []netip.Prefix

// parsePrefixes reads a list whose items are separated by commas. It converts
// an IPv4 address in IPv6 form to IPv4.
func parsePrefixes(text string) (all Prefixes, ok bool) {
	if strings.TrimSpace(text) == "" {
		return nil, true
	}
	for item := range strings.SplitSeq(text, ",") {
		item = strings.TrimSpace(item)
		p, err := netip.ParsePrefix(item)
		if addr, errAddr := netip.ParseAddr(item); errAddr == nil && addr.Zone() == "" {
			p, err = addr.Unmap().Prefix(addr.Unmap().BitLen())
		}
		if err != nil || p != p.Masked() || p.Addr().Is4In6() {
			return nil, false
		}
		all = append(all, p)
	}
	return all, true
}

// list returns the prefixes in the form of signet.yaml.
func (p Prefixes) list() []string {
	list := make([]string, len(p))
	for i, prefix := range p {
		list[i] = prefix.String()
		if prefix.IsSingleIP() {
			list[i] = prefix.Addr().String()
		}
	}
	return list
}
