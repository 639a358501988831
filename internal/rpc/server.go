package rpc

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"

	"github.com/signetd/signet/internal/admin"
	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/keys"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// Limits on what a connection may ask of the server.
const (
	maxMessage     = 64 << 10
	maxHeaderList  = 16 << 10
	maxStreams     = 1000
	handshakeLimit = 10 * time.Second
	// A connection is asked to reconnect after maxConnectionAge, so that a new replica gets its share, and has as long as
	// the longest call to end.
	maxConnectionAge = 10 * time.Minute
	// minPing is how seldom a client must ping; pingAfter and pingLimit are how we find out that one is gone.
	minPing   = 10 * time.Second
	pingAfter = time.Minute
	pingLimit = 20 * time.Second
	// streamWorkers is how many goroutines wait for calls with a stack that has grown already; calls beyond them get a new one.
	streamWorkers = 128
)

// Options is what the door opens on. Every field is needed but Proxies, TLS, Reflection and Watch.
type Options struct {
	Issuer *issuer.Issuer
	// Admin has the verbs on users, clients and audiences.
	Admin *admin.Admin
	// Directory says who the calling client is; somebody else runs it.
	Directory *issuer.Directory
	Keys      *keys.Manager
	// Ready returns nil while the server can do its work: grpc.health.v1 says SERVING by it, and NOT_SERVING as soon as it
	// returns anything else. Before a drain it should, so that callers go elsewhere.
	Ready func() error
	// Proxies are believed when they say whom they call for; none may be.
	Proxies oauth.Proxies
	// Log gets one line per call, at debug where the answer is as it should be.
	Log *slog.Logger
	// TLS is how connections are protected; nil means plain text.
	TLS *tls.Config
	// Reflection tells everybody which services there are (grpc.reflection.v1).
	Reflection bool
	// Watch is who counts and traces the calls.
	Watch Watch
}

// A Watch is told of every call. A nil field means that nobody is told.
type Watch struct {
	// Count is asked once for each method, whose kind is unary or one of the streams, and returns what is called when a call
	// of it begins and when it has been answered.
	Count func(service, method, kind string) (began func(), ended func(code string, took time.Duration))
	// Trace begins the span of a call, with what reads the caller's headers, and returns what ends it.
	Trace func(ctx context.Context, method string, header func(key string) string) (context.Context, func(code, requestID, clientID string))
}

// A Server is the gRPC door.
type Server struct {
	server *grpc.Server
	health *health
}

// New returns a server that is ready to Serve.
func New(o Options) *Server {
	i := newInterceptor(o)
	s := &Server{health: newHealth(o.Ready), server: i.server(o.TLS)}
	s.register(o)
	if o.Watch.Count != nil {
		i.countAll(s.server.GetServiceInfo(), o.Watch.Count)
	}
	return s
}

// Empty returns the server that New puts its services on: it has the same limits, and asks who calls.
func Empty(o Options) *grpc.Server { return newInterceptor(o).server(o.TLS) }

func newInterceptor(o Options) interceptor {
	return interceptor{
		issuer: o.Issuer, directory: o.Directory, proxies: o.Proxies, log: o.Log, counts: make(map[string]count), trace: o.Watch.Trace,
	}
}

func (i interceptor) server(c *tls.Config) *grpc.Server {
	return grpc.NewServer(
		grpc.Creds(protection(c)),
		grpc.UnaryInterceptor(i.unary),
		grpc.StreamInterceptor(i.stream),
		grpc.MaxRecvMsgSize(maxMessage),
		grpc.MaxHeaderListSize(maxHeaderList),
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.ConnectionTimeout(handshakeLimit),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: minPing, PermitWithoutStream: true}),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			MaxConnectionAge: maxConnectionAge, MaxConnectionAgeGrace: maxDeadline, Time: pingAfter, Timeout: pingLimit,
		}),
		grpc.WaitForHandlers(true),
		grpc.NumStreamWorkers(streamWorkers),
	)
}

func protection(c *tls.Config) credentials.TransportCredentials {
	if c == nil {
		return insecure.NewCredentials()
	}
	return credentials.NewTLS(c)
}

// register is the list of all services behind this door.
func (s *Server) register(o Options) {
	signetv1.RegisterTokenServiceServer(s.server, &tokenService{issuer: o.Issuer})
	signetv1.RegisterGrantServiceServer(s.server, &grantService{issuer: o.Issuer, pages: pages{o.Keys}})
	signetv1.RegisterAdminServiceServer(s.server, &adminService{admin: o.Admin, keys: o.Keys, pages: pages{o.Keys}})
	signetv1.RegisterKeyServiceServer(s.server, &keyService{keys: o.Keys})
	healthv1.RegisterHealthServer(s.server, s.health)
	if o.Reflection {
		reflection.Register(s.server)
	}
}

// Serve answers calls that come in through l, which it closes, until Drain. It returns nil after a Drain.
func (s *Server) Serve(l net.Listener) error {
	err := s.server.Serve(l)
	if errors.Is(err, grpc.ErrServerStopped) { // the Drain came first
		return nil
	}
	return err
}

// Drain takes no more calls and returns when those under way have been answered, or cuts them off when ctx ends and says so.
// Health streams end at once. No handler runs any more when it returns. A connection that has not spoken yet may hold it up
// for handshakeLimit.
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
