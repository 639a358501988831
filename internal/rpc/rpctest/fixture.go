package rpctest

import (
	"context"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/signetd/signet/internal/app/components"
	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/issuertest"
	"github.com/signetd/signet/internal/rpc"
	"github.com/signetd/signet/internal/rpc/adminrpc"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// Options change what a fixture is made of. Both functions may be nil.
type Options struct {
	Components func(*components.Options)
	Server     func(*rpc.Options)
}

// A Fixture is an issuer with a gRPC server on a real socket.
type Fixture struct {
	*issuertest.Fixture
	Server  *rpc.Server
	Address string

	// Conn is a connection to the server, without TLS. The clients use it.
	Conn              *grpc.ClientConn
	TokenService      signetv1.TokenServiceClient
	GrantService      signetv1.GrantServiceClient
	AdminService      signetv1.AdminServiceClient
	KeyService        signetv1.KeyServiceClient
	RevocationService signetv1.RevocationServiceClient
}

// New returns a fixture whose server runs until the test ends.
func New(t testing.TB, o Options) *Fixture {
	t.Helper()
	f := &Fixture{Fixture: issuertest.New(t, setup, func(c *components.Options) {
		c.GrantLifetimes.Leeway = Leeway
		c.Keys.Audit = func(ctx context.Context, e audit.Event) error {
			return c.Audit(ctx, e) // which a test may replace below
		}
		if o.Components != nil {
			o.Components(c)
		}
	})}
	f.Run(t)

	server := rpc.Options{
		Services: rpc.Services{
			Token:      &rpc.TokenService{Issuer: f.Issuer, Inspector: f.Inspector, Logins: f.Logins, Grants: f.Grants},
			Grant:      &rpc.GrantService{Grants: f.Grants, Registry: f.Registry, Keys: f.Keys},
			Admin:      &adminrpc.Service{Admin: f.Admin, Keys: f.Keys, Canary: f.Canary},
			Key:        &rpc.KeyService{Keys: f.Keys},
			Revocation: &rpc.RevocationService{Feed: f.Feed},

			Authorization: &rpc.AuthorizationService{Checker: f.Checker},
		},
		Registry: f.Registry, Inspector: f.Inspector, Ready: func() error { return nil }, Log: f.Logs.Logger(),
	}
	if o.Server != nil {
		o.Server(&server)
	}
	f.serve(t, server)
	return f
}

// serve starts the server and connects the clients.
func (f *Fixture) serve(t testing.TB, o rpc.Options) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	f.Address, f.Server = l.Addr().String(), rpc.New(o)
	served := make(chan error)
	go func() { served <- f.Server.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = f.Server.Drain(ctx) // the test checks calls that do not end
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})

	f.Conn, err = grpc.NewClient(f.Address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	must(t, err)
	t.Cleanup(func() { f.Conn.Close() })
	f.TokenService, f.GrantService = signetv1.NewTokenServiceClient(f.Conn), signetv1.NewGrantServiceClient(f.Conn)
	f.AdminService, f.KeyService = signetv1.NewAdminServiceClient(f.Conn), signetv1.NewKeyServiceClient(f.Conn)
	f.RevocationService = signetv1.NewRevocationServiceClient(f.Conn)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
