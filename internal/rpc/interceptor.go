package rpc

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/oauth"
)

const (
	// defaultDeadline applies to calls without a deadline.
	defaultDeadline = 10 * time.Second
	// maxDeadline caps the deadline of every call.
	maxDeadline = time.Minute
	// requestIDHeader has the request id, in requests and responses.
	requestIDHeader = "x-request-id"
)

var errPanic = errors.New("panic")

// An interceptor wraps every handler. It sets the request id and the deadline,
// authorizes the caller, recovers from panics, translates the error and writes
// the log line.
type interceptor struct {
	inspector *issuer.Inspector
	registry  *client.Registry
	proxies   oauth.Proxies
	log       *slog.Logger
	observer  Observer
	// counters are the counters by full method name. They do not change after
	// the server has started.
	counters map[string]counter
	limiter  *callLimiter
}

// Values of response headers. They are variables, so that responses share them.
var noStore, noCache = []string{"no-store"}, []string{"no-cache"}

func (i interceptor) unary(
	ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler,
) (resp any, err error) {
	ctx, cancel := withDeadline(ctx)
	defer cancel()
	err = i.intercept(ctx, info.FullMethod, func(ctx context.Context) (err error) {
		resp, err = handler(ctx, req)
		return err
	})
	return resp, err
}

// stream sets no deadline. The streams are health and reflection, and last as
// long as the client reads them.
func (i interceptor) stream(
	srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler,
) error {
	return i.intercept(ss.Context(), info.FullMethod, func(context.Context) error { return handler(srv, ss) })
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

// intercept authorizes, runs, observes and logs one call.
func (i interceptor) intercept(ctx context.Context, method string, handle func(context.Context) error) error {
	start := time.Now()
	caller := client.Caller{
		RequestID: oauth.RequestID(metadata.ValueFromIncomingContext(ctx, requestIDHeader)), Address: i.origin(ctx),
	}
	rule, count := accessRuleOf(method), i.counters[method]
	count.started()
	ctx, endSpan := i.observer.startSpan(ctx, method)
	i.setHeader(ctx, rule, caller.RequestID)

	err := i.handle(ctx, method, &caller, handle)

	response, took := translate(ctx, err), time.Since(start)
	code := response.Code()
	count.ended(code.String(), took)
	endSpan(code.String(), caller.RequestID, caller.Client.ID)
	public := rule.accepts(anyone)
	if level := levelOf(code, public); i.log.Enabled(ctx, level) {
		i.logCall(ctx, level, call{method: method, public: public, caller: caller, code: code, took: took, err: err})
	}
	return response.Err()
}

// setHeader sets the header of the response. Responses that need credentials
// must not be cached (RFC 6749 §5.1).
func (i interceptor) setHeader(ctx context.Context, rule accessRule, requestID string) {
	header := metadata.MD{requestIDHeader: {requestID}}
	if !rule.accepts(anyone) {
		header["cache-control"], header["pragma"] = noStore, noCache
	}
	if err := grpc.SetHeader(ctx, header); err != nil {
		i.log.Error("cannot set the response header", "request_id", requestID, "error", err)
	}
}

// handle authorizes the caller and runs the handler. A panic is server_error.
func (i interceptor) handle(
	ctx context.Context, method string, caller *client.Caller, handle func(context.Context) error,
) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			i.logPanic(ctx, caller, cause)
			err = oauth.Refused(oauth.ServerError, errPanic)
		}
	}()

	if err := i.authorize(ctx, accessRuleOf(method), caller); err != nil {
		return err
	}
	if isLimited(method) {
		release, err := i.limiter.acquire(ctx, caller.Client.ID)
		if err != nil {
			return err
		}
		defer release()
	}
	return handle(withCaller(ctx, caller))
}
