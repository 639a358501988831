package rpc_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	"github.com/signetd/signet/internal/app/components"
	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/rpc"
	"github.com/signetd/signet/internal/rpc/rpctest"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

const (
	serving    = healthv1.HealthCheckResponse_SERVING
	notServing = healthv1.HealthCheckResponse_NOT_SERVING
)

func TestHealthFollowsReadiness(t *testing.T) {
	t.Parallel() // it mostly waits
	var fault atomic.Pointer[error]
	f := newServer(t, func(o *rpc.Options) {
		o.Ready = func() error {
			if err := fault.Load(); err != nil {
				return *err
			}
			return nil
		}
	})
	health := healthv1.NewHealthClient(f.Conn)
	stream, err := health.Watch(rpctest.Context(t), &healthv1.HealthCheckRequest{Service: "signet.v1.TokenService"})
	if err != nil {
		t.Fatal(err)
	}
	check := func(want healthv1.HealthCheckResponse_ServingStatus) {
		t.Helper()
		for _, service := range []string{
			"", "signet.v1.TokenService", "signet.v1.GrantService", "signet.v1.AdminService", "signet.v1.KeyService",
			"signet.v1.RevocationService",
		} {
			r, err := health.Check(t.Context(), &healthv1.HealthCheckRequest{Service: service})
			if err != nil || r.GetStatus() != want {
				t.Errorf("Check %q: %v %v, want %v", service, r.GetStatus(), err, want)
			}
		}
		list, err := health.List(t.Context(), &healthv1.HealthListRequest{})
		if err != nil || len(list.GetStatuses()) != 7 || list.GetStatuses()[""].GetStatus() != want {
			t.Errorf("List: %v %v, want %v", list, err, want)
		}
		if r, err := stream.Recv(); err != nil || r.GetStatus() != want {
			t.Errorf("Watch: %v %v, want %v", r.GetStatus(), err, want)
		}
	}
	check(serving)
	stale := errors.New("stale")
	fault.Store(&stale)
	check(notServing)
	fault.Store(nil)
	check(serving)
	if _, err := health.Check(t.Context(), &healthv1.HealthCheckRequest{
		Service: "signet.v1.Nothing",
	}); status.Code(err) != codes.NotFound {
		t.Errorf("Check of an unknown service: %v", err)
	}
	unknown, err := health.Watch(rpctest.Context(t), &healthv1.HealthCheckRequest{Service: "signet.v1.Nothing"})
	if err != nil {
		t.Fatal(err)
	}
	if r, err := unknown.Recv(); err != nil || r.GetStatus() != healthv1.HealthCheckResponse_SERVICE_UNKNOWN {
		t.Errorf("Watch of an unknown service: %v %v", r.GetStatus(), err)
	}
}

// Rule 71: Reflection is off by default.
func TestRule71_ReflectionIsOffByDefault(t *testing.T) {
	for _, on := range []bool{false, true} {
		f := newServer(t, func(o *rpc.Options) { o.Reflection = on })
		stream, err := reflectionv1.NewServerReflectionClient(f.Conn).ServerReflectionInfo(rpctest.Context(t))
		if err != nil {
			t.Fatal(err)
		}
		if err := stream.Send(&reflectionv1.ServerReflectionRequest{
			MessageRequest: &reflectionv1.ServerReflectionRequest_ListServices{},
		}); err != nil && on {
			t.Fatal(err)
		}
		r, err := stream.Recv()
		switch {
		case !on && status.Code(err) != codes.Unimplemented:
			t.Errorf("off: %v", err)
		case on && (err != nil || len(r.GetListServicesResponse().GetService()) < 3):
			t.Errorf("on: %v %v", r, err)
		}
		if err := stream.CloseSend(); err != nil {
			t.Error(err)
		}
	}
}

// newBlockedFixture returns a fixture whose logins block when they write their
// audit event, until release is called. blocked receives a value for each.
func newBlockedFixture(t *testing.T) (f *rpctest.Fixture, blocked chan struct{}, release func()) {
	blocked, released := make(chan struct{}, 8), make(chan struct{})
	f = rpctest.New(t, rpctest.Options{Components: func(o *components.Options) {
		o.Audit = func(context.Context, audit.Event) error {
			blocked <- struct{}{}
			<-released
			return nil
		}
	}})
	release = sync.OnceFunc(func() { close(released) })
	t.Cleanup(release)
	return f, blocked, release
}

func TestDrainWaitsForCalls(t *testing.T) {
	f, blocked, release := newBlockedFixture(t)
	ctx := rpctest.Context(t)
	watch, err := healthv1.NewHealthClient(f.Conn).Watch(ctx, &healthv1.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if r, err := watch.Recv(); err != nil || r.GetStatus() != serving {
		t.Fatal(r, err)
	}
	login, drained := make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := f.TokenService.Login(f.As(t, "web"), &signetv1.LoginRequest{Username: username, Password: password})
		login <- err
	}()
	<-blocked
	go func() { drained <- f.Server.Drain(t.Context()) }()
	if r, err := watch.Recv(); err != nil || r.GetStatus() != notServing {
		t.Errorf("health stream: %v %v, want NOT_SERVING", r.GetStatus(), err)
	}
	if _, err := watch.Recv(); status.Code(err) != codes.Unavailable {
		t.Errorf("end of the health stream: %v", err)
	}
	if !f.Conn.WaitForStateChange(ctx, connectivity.Ready) { // the server sends GOAWAY or closes the connection
		t.Fatal("the connection of the client stays ready")
	}
	if c, err := net.Dial("tcp", f.Address); err == nil {
		c.Close()
		t.Error("the server accepted a connection during Drain")
	}
	select {
	case err := <-drained:
		t.Fatalf("Drain did not wait for the call: %v", err)
	case <-login:
		t.Fatal("the call did not block")
	default:
	}
	release()
	if err := <-login; err != nil {
		t.Errorf("the call failed: %v", err)
	}
	if err := <-drained; err != nil {
		t.Errorf("Drain: %v", err)
	}
}

func TestDrainCancelsCallsWhenContextEnds(t *testing.T) {
	f, blocked, release := newBlockedFixture(t)
	login, drained := make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := f.TokenService.Login(f.As(t, "web"), &signetv1.LoginRequest{Username: username, Password: password})
		login <- err
	}()
	<-blocked
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	go func() { drained <- f.Server.Drain(ctx) }()
	if err := <-login; status.Code(err) != codes.Unavailable {
		t.Errorf("the cancelled call: %v", err)
	}
	release()
	if err := <-drained; !errors.Is(err, context.Canceled) {
		t.Errorf("Drain: %v", err)
	}
}

// Rule 71: Unknown methods are refused.
func TestRule71_UnknownMethodsAreUnimplemented(t *testing.T) {
	f := newFixture(t)
	for _, method := range []string{"/signet.v1.TokenService/Forge", "/signet.v1.AdminService/AddKEK", "/x/y"} {
		err := f.Conn.Invoke(f.As(t, "web"), method, &signetv1.RevokeRequest{}, &signetv1.RevokeResponse{})
		if status.Code(err) != codes.Unimplemented {
			t.Errorf("%s: %v", method, err)
		}
	}
}
