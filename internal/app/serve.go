package app

import (
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"

	"github.com/signetd/signet/config"
	"github.com/signetd/signet/internal/connlimit"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/rpc"
	"github.com/signetd/signet/internal/rpc/adminrpc"
	"github.com/signetd/signet/internal/web"
)

// listenOps starts the operator's listener: health, metrics, profiles. It
// starts first, so that a liveness probe succeeds while the server waits for
// the database.
func (s *Server) listenOps() (stop func(), err error) {
	if s.limits, err = readLimits(s.app.Config); err != nil {
		return nil, err
	}
	l, err := listenOn("ops.address", s.app.Config.Ops.Address, s.limits.forOps())
	if err != nil {
		return nil, err
	}
	s.counted = append(s.counted, countedListener{"ops", l, nil})
	ops := web.NewServer(web.OpsHandler(s.checks(), s.app.metrics.Handler(), s.app.Log), maxOpsStreams, s.app.Log)
	s.start("ops.address", func() error { return ops.Serve(l) })
	s.logAddress("ops", l.Addr())
	return func() { _ = ops.Close() }, nil
}

// listen starts the HTTP and the gRPC API.
func (s *Server) listen() (listeners, error) {
	httpRequests, grpcRequests := s.limits.newRequests(), s.limits.newRequests()
	handler, err := web.Handler(s.webOptions(httpRequests))
	if err != nil {
		return listeners{}, err
	}
	httpListener, grpcListener, err := bind(s.app.Config, s.limits.forCallers(s.app.Config.TrustedProxies))
	if err != nil {
		return listeners{}, err
	}
	gatewayListener, err := bindGateway(s.app.Config, s.limits.forGateways())
	if err != nil {
		return listeners{}, errors.Join(err, httpListener.Close(), grpcListener.Close())
	}
	s.counted = append(s.counted,
		countedListener{"http", httpListener, httpRequests}, countedListener{"grpc", grpcListener, grpcRequests})
	l := listeners{
		http: web.NewServer(handler, s.app.Config.MaxStreams, s.app.Log), grpc: rpc.New(s.rpcOptions(grpcRequests)),
		httpAddress: httpListener.Addr(), grpcAddress: grpcListener.Addr(),
	}

	l.http.TLSConfig = s.tlsConfig(s.app.Config.HTTP.Address, "h2", "http/1.1")
	l.http.ConnState = exemptVerified
	s.start("http.address", func() error {
		if l.http.TLSConfig != nil {
			return l.http.ServeTLS(httpListener, "", "") // the certificate is in TLSConfig
		}
		return l.http.Serve(httpListener)
	})
	s.start("grpc.address", func() error { return l.grpc.Serve(grpcListener) })
	if gatewayListener != nil {
		l.gateway, l.gatewayAddress = s.serveGateways(gatewayListener), gatewayListener.Addr()
	}
	return l, nil
}

// serveGateways starts the server that gateways ask. A loopback address and a
// Unix socket have plain text. Any other address has TLS, and only clients with
// a certificate can connect.
func (s *Server) serveGateways(l *connlimit.Listener) *http.Server {
	requests := s.limits.newGatewayRequests()
	s.counted = append(s.counted, countedListener{"gateway", l, requests})
	server := web.NewGatewayServer(web.GatewayHandler(web.GatewayOptions{
		Checker: s.components.Checker, Log: s.app.Log, Requests: requests, Observer: s.app.httpHooks(),
	}), s.app.Config.MaxStreams, s.app.Log)
	if s.app.Config.Gateway.IsLoopback() {
		s.start("gateway.address", func() error { return server.Serve(l) })
		return server
	}
	server.TLSConfig = s.cert.RequireClients("h2", "http/1.1")
	s.start("gateway.address", func() error { return server.ServeTLS(l, "", "") })
	return server
}

// exemptVerified exempts a connection with a verified client certificate from
// the bound of its address. The HTTP server calls it when the first request
// begins, after the handshake.
func exemptVerified(c net.Conn, state http.ConnState) {
	if t, ok := c.(*tls.Conn); ok && state == http.StateActive && len(t.ConnectionState().VerifiedChains) > 0 {
		connlimit.Exempt(c)
	}
}

