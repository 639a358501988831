package rpc

import (
	"context"
	"strings"
	"time"

	"google.golang.org/grpc"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
)

// A count is who counts the calls of one method; the zero count is nobody.
type count struct {
	start func()
	end   func(code string, took time.Duration)
}

// countAll asks who counts, for each method that the server has. A method that it does not have reaches no interceptor.
func (i interceptor) countAll(services map[string]grpc.ServiceInfo, who func(service, method, kind string) (func(), func(string, time.Duration))) {
	for service, info := range services {
		for _, m := range info.Methods {
			start, end := who(service, m.Name, kindOf(m))
			i.counts["/"+service+"/"+m.Name] = count{start, end}
		}
	}
}

// kindOf names the kind of a method as go-grpc-middleware does, since dashboards know those names.
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

// began counts a call that begins, and returns itself.
func (c count) began() count {
	if c.start != nil {
		c.start()
	}
	return c
}

// ended counts a call that was answered.
func (c count) ended(code string, took time.Duration) {
	if c.end != nil {
		c.end(code, took)
	}
}

// begin begins the span of a call, if anybody traces. Probes are not traced: they are asked for without end.
func (i interceptor) begin(ctx context.Context, method string) (context.Context, func(code, requestID, clientID string)) {
	if i.trace == nil || strings.HasPrefix(method, "/"+healthv1.Health_ServiceDesc.ServiceName+"/") {
		return ctx, func(string, string, string) {}
	}
	return i.trace(ctx, method, func(key string) string {
		return strings.Join(metadata.ValueFromIncomingContext(ctx, key), ",") // as one header of HTTP would be
	})
}
