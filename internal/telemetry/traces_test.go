package telemetry

import (
	"bytes"
	"context"
	"log/slog"
	"testing"

	"go.opentelemetry.io/otel/trace"
)

func TestTracingIsAskedForByTheEnvironment(t *testing.T) {
	for _, c := range []struct {
		name string
		env  map[string]string
		want bool
	}{
		{"nothing", nil, false},
		{"an endpoint", map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4317"}, true},
		{"an endpoint for traces", map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4317"}, true},
		{"switched off", map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4317", "OTEL_SDK_DISABLED": "TRUE"}, false},
		{"no exporter", map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4317", "OTEL_TRACES_EXPORTER": "none"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, name := range []string{"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER"} {
				t.Setenv(name, c.env[name])
			}
			if got := Tracing(); got != c.want {
				t.Errorf("tracing is %v", got)
			}
		})
	}
}

func TestTracesSpeakOneProtocol(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
	if _, err := OpenTraces(t.Context(), "v1", slog.New(slog.DiscardHandler)); err == nil {
		t.Error("http/protobuf is promised and not spoken")
	}
}

func TestTracedLinesNameTheirTrace(t *testing.T) {
	var out bytes.Buffer
	log, err := Logger(&out, "json", "info")
	if err != nil {
		t.Fatal(err)
	}
	log = Traced(log).With("a", 1)
	ctx := trace.ContextWithSpanContext(context.Background(), trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{0xab, 15: 1}, SpanID: trace.SpanID{0xcd, 7: 2},
	}))
	log.InfoContext(ctx, "m")
	if m := decode(t, out.String()); m["trace_id"] != "ab000000000000000000000000000001" || m["span_id"] != "cd00000000000002" {
		t.Errorf("%s", out.String())
	}
	out.Reset()
	log.Info("m")
	if m := decode(t, out.String()); m["trace_id"] != nil || m["a"] != 1.0 {
		t.Errorf("%s", out.String())
	}
}
