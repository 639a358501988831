package rpc

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/connlimit"
	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/oauth"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// Limits on what a connection may use.
const (
	maxMessage    = 64 << 10
	maxHeaderList = 16 << 10
	// window is how many bytes of a call, and of a connection, the client may
	// send before the server has read them. It is the minimum of grpc-go, which
	// otherwise raises the window to 16 MiB for a client that sends fast.
	window = 64 << 10
	// readBuffer is the size of the buffer that every connection has, also an
	// idle one.
	readBuffer       = 8 << 10
	handshakeTimeout = 10 * time.Second
	// idleTimeout is when the server closes a connection without calls. The
	// HTTP server has the same.
	idleTimeout = 2 * time.Minute
	// maxConnectionAge is when the server asks a client to reconnect, so that
	// new replicas get their share of the connections. Calls that have begun
	// then have maxDeadline to end.
	maxConnectionAge = 10 * time.Minute
	// minPingInterval is the shortest interval at which a client may ping.
	minPingInterval = 10 * time.Second
	// An idle connection is pinged after pingAfter. It is closed if the client
	// does not answer within pingTimeout.
	pingAfter   = time.Minute
	pingTimeout = 20 * time.Second
	// streamWorkers is the number of goroutines that serve calls one after
	// another, so that their stacks have grown already. If all are busy, a call
	// gets a goroutine of its own.
	streamWorkers = 128
)

// Options configures a Server. Every field is required, except where its
// comment says what the zero value means.
type Options struct {
	Services Services
	// Registry authenticates clients.
	Registry *client.Registry
	// Inspector authenticates the access tokens of administrators.
	Inspector *issuer.Inspector
	// Ready returns nil while the server can work. It decides the status that
	// grpc.health.v1 reports. It should return an error some time before Drain,
	// so that callers choose another server.
	Ready func() error
	// Proxies are the trusted proxies. Only they may report another address
	// than their own. The zero value means that no proxy is trusted.
	Proxies oauth.Proxies
	// Log gets one line per call, at level debug if the call succeeds.
	Log *slog.Logger
	// TLS configures the connections. Nil means plain text.
	TLS *tls.Config
	// Verified is called with each accepted connection whose caller has shown a
	// valid certificate. Nil means nothing to do.
	Verified func(net.Conn)
	// Reflection publishes the list of services to anyone
	// (grpc.reflection.v1).
	Reflection bool
	// FeedForClients is true if only authenticated confidential clients may
	// read the feed of revocations.
	FeedForClients bool
	// Limits bound the calls.
	Limits Limits
	// Observer counts and traces the calls.
	Observer Observer
}

// Limits bound the calls of a server. The zero value is for tests: it bounds
// only the calls of a connection.
type Limits struct {
	// MaxStreams is the maximum number of calls in progress on one connection.
	// Zero means 250.
	MaxStreams uint32
	// Requests bounds the calls in progress on all connections. Nil means no
	// bound.
	Requests *connlimit.Requests
	// MaxOpenStreams is the maximum number of calls on all connections that are
	// in progress or whose responses the clients have not read. Above it, the
	// server closes the connection with the most unread responses. Zero means
	// no bound.
	MaxOpenStreams int
	// Streams bounds the calls that last as long as the client wants, such as
	// Watch of the health service. Nil means no bound.
	Streams *connlimit.Counter
}

// withDefaults returns the limits with values for what is not set.
func (l Limits) withDefaults() Limits {
	if l.MaxStreams == 0 {
		l.MaxStreams = 250
	}
	if l.Requests == nil {
		l.Requests = connlimit.NewRequests(math.MaxInt)
	}
	if l.MaxOpenStreams == 0 {
		l.MaxOpenStreams = math.MaxInt
	}
	if l.Streams == nil {
		l.Streams = connlimit.NewCounter(connlimit.Limits{Max: math.MaxInt, PerAddress: math.MaxInt})
	}
	return l
}

// Services are the implementations of the services. The server does not have a
// service that is nil.
type Services struct {
	Token signetv1.TokenServiceServer
	Grant signetv1.GrantServiceServer
	Admin signetv1.AdminServiceServer
	Key   signetv1.KeyServiceServer
	// Revocation is for everybody, or for confidential clients if
	// Options.FeedForClients is true.
	Revocation signetv1.RevocationServiceServer
	// Authorization answers Envoy's questions.
	Authorization authv3.AuthorizationServer
}

