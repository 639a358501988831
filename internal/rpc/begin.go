package rpc

import (
	"context"
	"errors"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/tap"

	"github.com/signetd/signet/internal/connlimit"
	"github.com/signetd/signet/internal/oauth"
)

const (
	// defaultDeadline applies to calls without a deadline.
	defaultDeadline = 10 * time.Second
	// maxDeadline caps the deadline of every call.
	maxDeadline = time.Minute
	// busyDelay is how long a caller waits before it tries again.
	busyDelay = time.Second
)

var (
	errBusy      = errors.New("the server has too many requests in progress")
	errDisplaced = errors.New("another request has displaced this one")
)

// A starter begins calls. It bounds them, and sets their deadlines, from the
// moment when their headers arrive: a caller may send the headers and never the
// message.
type starter struct {
	requests *connlimit.Requests
	// streaming has the full names of the methods with a stream of messages.
	// It does not change after the server has started.
	streaming map[string]bool
}

// begin is called when the headers of a call have arrived. It must not block,
// because it runs in the goroutine that reads the connection.
//
// Calls of a method with streams have no deadline. They are health checks and
// reflection, and last as long as the client reads them.
func (s starter) begin(ctx context.Context, info *tap.Info) (context.Context, error) {
	ctx, cancel := withDeadline(ctx, s.streaming[info.FullMethodName])
	ctx, displace := context.WithCancelCause(ctx)
	c := &begunCall{request: s.requests.Begin(func() { displace(errDisplaced) })}
	if c.request == nil {
		cancel()
		return nil, busy()
	}
	// A call can end before its message has arrived, and so without handler.
	c.stop = context.AfterFunc(ctx, c.request.End)
	return context.WithValue(ctx, begunCallKey{}, c), nil
}

// busy returns the status of a call above the bound.
func busy() error {
	e := oauth.Refused(oauth.TemporarilyUnavailable, errBusy)
	e.RetryAfter = busyDelay
	return encode(e, e).Err()
}

// withDeadline returns the context of a call. Unless the call is a stream, the
// context has a deadline.
func withDeadline(ctx context.Context, stream bool) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	switch {
	case stream:
		return ctx, func() {}
	case !ok:
		return context.WithTimeout(ctx, defaultDeadline)
	case time.Until(deadline) > maxDeadline:
		return context.WithTimeout(ctx, maxDeadline)
	}
	return ctx, func() {}
}

type begunCallKey struct{}

// A begunCall is a call whose headers have arrived.
type begunCall struct {
	request *connlimit.Request
	// stop keeps the end of the call's context from ending the request. It
	// returns false if the context has ended.
	stop func() bool
}

// arrived notes that the message of a call has arrived. From then on the call
// is counted until the caller of arrived calls end, which it must do when the
// handler has returned: a handler may run for a while after its call has been
// cancelled. If the call has ended or has been displaced, arrived returns a
// status as the error.
func arrived(ctx context.Context) (end func(), err error) {
	c, ok := ctx.Value(begunCallKey{}).(*begunCall)
	if !ok { // grpc.Server calls begin for every call
		return func() {}, nil
	}
	if !c.stop() || !c.request.Arrived() {
		if errors.Is(context.Cause(ctx), errDisplaced) {
			return nil, busy()
		}
		return nil, status.FromContextError(ctx.Err()).Err()
	}
	return c.request.End, nil
}

// addStreaming adds the methods with streams of the services.
func (s starter) addStreaming(services map[string]grpc.ServiceInfo) {
	for service, info := range services {
		for _, m := range info.Methods {
			if m.IsClientStream || m.IsServerStream {
				s.streaming["/"+service+"/"+m.Name] = true
			}
		}
	}
}
