package connlimit

import "net/netip"

// Limits are the bounds of one listener.
type Limits struct {
	// Max is the maximum number of open connections.
	Max int
	// PerAddress is the maximum number of open connections from an IPv4
	// address, or from an IPv6 /64, which is the block of one customer
	// (RFC 6177). Connections of exempt addresses do not count, and neither do
	// those for which the server has called Exempt.
	PerAddress int
	// ExemptAddress reports whether an address may have as many connections as
	// the listener, such as the address of a trusted proxy. Nil means that no
	// address may.
	ExemptAddress func(netip.Addr) bool
}

// counted reports whether the connections of an address count by address. The
// zero address stands for a peer without one.
func (l Limits) counted(a netip.Addr) bool {
	return a.IsValid() && (l.ExemptAddress == nil || !l.ExemptAddress(a))
}

// Stats are the numbers of a listener.
type Stats struct {
	// Max is the maximum number of open connections.
	Max int
	// Open is the number of open connections.
	Open int
	// RefusedByListener and RefusedByAddress count the connections that were
	// refused because of Limits.Max and Limits.PerAddress.
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
