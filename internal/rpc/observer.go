package rpc

import (
	"context"
	"strings"
	"time"

	"google.golang.org/grpc"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
)

// An Observer counts and traces calls. Its fields may be nil.
type Observer struct {
	// Count is called once for each method of the server. kind is unary,
	// client_stream, server_stream or bidi_stream. The server calls started
	// when a call of the method starts, and ended when it has its status.
	Count func(service, method, kind string) (started func(), ended func(code string, took time.Duration))
	// Trace starts the span of a call and returns its context and a function
	// that ends the span. header returns a header of the call.
	Trace func(
		ctx context.Context, method string, header func(key string) string,
	) (context.Context, func(code, requestID, clientID string))
}

// A counter counts the calls of one method. Its fields may be nil.
type counter struct {
	start func()
	end   func(code string, took time.Duration)
}

// addCounters adds the counters of all methods of the services to all, by full
// method name. gRPC refuses a call of an unknown method before the interceptor,
// so it is not counted.
func (o Observer) addCounters(all map[string]counter, services map[string]grpc.ServiceInfo) {
	if o.Count == nil {
		return
	}
	for service, info := range services {
		for _, m := range info.Methods {
			started, ended := o.Count(service, m.Name, kindOf(m))
			all["/"+service+"/"+m.Name] = counter{started, ended}
		}
	}
}

// kindOf returns the kind of a method with the names of go-grpc-middleware,
// which dashboards use.
func kindOf(m grpc.MethodInfo) string {
	switch {
	case m.IsClientStream && m.IsServerStream:
		return "bidi_stream"
	case m.IsClientStream:
		return "client_stream"
	case m.IsServerStream:
		return "server_stream"
	}
	return "unary"
}

func (c counter) started() {
	if c.start != nil {
		c.start()
	}
}

func (c counter) ended(code string, took time.Duration) {
	if c.end != nil {
		c.end(code, took)
	}
}

// startSpan starts the span of a call and returns the function that ends it.
// Health checks have no spans, because load balancers repeat them all the time.
func (o Observer) startSpan(
	ctx context.Context, method string,
) (context.Context, func(code, requestID, clientID string)) {
	if o.Trace == nil || strings.HasPrefix(method, "/"+healthv1.Health_ServiceDesc.ServiceName+"/") {
		return ctx, func(string, string, string) {}
	}
	// Repeated metadata is joined like repeated header fields (RFC 9110 §5.3).
	header := func(key string) string { return strings.Join(metadata.ValueFromIncomingContext(ctx, key), ",") }
	return o.Trace(ctx, method, header)
}
