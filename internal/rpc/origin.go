package rpc

import (
	"context"
	"net"
	"net/netip"

	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
)

// origin returns the address that the call came from. This is the address of
// the peer, or the address that the peer reports if it is a trusted proxy. It
// is the zero address if it is not known.
func (i interceptor) origin(ctx context.Context) netip.Addr {
	return i.proxies.Origin(peerAddress(ctx), func(header string) []string {
		return metadata.ValueFromIncomingContext(ctx, header) // in any case
	})
}

func peerAddress(ctx context.Context) netip.Addr {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return netip.Addr{}
	}
	tcp, ok := p.Addr.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	return tcp.AddrPort().Addr().Unmap().WithZone("")
}

// peerName returns the text that the log has for the origin of a call. If the
// origin is the peer or is not known, this is the peer with its port.
func peerName(ctx context.Context, origin netip.Addr) string {
	p, ok := peer.FromContext(ctx)
	if ok && (origin == peerAddress(ctx) || !origin.IsValid()) {
		return p.Addr.String()
	}
	return origin.String()
}
