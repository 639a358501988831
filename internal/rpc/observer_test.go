package rpc_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/signetd/signet/internal/rpc"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// The observer gets each method of the server once, before the first call. It
// counts a call when it starts and when it ends. Calls of unknown methods are
// not counted, so they create no time series.
func TestCallsAreCounted(t *testing.T) {
	var mu sync.Mutex
	var methods, started, ended []string
	f := newServer(t, func(o *rpc.Options) {
		o.Observer.Count = func(service, method, kind string) (func(), func(string, time.Duration)) {
			name := service + "/" + method
			methods = append(methods, name+" "+kind)
			add := func(list *[]string, text string) {
				mu.Lock()
				defer mu.Unlock()
				*list = append(*list, text)
			}
			return func() { add(&started, name) }, func(code string, _ time.Duration) { add(&ended, name+" "+code) }
		}
	})
	for _, want := range []string{
		"signet.v1.TokenService/Login unary", "signet.v1.TokenService/Refresh unary",
		"signet.v1.KeyService/GetKeySet unary", "grpc.health.v1.Health/Watch server_stream",
	} {
		if !slices.Contains(methods, want) {
			t.Errorf("%s is not among the methods %q", want, methods)
		}
	}
	_, err := f.KeyService.GetKeySet(t.Context(), &signetv1.GetKeySetRequest{})
	must(t, err)
	if _, err := f.TokenService.Login(t.Context(), &signetv1.LoginRequest{}); err == nil {
		t.Error("a login without a client succeeded")
	}
	for _, path := range []string{"/signet.v1.TokenService/Nothing", "/made.up/Name"} {
		err := f.Conn.Invoke(t.Context(), path, &healthv1.HealthCheckRequest{}, &healthv1.HealthCheckResponse{})
		if err == nil {
			t.Errorf("the unknown method %s succeeded", path)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if want := []string{
		"signet.v1.KeyService/GetKeySet", "signet.v1.TokenService/Login",
	}; !slices.Equal(started, want) {
		t.Errorf("started %q, want %q", started, want)
	}
	if want := []string{
		"signet.v1.KeyService/GetKeySet OK", "signet.v1.TokenService/Login Unauthenticated",
	}; !slices.Equal(ended, want) {
		t.Errorf("ended %q, want %q", ended, want)
	}
}
