package rpc

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	signetv1 "github.com/signetd/signet/proto/signet/v1"
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
			ctx = grpc.NewContextWithServerTransportStream(ctx, discard{})
			var got time.Duration
			info := &grpc.UnaryServerInfo{FullMethod: signetv1.KeyService_GetKeySet_FullMethodName}
			i := interceptor{log: slog.New(slog.DiscardHandler)}
			_, err := i.unary(ctx, nil, info, func(ctx context.Context, _ any) (any, error) {
				deadline, _ := ctx.Deadline()
				got = time.Until(deadline)
				return nil, nil
			})
			if err != nil || got != c.want {
				t.Errorf("%s: %v, want %v; %v", name, got, c.want, err)
			}
		})
	}
}

// discard is a server stream that ignores headers and trailers.
type discard struct{}

func (discard) Method() string                  { return "" }
func (discard) SetHeader(metadata.MD) error     { return nil }
func (discard) SendHeader(metadata.MD) error    { return nil }
func (discard) SetTrailer(md metadata.MD) error { return nil }

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
