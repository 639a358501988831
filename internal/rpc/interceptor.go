package rpc

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"runtime/debug"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/oauth"
)

const (
	// defaultDeadline is what a call without a deadline gets; maxDeadline is the latest that any call has.
	defaultDeadline = 10 * time.Second
	maxDeadline     = time.Minute
	// requestIDHeader carries the request id, in both directions.
	requestIDHeader = "x-request-id"
)

// An interceptor stands before every handler: it gives the call an id and a deadline, finds out who calls, survives a panic,
// translates the error and writes the log line. The line never has anything of the request but its id, and of the error only
// what the issuer says.
type interceptor struct {
	issuer    *issuer.Issuer
	directory *issuer.Directory
	proxies   oauth.Proxies
	log       *slog.Logger
	counts    map[string]count // by full method; not written once the server runs
	trace     func(ctx context.Context, method string, header func(key string) string) (context.Context, func(code, requestID, clientID string))
}

func (i interceptor) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (resp any, err error) {
	ctx, cancel := withDeadline(ctx)
	defer cancel()
	err = i.around(ctx, info.FullMethod, func(ctx context.Context) (err error) {
		resp, err = handler(ctx, req)
		return err
	})
	return resp, err
}

// stream has no deadline to give: the streams there are, health and reflection, last as long as somebody listens.
func (i interceptor) stream(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	return i.around(ss.Context(), info.FullMethod, func(context.Context) error { return handler(srv, ss) })
}

func withDeadline(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	switch {
	case !ok:
		return context.WithTimeout(ctx, defaultDeadline)
	case time.Until(deadline) > maxDeadline:
		return context.WithTimeout(ctx, maxDeadline)
	}
	return ctx, func() {}
}

func (i interceptor) around(ctx context.Context, method string, handle func(context.Context) error) error {
	began := time.Now()
	caller := issuer.Caller{
		RequestID: oauth.RequestID(metadata.ValueFromIncomingContext(ctx, requestIDHeader)), Address: i.origin(ctx),
	}
	who, counted := admissionTo(method), i.counts[method].began()
	open := who&everybody != 0
	ctx, traced := i.begin(ctx, method)
	header := metadata.MD{requestIDHeader: {caller.RequestID}}
	if !open { // RFC 6749 §5.1: nobody between the caller and us keeps such an answer
		header["cache-control"], header["pragma"] = noStore, noCache
	}
	if err := grpc.SetHeader(ctx, header); err != nil {
		i.log.Error("the response header cannot be set", "request_id", caller.RequestID, "error", err)
	}
	err := i.attempt(ctx, who, &caller, handle)
	answer, took := translate(ctx, err), time.Since(began)
	counted.ended(answer.Code().String(), took)
	traced(answer.Code().String(), caller.RequestID, caller.Client.ID)
	if level := levelOf(answer.Code(), open); i.log.Enabled(ctx, level) {
		i.logCall(ctx, level, method, open, caller, answer.Code(), took, err)
	}
	return answer.Err()
}

// What no answer's header changes.
var noStore, noCache = []string{"no-store"}, []string{"no-cache"}

// logCall writes the log line of a call.
func (i interceptor) logCall(
	ctx context.Context, level slog.Level, method string, open bool, caller issuer.Caller, code codes.Code, took time.Duration, err error,
) {
	attrs := []slog.Attr{
		slog.String("request_id", caller.RequestID),
		slog.String("method", method),
		slog.String("code", code.String()),
		slog.Float64("duration_ms", float64(took.Microseconds())/1000),
		slog.String("peer", peerName(ctx, caller.Address)),
	}
	if !open {
		attrs = append(attrs, slog.String("client_id", caller.Client.ID))
	}
	if caller.Subject != "" {
		attrs = append(attrs, slog.String("sub", caller.Subject))
	}
	i.log.LogAttrs(ctx, level, "call", append(attrs, faultOf(err)...)...)
}

// levelOf says how much the operator should care about an answer. Those that are as they should be are counted, and there are
// thousands a second of them.
func levelOf(code codes.Code, open bool) slog.Level {
	switch {
	case code == codes.Internal || code == codes.Unknown:
		return slog.LevelError
	case code == codes.Unavailable:
		return slog.LevelWarn
	case open, code == codes.OK:
		return slog.LevelDebug
	}
	return slog.LevelInfo
}

// attempt finds out who calls and runs the handler. A panic is a server_error.
func (i interceptor) attempt(ctx context.Context, who admission, caller *issuer.Caller, handle func(context.Context) error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			i.logPanic(ctx, caller, cause)
			err = oauth.Refused(oauth.ServerError, errPanic)
		}
	}()
	if err := i.identify(ctx, who, caller); err != nil {
		return err
	}
	return handle(context.WithValue(ctx, callerKey{}, caller))
}

var errPanic = errors.New("panic")

// logPanic writes where the panic was. What it was is written only if the runtime said it, since other words could hold what
// somebody sent.
func (i interceptor) logPanic(ctx context.Context, caller *issuer.Caller, cause any) {
	attrs := []slog.Attr{slog.String("request_id", caller.RequestID), slog.String("stack", string(debug.Stack()))}
	if fault, ok := cause.(runtime.Error); ok {
		attrs = append(attrs, slog.String("error", fault.Error()))
	}
	i.log.LogAttrs(ctx, slog.LevelError, "panic in a gRPC handler", attrs...)
}

// faultOf returns what the log says of an error: its category and its cause.
func faultOf(err error) []slog.Attr {
	if err == nil {
		return nil
	}
	if s, ok := status.FromError(err); ok {
		return []slog.Attr{slog.String("error", s.Message())}
	}
	return oauth.AsError(err).Attrs()
}

type callerKey struct{}

// callerOf returns who makes the call, as the interceptor found out.
func callerOf(ctx context.Context) issuer.Caller {
	if caller, ok := ctx.Value(callerKey{}).(*issuer.Caller); ok {
		return *caller
	}
	return issuer.Caller{}
}
