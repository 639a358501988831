package connlimit

import "net/netip"

// Limits are the bounds of a Counter.
type Limits struct {
	// Max is the maximum number in all.
	Max int
	// PerAddress is the maximum number for an IPv4 address, or for an IPv6 /64,
	// which is the block of one customer (RFC 6177). Exempt addresses do not
	// count, and neither do connections for which the server has called Exempt.
	PerAddress int
	// ExemptAddress reports whether an address may have as many as the whole
	// Counter, such as the address of a trusted proxy. Nil means that no
	// address may.
	ExemptAddress func(netip.Addr) bool
}

// counted reports whether an address is counted by itself. The zero address,
// of a peer without one, is not.
func (l Limits) counted(a netip.Addr) bool {
	return a.IsValid() && (l.ExemptAddress == nil || !l.ExemptAddress(a))
}

// Stats are the numbers of a Counter.
type Stats struct {
	// Max is Limits.Max, and Open is the present number.
	Max, Open int
	// RefusedByListener and RefusedByAddress count what was refused because of
	// Limits.Max and Limits.PerAddress.
	RefusedByListener, RefusedByAddress uint64
}

// blockOf returns the address without its zone, or the first address of its
// /64 if it is an IPv6 address.
func blockOf(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if a.Is4() {
		return a
	}
	// Prefix fails only for a length that the address does not have.
	block, _ := a.Prefix(64)
	return block.Addr()
}
