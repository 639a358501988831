package telemetry

import (
	"bytes"
	"context"
	"log/slog"
	"testing"

	"go.opentelemetry.io/otel/trace"
)

func TestTracingConfigured_FollowsTheEnvironment(t *testing.T) {
	const (
		endpoint       = "OTEL_EXPORTER_OTLP_ENDPOINT"
		tracesEndpoint = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
		disabled       = "OTEL_SDK_DISABLED"
		exporter       = "OTEL_TRACES_EXPORTER"
		url            = "http://127.0.0.1:4317"
	)
	for _, c := range []struct {
		name string
		env  map[string]string
		want bool
	}{
		{"no variables", nil, false},
		{"an endpoint", map[string]string{endpoint: url}, true},
		{"an endpoint for traces", map[string]string{tracesEndpoint: url}, true},
		{"SDK disabled", map[string]string{endpoint: url, disabled: "TRUE"}, false},
		{"no exporter", map[string]string{endpoint: url, exporter: "none"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, name := range []string{endpoint, tracesEndpoint, disabled, exporter} {
				t.Setenv(name, c.env[name])
			}
			if got := TracingConfigured(); got != c.want {
				t.Errorf("tracing is %v, want %v", got, c.want)
			}
		})
	}
}

func TestOpenTraces_RejectsOtherProtocols(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
	if _, err := OpenTraces(t.Context(), "v1", slog.New(slog.DiscardHandler)); err == nil {
		t.Error("http/protobuf is accepted")
	}
}

func TestWithTraceIDs_AddsTraceAndSpanIDs(t *testing.T) {
	var out bytes.Buffer
	log, err := NewLogger(&out, "json", "info")
	if err != nil {
		t.Fatal(err)
	}
	log = WithTraceIDs(log).With("a", 1)
	ctx := trace.ContextWithSpanContext(context.Background(), trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{0xab, 15: 1}, SpanID: trace.SpanID{0xcd, 7: 2},
	}))
	log.InfoContext(ctx, "m")
	m := decode(t, out.String())
	if m["trace_id"] != "ab000000000000000000000000000001" || m["span_id"] != "cd00000000000002" {
		t.Errorf("%s", out.String())
	}
	out.Reset()
	log.Info("m")
	if m := decode(t, out.String()); m["trace_id"] != nil || m["a"] != 1.0 {
		t.Errorf("%s", out.String())
	}
}
