package rpc

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/connlimit"
	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/oauth"
)

// requestIDHeader has the request id, in requests and responses.
const requestIDHeader = "x-request-id"

var (
	errPanic          = errors.New("panic")
	errTooManyStreams = errors.New("there are too many streams")
)

// An interceptor wraps every handler. It sets the request id, authorizes the
// caller, recovers from panics, translates the error and writes
// the log line.
type interceptor struct {
	inspector *issuer.Inspector
	registry  *client.Registry
	proxies   oauth.Proxies
	log       *slog.Logger
	observer  Observer
	rules     ruleSet
	// counters are the counters by full method name. They do not change after
	// the server has started.
	counters map[string]counter
	limiter  *callLimiter
	// streams counts the calls that last as long as their callers want.
	streams *connlimit.Counter
	long    *connlimit.Responses
}

// Values of response headers. They are variables, so that responses share them.
var noStore, noCache = []string{"no-store"}, []string{"no-cache"}

func (i interceptor) unary(
	ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler,
) (resp any, err error) {
	end, err := arrived(ctx)
	if err != nil {
		return nil, err
	}
	defer end()
	err = i.intercept(ctx, info.FullMethod, func(ctx context.Context) (err error) {
		if resp, err = handler(ctx, req); err == nil {
			resp, err = i.boundLong(ctx, resp)
		}
		return err
	})
	return resp, err
}

// stream bounds the streams by address: they have no deadline, and need no
// credentials.
func (i interceptor) stream(
	srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler,
) error {
	end, err := arrived(ss.Context())
	if err != nil {
		return err
	}
	defer end()
	return i.intercept(ss.Context(), info.FullMethod, func(ctx context.Context) error {
		place := i.streams.Add(peerAddress(ctx))
		if place == nil {
			return oauth.Refused(oauth.SlowDown, errTooManyStreams)
		}
		defer place.Release()
		return handler(srv, ss)
	})
}

// intercept authorizes, runs, observes and logs one call.
func (i interceptor) intercept(ctx context.Context, method string, handle func(context.Context) error) error {
	start := time.Now()
	caller := client.Caller{
		RequestID: oauth.RequestID(metadata.ValueFromIncomingContext(ctx, requestIDHeader)), Address: i.origin(ctx),
	}
	rule, count := i.rules.of(method), i.counters[method]
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
// must not be cached (RFC 6749 §5.1). It fails if the caller has gone, which is
// no fault of the server.
func (i interceptor) setHeader(ctx context.Context, rule accessRule, requestID string) {
	header := metadata.MD{requestIDHeader: {requestID}}
	if !rule.accepts(anyone) {
		header["cache-control"], header["pragma"] = noStore, noCache
	}
	if err := grpc.SetHeader(ctx, header); err != nil {
		i.log.Debug("cannot set the response header", "request_id", requestID, "error", err)
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

	if err := i.authorize(ctx, i.rules.of(method), caller); err != nil {
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
