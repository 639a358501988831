package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Traces sends spans to an OpenTelemetry collector. A span contains only what a
// log line may contain: no tokens, no passwords, and no names that a user has
// entered.
type Traces struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
}

// w3c reads the traceparent and tracestate headers of a caller.
var w3c propagation.TraceContext

// TracingConfigured reports whether OpenTelemetry's environment variables name
// a collector and do not disable tracing.
func TracingConfigured() bool {
	endpoint := os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") + os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT")
	disabled := strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") || os.Getenv("OTEL_TRACES_EXPORTER") == "none"
	return endpoint != "" && !disabled
}

// OpenTraces returns a Traces that sends spans over OTLP/gRPC to the collector
// in the environment. All environment variables of OpenTelemetry for this
// exporter apply. The collector need not be reachable: spans that it does not
// accept are dropped, and logged as a warning.
func OpenTraces(ctx context.Context, version string, log *slog.Logger) (*Traces, error) {
	for _, name := range []string{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"} {
		if protocol := os.Getenv(name); protocol != "" && protocol != "grpc" {
			return nil, fmt.Errorf("invalid %s %q: only grpc is supported", name, protocol)
		}
	}

	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("the traces cannot be sent", "error", err) }))
	exporter, err := otlptracegrpc.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("open traces: %w", err)
	}
	service, err := resource.New(ctx,
		resource.WithAttributes(
			attribute.String("service.name", "signet"), attribute.String("service.version", version)),
		resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("open traces: %w", err)
	}

	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(service))
	return &Traces{provider: provider, tracer: provider.Tracer("github.com/signetd/signet")}, nil
}

// Close sends the spans that have not been sent, until ctx ends.
func (t *Traces) Close(ctx context.Context) error {
	if err := t.provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("close traces: %w", err)
	}
	return nil
}

// StartCall starts the span of a gRPC call. method is the full method name,
// /package.Service/Method. If the headers of the call name a trace, the span
// belongs to it. The returned function ends the span.
func (t *Traces) StartCall(
	ctx context.Context, method string, header func(key string) string,
) (context.Context, func(code, requestID, clientID string)) {
	name := strings.TrimPrefix(method, "/")
	ctx, span := t.tracer.Start(w3c.Extract(ctx, headers(header)), name,
		trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(attribute.String("rpc.system.name", "grpc"), attribute.String("rpc.method", name)))

	return ctx, func(code, requestID, clientID string) {
		span.SetAttributes(attribute.String("rpc.response.status_code", code),
			attribute.String("signet.request_id", requestID), attribute.String("signet.client_id", clientID))
		switch code { // errors of the server, not of the caller
		case "Unknown", "DeadlineExceeded", "Unimplemented", "Internal", "Unavailable", "DataLoss":
			span.SetStatus(codes.Error, "")
		}
		span.End()
	}
}

// StartRequest starts the span of an HTTP request. If the headers of the
// request name a trace, the span belongs to it. The returned function ends the
// span. It takes the route and not the path, because callers put secrets into
// paths.
func (t *Traces) StartRequest(r *http.Request) (context.Context, func(route string, status int)) {
	ctx, span := t.tracer.Start(w3c.Extract(r.Context(), headers(r.Header.Get)), r.Method,
		trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(attribute.String("http.request.method", r.Method)))

	return ctx, func(route string, status int) {
		span.SetAttributes(attribute.Int("http.response.status_code", status))
		if route != "" {
			span.SetName(r.Method + " " + route)
			span.SetAttributes(attribute.String("http.route", route))
		}
		if status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, "")
		}
		span.End()
	}
}

// StartSpan starts a child of the span in ctx. The returned function ends it.
func (t *Traces) StartSpan(ctx context.Context, name string) (context.Context, func()) {
	ctx, span := t.tracer.Start(ctx, name)
	return ctx, func() { span.End() }
}

// headers adapts a function that reads a header to propagation.TextMapCarrier.
type headers func(key string) string

// Get returns the value of a header.
func (h headers) Get(key string) string { return h(key) }

// Set does nothing. Only a propagator that injects headers calls it.
func (h headers) Set(string, string) {}

// Keys returns nil. The W3C propagator reads headers by their names.
func (h headers) Keys() []string { return nil }

// WithTraceIDs returns a logger that adds the ids of the trace and the span in
// the context to each record.
func WithTraceIDs(log *slog.Logger) *slog.Logger { return slog.New(tracedHandler{log.Handler()}) }

type tracedHandler struct{ slog.Handler }

// Handle adds the ids if ctx has a span, and passes the record on.
func (h tracedHandler) Handle(ctx context.Context, r slog.Record) error {
	if s := trace.SpanContextFromContext(ctx); s.IsValid() {
		r = r.Clone()
		r.AddAttrs(slog.String("trace_id", s.TraceID().String()), slog.String("span_id", s.SpanID().String()))
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs returns a handler that adds the ids, too.
func (h tracedHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return tracedHandler{h.Handler.WithAttrs(attrs)}
}

// WithGroup returns a handler that adds the ids, too.
func (h tracedHandler) WithGroup(name string) slog.Handler {
	return tracedHandler{h.Handler.WithGroup(name)}
}
