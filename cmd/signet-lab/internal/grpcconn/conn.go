package grpcconn

import (
	"context"
	"net"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// Conn is a grpc.ClientConnInterface that makes unary calls to one address.
//
// Conn does only what the protocol requires. The client of grpc-go also
// resolves names, balances load, retries and traces. On cores that it shares
// with the issuer, it takes half as much processor time as the issuer. Load
// generators of databases do not do this work either.
type Conn struct {
	// Address is the server's host and port.
	Address string
	// Authorization is the authorization header of each call.
	Authorization string

	mu        sync.Mutex
	transport *transport // nil before the first call
}

// Invoke makes one call and waits for its response. The deadline that the
// server sees is ten seconds.
func (c *Conn) Invoke(ctx context.Context, method string, args, reply any, _ ...grpc.CallOption) error {
	message, err := proto.Marshal(args.(proto.Message))
	if err != nil {
		return err
	}
	if len(message) > maxRequestBytes {
		return status.Error(codes.ResourceExhausted, "request is longer than one frame")
	}

	t, err := c.connect(ctx)
	if err != nil {
		return status.Error(codes.Unavailable, err.Error())
	}
	s := &stream{done: make(chan struct{})}
	if err := t.send(method, c.Authorization, message, s); err != nil {
		return status.Error(codes.Unavailable, err.Error())
	}

	select {
	case <-s.done:
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	}
	if s.code != codes.OK {
		return status.Error(s.code, s.message)
	}
	if len(s.body) < prefixBytes {
		return status.Error(codes.Internal, "response has no message")
	}
	return proto.Unmarshal(s.body[prefixBytes:], reply.(proto.Message))
}

// NewStream returns an error. The lab measures no streaming method.
func (*Conn) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, status.Error(codes.Unimplemented, "streaming calls are not supported")
}

// connect returns the current transport. It dials a new one if there is none,
// or if the current one does not accept more calls.
func (c *Conn) connect(ctx context.Context) (*transport, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.transport != nil && c.transport.acceptsCalls() {
		return c.transport, nil
	}

	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", c.Address)
	if err != nil {
		return nil, err
	}
	c.transport, err = newTransport(conn, c.Address)
	return c.transport, err
}

// Close closes the connection. Calls that are in progress fail.
func (c *Conn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.transport == nil {
		return nil
	}
	return c.transport.conn.Close()
}
