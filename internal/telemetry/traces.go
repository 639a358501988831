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

// Traces sends spans to an OpenTelemetry collector. A span holds what a log line may: never a token, a password or a name
// that somebody typed.
type Traces struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
}

// w3c reads the traceparent and tracestate of a caller.
var w3c propagation.TraceContext

// Tracing says whether the environment names a collector, by the variables of OpenTelemetry.
func Tracing() bool {
	endpoint := os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") + os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT")
	return endpoint != "" && !strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") && os.Getenv("OTEL_TRACES_EXPORTER") != "none"
}

// OpenTraces returns what sends spans to the collector that the environment names, over OTLP with gRPC; all of OpenTelemetry's
// variables for it hold. The collector need not be there: what it does not take is dropped, and log says so.
func OpenTraces(ctx context.Context, version string, log *slog.Logger) (*Traces, error) {
	for _, name := range []string{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"} {
		if protocol := os.Getenv(name); protocol != "" && protocol != "grpc" {
			return nil, fmt.Errorf("%s is %q, and traces are sent by grpc only", name, protocol)
		}
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("the traces cannot be sent", "error", err) }))
	exporter, err := otlptracegrpc.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("open the traces: %w", err)
	}
	whose, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", "signet"), attribute.String("service.version", version)),
		resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("open the traces: %w", err)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(whose))
	return &Traces{provider: provider, tracer: provider.Tracer("github.com/signetd/signet")}, nil
}

// Close sends what is left, as long as ctx lasts.
func (t *Traces) Close(ctx context.Context) error {
	if err := t.provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("close the traces: %w", err)
	}
	return nil
}

// Call begins the span of a gRPC call, /package.Service/Method, as a part of the caller's trace if header has one. What it
// returns ends the span.
func (t *Traces) Call(ctx context.Context, method string, header func(key string) string) (context.Context, func(code, requestID, clientID string)) {
	name := strings.TrimPrefix(method, "/")
	ctx, span := t.tracer.Start(w3c.Extract(ctx, headers(header)), name, trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(attribute.String("rpc.system.name", "grpc"), attribute.String("rpc.method", name)))
	return ctx, func(code, requestID, clientID string) {
		span.SetAttributes(attribute.String("rpc.response.status_code", code),
			attribute.String("signet.request_id", requestID), attribute.String("signet.client_id", clientID))
		switch code { // those that are the server's doing
		case "Unknown", "DeadlineExceeded", "Unimplemented", "Internal", "Unavailable", "DataLoss":
			span.SetStatus(codes.Error, "")
		}
		span.End()
	}
}

// Request begins the span of an HTTP request, as Call does. It has the route and not the path, because callers put secrets
// into paths.
func (t *Traces) Request(r *http.Request) (context.Context, func(route string, status int)) {
	ctx, span := t.tracer.Start(w3c.Extract(r.Context(), headers(r.Header.Get)), r.Method, trace.WithSpanKind(trace.SpanKindServer),
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

// Span begins a span inside that of a request, and returns what ends it.
func (t *Traces) Span(ctx context.Context, name string) (context.Context, func()) {
	ctx, span := t.tracer.Start(ctx, name)
	return ctx, func() { span.End() }
}

// headers lets the propagator read a request.
type headers func(key string) string

// Get returns one header.
func (h headers) Get(key string) string { return h(key) }

// Set is not called: nothing is sent on.
func (h headers) Set(string, string) {}

// Keys is not called: the propagator knows what it looks for.
func (h headers) Keys() []string { return nil }

// Traced returns a logger whose lines name the trace and the span that they belong to.
func Traced(log *slog.Logger) *slog.Logger { return slog.New(traced{log.Handler()}) }

type traced struct{ slog.Handler }

// Handle writes the record, with the ids if its context has a span.
func (h traced) Handle(ctx context.Context, r slog.Record) error {
	if s := trace.SpanContextFromContext(ctx); s.IsValid() {
		r = r.Clone()
		r.AddAttrs(slog.String("trace_id", s.TraceID().String()), slog.String("span_id", s.SpanID().String()))
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs keeps the ids in the lines of the derived logger.
func (h traced) WithAttrs(attrs []slog.Attr) slog.Handler { return traced{h.Handler.WithAttrs(attrs)} }

// WithGroup keeps the ids in the lines of the derived logger.
func (h traced) WithGroup(name string) slog.Handler { return traced{h.Handler.WithGroup(name)} }
