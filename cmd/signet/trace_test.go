package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	collectorv1 "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// A collector is what OpenTelemetry calls one: it takes spans over OTLP and keeps them.
type collector struct {
	collectorv1.UnimplementedTraceServiceServer
	mu    sync.Mutex
	spans []*tracev1.Span
	raw   bytes.Buffer
}

// Export takes spans.
func (c *collector) Export(_ context.Context, r *collectorv1.ExportTraceServiceRequest) (*collectorv1.ExportTraceServiceResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.raw.WriteString(r.String())
	for _, resource := range r.GetResourceSpans() {
		for _, scope := range resource.GetScopeSpans() {
			c.spans = append(c.spans, scope.GetSpans()...)
		}
	}
	return &collectorv1.ExportTraceServiceResponse{}, nil
}

// said returns everything that the collector was told, as text.
func (c *collector) said() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.raw.String()
}

// span returns a span of that name, nil if there is none.
func (c *collector) span(name string) *tracev1.Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.spans {
		if s.GetName() == name {
			return s
		}
	}
	return nil
}

// collect starts a collector and returns its address.
func collect(t *testing.T) (*collector, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c, server := new(collector), grpc.NewServer()
	collectorv1.RegisterTraceServiceServer(server, c)
	go func() { _ = server.Serve(l) }()
	t.Cleanup(server.Stop)
	return c, l.Addr().String()
}

// attributes returns those of a span, by name, as text.
func attributes(s *tracev1.Span) map[string]string {
	all := map[string]string{}
	for _, a := range s.GetAttributes() {
		all[a.GetKey()] = a.GetValue().GetStringValue()
	}
	return all
}

// TestTraces: a login and a refresh, by the real program, arrive at a collector as parts of the caller's trace, with the
// parts of their own that take time; and the log lines name the trace.
func TestTraces(t *testing.T) {
	const (
		callersTrace = "4bf92f3577b34da6a3ce929d0e0e4736"
		callersSpan  = "00f067aa0ba902b7"
	)
	c, at := collect(t)
	m := newDemo(t, "OTEL_EXPORTER_OTLP_ENDPOINT=http://"+at, "OTEL_BSP_SCHEDULE_DELAY=100", "OTEL_SERVICE_NAME=issuer-1", "SIGNET_LOG_LEVEL=debug")
	p := m.start("--dev").ready()
	facts, caller := m.facts(), tokens(t, m.grpc)
	ctx, cancel := as(t, facts.ClientID, facts.ClientSecret)
	defer cancel()
	ctx = metadata.AppendToOutgoingContext(ctx, "traceparent", "00-"+callersTrace+"-"+callersSpan+"-01", "x-request-id", "request-1")
	answer, err := caller.Login(ctx, &signetv1.LoginRequest{Username: facts.Username, Password: facts.Password})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := caller.Refresh(ctx, &signetv1.RefreshRequest{RefreshToken: answer.GetRefreshToken()}); err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+m.http+"/.well-known/jwks.json?secret=canary-in-a-query", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("traceparent", "00-"+callersTrace+"-"+callersSpan+"-01")
	if jwks, err := http.DefaultClient.Do(r); err != nil {
		t.Fatal(err)
	} else {
		jwks.Body.Close()
	}
	if err := p.drain(); err != nil { // the last spans go out
		t.Fatal(err)
	}

	for name, parent := range map[string]string{
		"signet.v1.TokenService/Login": "", "signet.v1.TokenService/Refresh": "", "GET /.well-known/jwks.json": "",
		"password.verify": "signet.v1.TokenService/Login", "store.create_grant": "signet.v1.TokenService/Login",
		"store.refresh": "signet.v1.TokenService/Refresh",
	} {
		s := c.span(name)
		if s == nil {
			t.Errorf("the collector has no span %s", name)
			continue
		}
		above := callersSpan
		if parent != "" {
			above = hex.EncodeToString(c.span(parent).GetSpanId())
		}
		if got := hex.EncodeToString(s.GetTraceId()); got != callersTrace {
			t.Errorf("%s is in the trace %s", name, got)
		}
		if got := hex.EncodeToString(s.GetParentSpanId()); got != above {
			t.Errorf("%s is a part of %s, want %s", name, got, above)
		}
	}
	login := attributes(c.span("signet.v1.TokenService/Login"))
	for name, want := range map[string]string{
		"rpc.system.name": "grpc", "rpc.method": "signet.v1.TokenService/Login", "rpc.response.status_code": "OK",
		"signet.request_id": "request-1", "signet.client_id": facts.ClientID,
	} {
		if login[name] != want {
			t.Errorf("the span of the login has %s %q, want %q", name, login[name], want)
		}
	}
	said := c.said()
	for what, secret := range map[string]string{
		"the password": facts.Password, "the client secret": facts.ClientSecret, "the user's name": `"` + facts.Username + `"`,
		"a refresh token": answer.GetRefreshToken(), "an access token": answer.GetAccessToken(), "a query": "canary-in-a-query",
	} {
		if strings.Contains(said, secret) {
			t.Errorf("the spans hold %s", what)
		}
	}
	if !strings.Contains(said, "issuer-1") {
		t.Error("OTEL_SERVICE_NAME is not honoured")
	}
	if !strings.Contains(p.log.String(), "trace_id="+callersTrace) {
		t.Error("no log line names the trace")
	}
}

// TestTracesNobodyCollects: a collector that is away is no reason to fail, nor to stop late.
func TestTracesNobodyCollects(t *testing.T) {
	t.Parallel() // it mostly waits
	addresses, err := freeAddresses(1)
	if err != nil {
		t.Fatal(err)
	}
	m := newDemo(t, "OTEL_EXPORTER_OTLP_ENDPOINT=http://"+addresses[0])
	p := m.start("--dev").ready()
	m.signet("", "login")
	began := time.Now()
	if err := p.drain(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("the drain took %s", took)
	}
	if !strings.Contains(p.log.String(), "the last traces are lost") && !strings.Contains(p.log.String(), "the traces cannot be sent") {
		t.Error("the log does not say that the traces are lost")
	}
}
