package rpc

import (
	"context"
	"log/slog"
	"runtime"
	"runtime/debug"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
)

// A call is what the log has of a call.
type call struct {
	method string
	// public is true if the service needs no credentials.
	public bool
	caller client.Caller
	code   codes.Code
	took   time.Duration
	err    error
}

// logCall writes the log line of a call. Of the request, the line has nothing
// but its id, the names of invalid fields, and the id that an unauthenticated
// client claims.
func (i interceptor) logCall(ctx context.Context, level slog.Level, c call) {
	attrs := []slog.Attr{
		slog.String("request_id", c.caller.RequestID),
		slog.String("method", c.method),
		slog.String("code", c.code.String()),
		slog.Float64("duration_ms", float64(c.took.Microseconds())/1000),
		slog.String("peer", peerName(ctx, c.caller.Address)),
	}
	if !c.public {
		attrs = append(attrs, slog.String("client_id", c.caller.Client.ID))
	}
	if c.caller.Subject != "" {
		attrs = append(attrs, slog.String("sub", c.caller.Subject))
	}
	i.log.LogAttrs(ctx, level, "call", append(attrs, errorAttrs(c.err)...)...)
}

// levelOf returns the level of a call's log line. Successful calls, and all
// calls of services that need no credentials, have level debug: there are
// thousands of them each second, and metrics count them.
func levelOf(code codes.Code, public bool) slog.Level {
	switch {
	case code == codes.Internal || code == codes.Unknown:
		return slog.LevelError
	case code == codes.Unavailable:
		return slog.LevelWarn
	case public, code == codes.OK:
		return slog.LevelDebug
	}
	return slog.LevelInfo
}

// errorAttrs returns the log attributes of an error: its category and its
// cause.
func errorAttrs(err error) []slog.Attr {
	if err == nil {
		return nil
	}
	if s, ok := status.FromError(err); ok {
		return []slog.Attr{slog.String("error", s.Message())}
	}
	return oauth.AsError(err).Attrs()
}

// logPanic writes the stack of a panic. It writes the value only if it is an
// error of the Go runtime, since other values could contain text of a request.
func (i interceptor) logPanic(ctx context.Context, caller *client.Caller, cause any) {
	attrs := []slog.Attr{slog.String("request_id", caller.RequestID), slog.String("stack", string(debug.Stack()))}
	if fault, ok := cause.(runtime.Error); ok {
		attrs = append(attrs, slog.String("error", fault.Error()))
	}
	i.log.LogAttrs(ctx, slog.LevelError, "panic in a gRPC handler", attrs...)
}