// webOptions returns the options of the HTTP API.
func (s *Server) webOptions(requests *connlimit.Requests) web.Options {
	c := s.app.Config
	return web.Options{
		Issuer: c.Issuer, Keys: s.app.Keys, TokenIssuer: s.components.Issuer, Inspector: s.components.Inspector,
		Grants: s.components.Grants, Registry: s.components.Registry, Proxies: proxies(c),
		Browser: s.components.Browser,
		Feed:    s.components.Feed, FeedForClients: feedForClients(c),
		Certificates: c.TLS.ClientCAFile != "", Checks: s.checks(), Log: s.app.Log,
		Requests: requests, Observer: s.app.httpHooks(),
	}
}

// rpcOptions returns the options of the gRPC API.
func (s *Server) rpcOptions(requests *connlimit.Requests) rpc.Options {
	c := s.app.Config
	return rpc.Options{
		Services: s.grpcServices(), Registry: s.components.Registry, Inspector: s.components.Inspector,
		Ready: s.checks().Ready, Log: s.app.Log, Reflection: c.GRPC.Reflection,
		Proxies: proxies(c), TLS: s.tlsConfig(c.GRPC.Address, "h2"), Verified: connlimit.Exempt,
		FeedForClients: feedForClients(c),
		Limits: rpc.Limits{
			MaxStreams: uint32(c.MaxStreams), Requests: requests,
			MaxOpenStreams: s.limits.maxOpenStreams(),
			Streams:        connlimit.NewCounter(s.limits.forStreams(c.TrustedProxies)),
		},
		Observer: s.app.grpcHooks(),
	}
}

// proxies returns the trusted proxies of both APIs.
func proxies(c config.Config) oauth.Proxies {
	return oauth.Proxies{Networks: c.TrustedProxies, Header: c.ProxyHeader}
}

// feedForClients reports whether only clients may read the feed of revocations.
func feedForClients(c config.Config) bool {
	return c.Revocations.Access == config.RevocationsForClients
}

// grpcServices returns the services of the gRPC API.
func (s *Server) grpcServices() rpc.Services {
	c := s.components
	return rpc.Services{
		Token:      &rpc.TokenService{Issuer: c.Issuer, Inspector: c.Inspector, Logins: c.Logins, Grants: c.Grants},
		Grant:      &rpc.GrantService{Grants: c.Grants, Registry: c.Registry, Keys: s.app.Keys},
		Admin:      &adminrpc.Service{Admin: s.app.Admin, Keys: s.app.Keys, Canary: c.Canary},
		Key:        &rpc.KeyService{Keys: s.app.Keys},
		Revocation: &rpc.RevocationService{Feed: c.Feed},

		Authorization: &rpc.AuthorizationService{Checker: c.Checker},
	}
}

// tlsConfig returns the TLS configuration of the listener for callers at an
// address; nil means plain text. A Unix socket always has plain text.
func (s *Server) tlsConfig(address string, protocols ...string) *tls.Config {
	if _, local := config.UnixPath(address); local || s.cert == nil {
		return nil
	}
	return s.cert.Config(protocols...)
}

// logListeners logs the addresses of the listeners.
func (s *Server) logListeners(l listeners) {
	s.logAddress("http", l.httpAddress)
	s.logAddress("grpc", l.grpcAddress)
	if l.gateway != nil {
		s.logAddress("gateway", l.gatewayAddress)
	}
	if s.dev != nil {
		s.dev.printCommands(l.httpAddress, l.grpcAddress)
	}
}

// logAddress logs the address of one listener.
func (s *Server) logAddress(name string, address net.Addr) {
	s.app.Log.Info("listening", slog.String("listener", name), slog.String("address", addressText(address)))
}

var errNotServing = errors.New("the server is starting or stopping")

// checks returns the conditions of readiness. While the server is not serving,
// only the first one is tested: the key ring may not be open yet.
func (s *Server) checks() web.Checks {
	whileServing := func(check func() error) func() error {
		return func() error {
			if !s.serving.Load() {
				return nil
			}
			return check()
		}
	}
	return web.Checks{
		{Name: "open", Err: func() error {
			if !s.serving.Load() {
				return errNotServing
			}
			return nil
		}},
		{Name: "log", Err: s.app.out.Health},
		{Name: "keys", Err: whileServing(func() error { return s.app.Keys.Health() })},
		{Name: "directory", Err: whileServing(func() error { return s.components.Registry.Health() })},
		{Name: "writes", Err: whileServing(func() error { return s.writes.Err() })},
	}
}
