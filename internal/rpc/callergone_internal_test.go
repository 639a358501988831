package rpc

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// A caller that has gone before its call begins is no error of the server.
func TestIntercept_CallerHasGone(t *testing.T) {
	var lines bytes.Buffer
	i := interceptor{rules: accessRules, log: slog.New(slog.NewTextHandler(&lines, nil))}
	ctx, cancel := context.WithCancel(grpc.NewContextWithServerTransportStream(t.Context(), endedStream{}))
	cancel()
	info := &grpc.UnaryServerInfo{FullMethod: signetv1.KeyService_GetKeySet_FullMethodName}
	_, err := i.unary(ctx, nil, info, func(ctx context.Context, _ any) (any, error) { return nil, ctx.Err() })
	if status.Code(err) != codes.Canceled || lines.Len() > 0 {
		t.Errorf("%v; the log has %s", err, lines.String())
	}
}

// An endedStream is a server stream whose caller has gone.
type endedStream struct{}

func (endedStream) Method() string                  { return "" }
func (endedStream) SetHeader(metadata.MD) error     { return errors.New("the stream is done") }
func (endedStream) SendHeader(metadata.MD) error    { return nil }
func (endedStream) SetTrailer(md metadata.MD) error { return nil }
