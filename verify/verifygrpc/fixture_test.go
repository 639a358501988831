package verifygrpc_test

import (
	"context"
	"io"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/signetd/signet/verify"
	"github.com/signetd/signet/verify/verifygrpc"
)

// An echo is a service. It records how its streams ended.
type echo struct{ ended chan error }

type echoServer interface{}

// echoService has a unary method Say, a stream Chat that repeats what it
// receives, and a stream Watch that sends nothing. Other has the same unary
// method.
func service(name string) *grpc.ServiceDesc {
	say := func(_ any, ctx context.Context, decode func(any) error, chain grpc.UnaryServerInterceptor) (any, error) {
		request := new(wrapperspb.StringValue)
		if err := decode(request); err != nil {
			return nil, err
		}
		call := &grpc.UnaryServerInfo{FullMethod: "/" + name + "/Say"}
		return chain(ctx, request, call, func(ctx context.Context, _ any) (any, error) {
			subject := "nobody"
			if claims, ok := verify.From(ctx); ok {
				subject = claims.Subject
			}
			return wrapperspb.String(subject), nil
		})
	}
	return &grpc.ServiceDesc{
		ServiceName: name, HandlerType: (*echoServer)(nil),
		Methods: []grpc.MethodDesc{{MethodName: "Say", Handler: say}},
		Streams: []grpc.StreamDesc{
			{StreamName: "Chat", Handler: chat, ServerStreams: true, ClientStreams: true},
			{StreamName: "Watch", Handler: watch, ServerStreams: true},
			{StreamName: "Collect", Handler: collect, ClientStreams: true},
			{StreamName: "Flood", Handler: flood, ServerStreams: true},
		},
	}
}

// chat sends each message back.
func chat(server any, s grpc.ServerStream) error {
	for {
		message := new(wrapperspb.StringValue)
		err := s.RecvMsg(message)
		if err == nil {
			err = s.SendMsg(message)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			server.(*echo).ended <- err
			return err
		}
	}
}

// watch waits until its context ends. Then it tries to send, and returns no
// error.
func watch(server any, s grpc.ServerStream) error {
	if err := s.RecvMsg(new(wrapperspb.StringValue)); err != nil {
		return err
	}
	<-s.Context().Done()
	_ = s.SendMsg(wrapperspb.String("too late"))
	server.(*echo).ended <- context.Cause(s.Context())
	return nil
}

// flood sends until it fails. If the client does not receive, it waits in
// SendMsg for most of the time.
func flood(server any, s grpc.ServerStream) error {
	if err := s.RecvMsg(new(wrapperspb.StringValue)); err != nil {
		return err
	}
	for {
		if err := s.SendMsg(wrapperspb.Bytes(make([]byte, 16<<10))); err != nil {
			server.(*echo).ended <- err
			return err
		}
	}
}

// collect counts the messages.
func collect(_ any, s grpc.ServerStream) error {
	for n := 0; ; n++ {
		err := s.RecvMsg(new(wrapperspb.StringValue))
		if err == io.EOF {
			return s.SendMsg(wrapperspb.UInt64(uint64(n)))
		}
		if err != nil {
			return err
		}
	}
}

// serve starts a server with the rules and returns a connection to it.
func serve(t *testing.T, v *verify.Verifier, rules verifygrpc.Rules) (*grpc.ClientConn, *echo) {
	t.Helper()
	listener := bufconn.Listen(1 << 16)
	s := grpc.NewServer(verifygrpc.Unary(v, rules), verifygrpc.Stream(v, rules))
	e := &echo{ended: make(chan error, 1)}
	for _, name := range []string{"test.Echo", "test.Open", "test.Closed"} {
		s.RegisterService(service(name), e)
	}
	done := make(chan struct{})
	go func() { _ = s.Serve(listener); close(done) }()

	dial := func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }
	c, err := grpc.NewClient("passthrough:///test", grpc.WithContextDialer(dial),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(); s.Stop(); <-done })
	return c, e
}

// with returns a context for a call with these values of authorization.
func with(t *testing.T, authorization ...string) context.Context {
	t.Helper()
	md := metadata.MD{}
	md.Append("authorization", authorization...)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute) // longer than every stream
	t.Cleanup(cancel)
	return metadata.NewOutgoingContext(ctx, md)
}

// say calls the unary method of a service.
func say(c *grpc.ClientConn, ctx context.Context, service string) (string, error) {
	answer := new(wrapperspb.StringValue)
	err := c.Invoke(ctx, "/"+service+"/Say", wrapperspb.String("hello"), answer)
	return answer.GetValue(), err
}

// open opens a stream of test.Echo.
func open(t *testing.T, c *grpc.ClientConn, ctx context.Context, method string) grpc.ClientStream {
	t.Helper()
	desc := &grpc.StreamDesc{StreamName: method, ServerStreams: true, ClientStreams: true}
	s, err := c.NewStream(ctx, desc, "/test.Echo/"+method)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
