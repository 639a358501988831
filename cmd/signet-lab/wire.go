package main

import (
	"context"
	"net"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// What a wire lets the server send without asking: for a call, and for all of them until it is renewed.
const (
	callWindow = 1 << 20
	wireWindow = 1 << 30
	// firstWindow is what the server lets a client send until it says otherwise (RFC 9113 §6.9.2).
	firstWindow = 65535
	// longestAsked is how long a request may be, so that it is one frame (RFC 9113 §4.2).
	longestAsked = 1<<14 - prefix
)

// A wire makes unary calls of gRPC over HTTP/2 and does no more for them than the protocol asks. A client that looks up names,
// balances, retries and traces takes as much of the cores that it shares with an issuer as half of the issuer's own part, and
// no load generator of a database does that either.
type wire struct {
	address, authorization string

	mu   sync.Mutex
	link *link
}

// Invoke makes one call. Its deadline for the server is ten seconds.
func (w *wire) Invoke(ctx context.Context, method string, args, reply any, _ ...grpc.CallOption) error {
	message, err := proto.Marshal(args.(proto.Message))
	if err != nil {
		return err
	}
	if len(message) > longestAsked {
		return status.Error(codes.ResourceExhausted, "the request is longer than a frame")
	}
	l, err := w.open(ctx)
	if err != nil {
		return status.Error(codes.Unavailable, err.Error())
	}
	a := &answer{ready: make(chan struct{})}
	if err := l.ask(method, w.authorization, message, a); err != nil {
		return status.Error(codes.Unavailable, err.Error())
	}
	select {
	case <-a.ready:
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	}
	if a.code != codes.OK {
		return status.Error(a.code, a.message)
	}
	if len(a.body) < prefix {
		return status.Error(codes.Internal, "an answer without a message")
	}
	return proto.Unmarshal(a.body[prefix:], reply.(proto.Message))
}

// NewStream refuses: nothing that is measured streams.
func (*wire) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, status.Error(codes.Unimplemented, "a wire has unary calls only")
}

// open returns a connection that takes calls: a new one if the last said that it would not.
func (w *wire) open(ctx context.Context) (*link, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.link != nil && w.link.takesCalls() {
		return w.link, nil
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", w.address)
	if err != nil {
		return nil, err
	}
	w.link, err = newLink(conn, w.address)
	return w.link, err
}

// Close ends the connection.
func (w *wire) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.link == nil {
		return nil
	}
	return w.link.conn.Close()
}
