package rpc

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/tap"

	"github.com/signetd/signet/internal/connlimit"
)

func TestDeadlines(t *testing.T) {
	for name, c := range map[string]struct{ requested, want time.Duration }{
		"none":     {0, 10 * time.Second},
		"short":    {3 * time.Second, 3 * time.Second},
		"long":     {50 * time.Second, 50 * time.Second},
		"too long": {time.Hour, time.Minute},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := t.Context(), func() {}
			if c.requested > 0 {
				ctx, cancel = context.WithTimeout(ctx, c.requested)
			}
			defer cancel()
			begun, err := starter{requests: connlimit.NewRequests(1)}.begin(ctx, &tap.Info{FullMethodName: "/x/y"})
			if err != nil {
				t.Fatal(err)
			}
			deadline, _ := begun.Deadline()
			got := time.Until(deadline)
			if err != nil || got != c.want {
				t.Errorf("%s: %v, want %v; %v", name, got, c.want, err)
			}
		})
	}
}

// A call that another one displaces although its message has arrived is refused
// like one above the bound: its caller may try again.
func TestArrived_DisplacedCallIsUnavailable(t *testing.T) {
	first := starter{requests: connlimit.NewRequests(1)}
	displaced, err := first.begin(t.Context(), &tap.Info{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := first.begin(t.Context(), &tap.Info{}); err != nil {
		t.Fatal(err)
	}
	_, err = arrived(displaced)
	if s := status.Convert(err); s.Code() != codes.Unavailable || len(s.Details()) < 2 {
		t.Errorf("%v with the details %v, want UNAVAILABLE with a delay", err, s.Details())
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
