package rpc

import (
	"context"
	"net"
	"net/netip"

	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
)

// forwardedForHeader lists the addresses that a call came through before it
// reached a proxy.
const forwardedForHeader = "x-forwarded-for"

// origin returns the address that the call came from. This is the address of
// the peer, or the address in x-forwarded-for if the peer is a trusted proxy.
// It is the zero address if there is none.
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

// peerName returns the text that the log has for the origin of a call. It has a
// port if the origin is the peer.
func peerName(ctx context.Context, origin netip.Addr) string {
	p, ok := peer.FromContext(ctx)
	if ok && (origin == peerAddress(ctx) || !origin.IsValid()) {
		return p.Addr.String()
	}
	return origin.String()
}
