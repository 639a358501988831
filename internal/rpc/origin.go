package rpc

import (
	"context"
	"net"
	"net/netip"

	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
)

// forwardedForHeader is where proxies say whom they call for.
const forwardedForHeader = "x-forwarded-for"

// origin returns the address that the call came from: that at the other end of the connection, or the one that a trusted
// proxy there names; the zero address if there is none.
func (i interceptor) origin(ctx context.Context) netip.Addr {
	var forwardedFor []string
	if len(i.proxies) > 0 {
		forwardedFor = metadata.ValueFromIncomingContext(ctx, forwardedForHeader)
	}
	return i.proxies.Origin(peerAddress(ctx), forwardedFor)
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

// peerName is what the log says of where a call came from: with the port, if the caller is at the other end itself.
func peerName(ctx context.Context, origin netip.Addr) string {
	p, ok := peer.FromContext(ctx)
	if ok && (origin == peerAddress(ctx) || !origin.IsValid()) {
		return p.Addr.String()
	}
	return origin.String()
}
