package rpc

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

	"github.com/signetd/signet/internal/audit"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

const (
	serving    = healthv1.HealthCheckResponse_SERVING
	notServing = healthv1.HealthCheckResponse_NOT_SERVING
)

func TestHealthFollowsReadiness(t *testing.T) {
	var fault atomic.Pointer[error]
	h := openHouse(t, func(o *Options) {
		o.Ready = func() error {
			if f := fault.Load(); f != nil {
				return *f
			}
			return nil
		}
	})
	health := healthv1.NewHealthClient(h.conn)
	stream, err := health.Watch(soon(t), &healthv1.HealthCheckRequest{Service: "signet.v1.TokenService"})
	if err != nil {
		t.Fatal(err)
	}
	all := func(want healthv1.HealthCheckResponse_ServingStatus) {
		t.Helper()
		for _, service := range []string{"", "signet.v1.TokenService", "signet.v1.GrantService", "signet.v1.AdminService", "signet.v1.KeyService"} {
			r, err := health.Check(t.Context(), &healthv1.HealthCheckRequest{Service: service})
			if err != nil || r.GetStatus() != want {
				t.Errorf("Check %q: %v %v, want %v", service, r.GetStatus(), err, want)
			}
		}
		list, err := health.List(t.Context(), &healthv1.HealthListRequest{})
		if err != nil || len(list.GetStatuses()) != 6 || list.GetStatuses()[""].GetStatus() != want {
			t.Errorf("List: %v %v, want %v", list, err, want)
		}
		if r, err := stream.Recv(); err != nil || r.GetStatus() != want {
			t.Errorf("Watch: %v %v, want %v", r.GetStatus(), err, want)
		}
	}
	all(serving)
	stale := errors.New("stale")
	fault.Store(&stale)
	all(notServing)
	fault.Store(nil)
	all(serving)
	if _, err := health.Check(t.Context(), &healthv1.HealthCheckRequest{Service: "signet.v1.Nothing"}); status.Code(err) != codes.NotFound {
		t.Errorf("an unknown service: %v", err)
	}
	unknown, err := health.Watch(soon(t), &healthv1.HealthCheckRequest{Service: "signet.v1.Nothing"})
	if err != nil {
		t.Fatal(err)
	}
	if r, err := unknown.Recv(); err != nil || r.GetStatus() != healthv1.HealthCheckResponse_SERVICE_UNKNOWN {
		t.Errorf("Watch of an unknown service: %v %v", r.GetStatus(), err)
	}
}

func TestReflectionIsAChoice(t *testing.T) {
	for _, on := range []bool{false, true} {
		h := openHouse(t, func(o *Options) { o.Reflection = on })
		stream, err := reflectionv1.NewServerReflectionClient(h.conn).ServerReflectionInfo(soon(t))
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

// holdUp makes the calls of the house wait when they write their audit event, until open is called; entered has one value
// for each that waits.
func (h *house) holdUp(t *testing.T) (entered chan struct{}, open func()) {
	entered, gate := make(chan struct{}, 8), make(chan struct{})
	wait := func(audit.Event) error {
		entered <- struct{}{}
		<-gate
		return nil
	}
	h.audit.Store(&wait)
	open = sync.OnceFunc(func() { close(gate) })
	t.Cleanup(open)
	return entered, open
}

func TestDrainLetsAcceptedCallsFinish(t *testing.T) {
	h := openHouse(t)
	entered, open := h.holdUp(t)
	ctx := soon(t)
	watch, err := healthv1.NewHealthClient(h.conn).Watch(ctx, &healthv1.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if r, err := watch.Recv(); err != nil || r.GetStatus() != serving {
		t.Fatal(r, err)
	}
	login, drained := make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := h.tokens.Login(h.as(t, "web"), &signetv1.LoginRequest{Username: username, Password: secret})
		login <- err
	}()
	<-entered
	go func() { drained <- h.server.Drain(t.Context()) }()
	if r, err := watch.Recv(); err != nil || r.GetStatus() != notServing {
		t.Errorf("a health stream is told %v %v", r.GetStatus(), err)
	}
	if _, err := watch.Recv(); status.Code(err) != codes.Unavailable {
		t.Errorf("a health stream ends with %v", err)
	}
	if !h.conn.WaitForStateChange(ctx, connectivity.Ready) { // the server has said that it goes away, or has cut the line
		t.Fatal("the client was not told to go elsewhere")
	}
	if c, err := net.Dial("tcp", h.address); err == nil {
		c.Close()
		t.Error("a new connection was taken during the drain")
	}
	select {
	case err := <-drained:
		t.Fatalf("Drain did not wait for the call: %v", err)
	case <-login:
		t.Fatal("the call did not wait for the gate")
	default:
	}
	open()
	if err := <-login; err != nil {
		t.Errorf("the accepted call failed: %v", err)
	}
	if err := <-drained; err != nil {
		t.Errorf("Drain: %v", err)
	}
}

func TestDrainCutsOffWhatTakesTooLong(t *testing.T) {
	h := openHouse(t)
	entered, open := h.holdUp(t)
	login, drained := make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := h.tokens.Login(h.as(t, "web"), &signetv1.LoginRequest{Username: username, Password: secret})
		login <- err
	}()
	<-entered
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	go func() { drained <- h.server.Drain(ctx) }()
	if err := <-login; status.Code(err) != codes.Unavailable {
		t.Errorf("the call that was cut off ends with %v", err)
	}
	open()
	if err := <-drained; !errors.Is(err, context.Canceled) {
		t.Errorf("Drain: %v", err)
	}
}

func TestUnknownMethods(t *testing.T) {
	h := openHouse(t)
	for _, method := range []string{"/signet.v1.TokenService/Forge", "/signet.v1.AdminService/AddKEK", "/x/y"} {
		err := h.conn.Invoke(h.as(t, "web"), method, &signetv1.RevokeRequest{}, &signetv1.RevokeResponse{})
		if status.Code(err) != codes.Unimplemented {
			t.Errorf("%s: %v", method, err)
		}
	}
}