// register registers the services that are set.
func (s Services) register(r grpc.ServiceRegistrar) {
	if s.Token != nil {
		signetv1.RegisterTokenServiceServer(r, s.Token)
	}
	if s.Grant != nil {
		signetv1.RegisterGrantServiceServer(r, s.Grant)
	}
	if s.Admin != nil {
		signetv1.RegisterAdminServiceServer(r, s.Admin)
	}
	if s.Key != nil {
		signetv1.RegisterKeyServiceServer(r, s.Key)
	}
	if s.Revocation != nil {
		signetv1.RegisterRevocationServiceServer(r, s.Revocation)
	}
	if s.Authorization != nil {
		authv3.RegisterAuthorizationServer(r, s.Authorization)
	}
}

// A Server is the gRPC server.
type Server struct {
	server *grpc.Server
	health *health
}

// New returns a server that Serve starts.
func New(o Options) *Server {
	limits := o.Limits.withDefaults()
	first := starter{requests: limits.Requests, streaming: make(map[string]bool)}
	i := interceptor{
		inspector: o.Inspector, registry: o.Registry, proxies: o.Proxies, log: o.Log, observer: o.Observer,
		rules: rulesOf(o.FeedForClients), counters: make(map[string]counter), limiter: new(callLimiter),
		streams: limits.Streams, long: connlimit.NewResponses(maxLongResponses),
	}
	protection := transportCredentials(o.TLS, o.Verified,
		&openStreams{max: limits.MaxOpenStreams, conns: make(map[*streamConn]bool)})
	s := &Server{health: newHealth(o.Ready), server: newServer(first, i, limits.MaxStreams, protection)}
	o.Services.register(s.server)
	healthv1.RegisterHealthServer(s.server, s.health)
	if o.Reflection {
		reflection.Register(s.server)
	}
	services := s.server.GetServiceInfo()
	o.Observer.addCounters(i.counters, services)
	first.addStreaming(services)
	return s
}

// newServer returns a grpc.Server with the limits and the interceptor.
func newServer(first starter, i interceptor, maxStreams uint32, c credentials.TransportCredentials) *grpc.Server {
	return grpc.NewServer(
		grpc.Creds(c),
		grpc.InTapHandle(first.begin),
		grpc.ForceServerCodecV2(newSharingCodec()),
		grpc.UnaryInterceptor(i.unary),
		grpc.StreamInterceptor(i.stream),
		grpc.MaxRecvMsgSize(maxMessage),
		grpc.MaxHeaderListSize(maxHeaderList),
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.StaticStreamWindowSize(window),
		grpc.StaticConnWindowSize(window),
		grpc.ReadBufferSize(readBuffer),
		grpc.ConnectionTimeout(handshakeTimeout),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{
			MinTime: minPingInterval, PermitWithoutStream: true,
		}),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			MaxConnectionIdle: idleTimeout, MaxConnectionAge: maxConnectionAge, MaxConnectionAgeGrace: maxDeadline,
			Time: pingAfter, Timeout: pingTimeout,
		}),
		grpc.WaitForHandlers(true),
		grpc.NumStreamWorkers(streamWorkers),
	)
}

// Serve answers the calls that arrive at l until Drain. It closes l. After a
// Drain, before or during Serve, it returns nil.
func (s *Server) Serve(l net.Listener) error {
	err := s.server.Serve(l)
	if errors.Is(err, grpc.ErrServerStopped) {
		return nil
	}
	return err
}

// Drain stops the server. It accepts no more calls, ends the health streams,
// and waits for the calls that have begun. If ctx ends first, it cancels these
// calls and returns an error. No handler runs after Drain returns.
//
// A connection that has not finished its handshake can delay Drain by
// handshakeTimeout.
func (s *Server) Drain(ctx context.Context) error {
	s.health.drain()
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.server.GracefulStop()
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}

	s.server.Stop()
	<-done
	return fmt.Errorf("calls were cut off: %w", ctx.Err())
}
