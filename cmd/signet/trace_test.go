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

// A collector is an OpenTelemetry collector that stores the spans it gets over
// OTLP.
type collector struct {
	collectorv1.UnimplementedTraceServiceServer
	mu    sync.Mutex
	spans []*tracev1.Span
	raw   bytes.Buffer
}

// Export stores spans.
func (c *collector) Export(
	_ context.Context, r *collectorv1.ExportTraceServiceRequest,
) (*collectorv1.ExportTraceServiceResponse, error) {
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

// text returns all requests as text.
func (c *collector) text() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.raw.String()
}

// span returns the first span with a name; nil if there is none.
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

// startCollector starts a collector and returns its address.
func startCollector(t *testing.T) (*collector, string) {
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

// attributes returns the string attributes of a span by name.
func attributes(s *tracev1.Span) map[string]string {
	all := map[string]string{}
	for _, a := range s.GetAttributes() {
		all[a.GetKey()] = a.GetValue().GetStringValue()
	}
	return all
}

// The spans of a login, a refresh and an HTTP request belong to the caller's
// trace, and slow steps have spans of their own. No span has a secret. The log
// lines have the trace id.
func TestTraces(t *testing.T) {
	const (
		callerTrace = "4bf92f3577b34da6a3ce929d0e0e4736"
		callerSpan  = "00f067aa0ba902b7"
		traceparent = "00-" + callerTrace + "-" + callerSpan + "-01"
	)
	c, address := startCollector(t)
	m := newDemoMachine(t, "OTEL_EXPORTER_OTLP_ENDPOINT=http://"+address, "OTEL_BSP_SCHEDULE_DELAY=100",
		"OTEL_SERVICE_NAME=issuer-1", "SIGNET_LOG_LEVEL=debug")
	p := m.start("--dev").ready()
	demo, tokenService := m.demo(), tokens(t, m.grpc)
	ctx, cancel := asClient(t, demo.ClientID, demo.ClientSecret)
	defer cancel()
	ctx = metadata.AppendToOutgoingContext(ctx, "traceparent", traceparent, "x-request-id", "request-1")
	response, err := tokenService.Login(ctx, &signetv1.LoginRequest{Username: demo.Username, Password: demo.Password})
	if err != nil {
		t.Fatal(err)
	}
	refresh := &signetv1.RefreshRequest{RefreshToken: response.GetRefreshToken()}
	if _, err := tokenService.Refresh(ctx, refresh); err != nil {
		t.Fatal(err)
	}
	url := "http://" + m.http + "/.well-known/jwks.json?secret=canary-in-a-query"
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("traceparent", traceparent)
	if jwks, err := http.DefaultClient.Do(r); err != nil {
		t.Fatal(err)
	} else {
		jwks.Body.Close()
	}
	if err := p.drain(); err != nil { // exports the last spans
		t.Fatal(err)
	}

	for name, parent := range map[string]string{
		"signet.v1.TokenService/Login":   "",
		"signet.v1.TokenService/Refresh": "",
		"GET /.well-known/jwks.json":     "",
		"password.verify":                "signet.v1.TokenService/Login",
		"store.create_grant":             "signet.v1.TokenService/Login",
		"store.refresh":                  "signet.v1.TokenService/Refresh",
	} {
		s := c.span(name)
		if s == nil {
			t.Errorf("the collector has no span %s", name)
			continue
		}
		parentID := callerSpan
		if parent != "" {
			parentID = hex.EncodeToString(c.span(parent).GetSpanId())
		}
		if got := hex.EncodeToString(s.GetTraceId()); got != callerTrace {
			t.Errorf("%s is in the trace %s", name, got)
		}
		if got := hex.EncodeToString(s.GetParentSpanId()); got != parentID {
			t.Errorf("the parent of %s is %s, want %s", name, got, parentID)
		}
	}
	login := attributes(c.span("signet.v1.TokenService/Login"))
	for name, want := range map[string]string{
		"rpc.system.name": "grpc", "rpc.method": "signet.v1.TokenService/Login", "rpc.response.status_code": "OK",
		"signet.request_id": "request-1", "signet.client_id": demo.ClientID,
	} {
		if login[name] != want {
			t.Errorf("the login span has %s %q, want %q", name, login[name], want)
		}
	}

	text := c.text()
	for what, secret := range map[string]string{
		"the password": demo.Password, "the client secret": demo.ClientSecret,
		"the user name": `"` + demo.Username + `"`, "a refresh token": response.GetRefreshToken(),
		"an access token": response.GetAccessToken(), "a query": "canary-in-a-query",
	} {
		if strings.Contains(text, secret) {
			t.Errorf("the spans have %s", what)
		}
	}
	if !strings.Contains(text, "issuer-1") {
		t.Error("the spans do not have OTEL_SERVICE_NAME")
	}
	if !strings.Contains(p.log.String(), "trace_id="+callerTrace) {
		t.Error("no log line has the trace id")
	}
}

// Without a reachable collector the server works, and stops in time.
func TestTraces_CollectorUnreachable(t *testing.T) {
	t.Parallel() // it mostly waits
	addresses, err := freeAddresses(1)
	if err != nil {
		t.Fatal(err)
	}
	m := newDemoMachine(t, "OTEL_EXPORTER_OTLP_ENDPOINT=http://"+addresses[0])
	p := m.start("--dev").ready()
	m.signet("", "login")
	began := time.Now()
	if err := p.drain(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("the drain took %s", took)
	}
	log := p.log.String()
	if !strings.Contains(log, "cannot export the last spans") && !strings.Contains(log, "the traces cannot be sent") {
		t.Error("the log does not report that the export failed")
	}
}
