package rpc

import (
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// TestCallsAreCounted: each method of the door is known beforehand, each call is counted when it begins and when it is
// answered, and a method that does not exist makes no series.
func TestCallsAreCounted(t *testing.T) {
	var mu sync.Mutex
	var methods, begun, ended []string
	h := openHouse(t, func(o *Options) {
		o.Watch.Count = func(service, method, kind string) (func(), func(string, time.Duration)) {
			name := service + "/" + method
			methods = append(methods, name+" "+kind)
			note := func(list *[]string, text string) {
				mu.Lock()
				defer mu.Unlock()
				*list = append(*list, text)
			}
			return func() { note(&begun, name) }, func(code string, _ time.Duration) { note(&ended, name+" "+code) }
		}
	})
	for _, want := range []string{
		"signet.v1.TokenService/Login unary", "signet.v1.TokenService/Refresh unary", "signet.v1.KeyService/GetKeySet unary",
		"grpc.health.v1.Health/Watch server_stream",
	} {
		if !slices.Contains(methods, want) {
			t.Errorf("%s is not counted; counted are %q", want, methods)
		}
	}
	_, err := h.keys.GetKeySet(t.Context(), &signetv1.GetKeySetRequest{})
	must(t, err)
	if _, err := h.tokens.Login(t.Context(), &signetv1.LoginRequest{}); err == nil {
		t.Error("a login without a client succeeded")
	}
	for _, path := range []string{"/signet.v1.TokenService/Nothing", "/made.up/Name"} {
		if err := h.conn.Invoke(t.Context(), path, &healthv1.HealthCheckRequest{}, &healthv1.HealthCheckResponse{}); err == nil {
			t.Errorf("%s exists", path)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if want := []string{"signet.v1.KeyService/GetKeySet", "signet.v1.TokenService/Login"}; !slices.Equal(begun, want) {
		t.Errorf("begun %q, want %q", begun, want)
	}
	if want := []string{"signet.v1.KeyService/GetKeySet OK", "signet.v1.TokenService/Login Unauthenticated"}; !slices.Equal(ended, want) {
		t.Errorf("ended %q, want %q", ended, want)
	}
}

func TestKindOfMethod(t *testing.T) {
	for want, m := range map[string]grpc.MethodInfo{
		"unary": {}, "client_stream": {IsClientStream: true}, "server_stream": {IsServerStream: true},
		"bidi_stream": {IsClientStream: true, IsServerStream: true},
	} {
		if got := kindOf(m); got != want {
			t.Errorf("%+v is %s, want %s", m, got, want)
		}
	}
}
