package gateways

import (
	"net"
	"net/url"
	"testing"

	"github.com/signetd/signet/internal/interop/programs"
)

// envoys are Envoy with each of its protocols.
var envoys = []gateway{
	{name: "Envoy over HTTP", configure: envoyHTTP, hung: 503, down: 503},
	{name: "Envoy over gRPC", configure: envoyGRPC, hung: 503, down: 503},
}

// envoyHTTP runs the first configuration of the page.
func envoyHTTP(t *testing.T, f *fixture, dir, address string) []string {
	return programs.Envoy(t, dir, programs.Block(t, "gateways/envoy.md", "yaml http", envoyReplacements(t, f, address,
		"http://127.0.0.1:8082", "http://"+f.gateway,
		"127.0.0.1, port_value: 8082", port(t, f.gateway),
		"/optional/ext-authz/-", "/optional/ext-authz/"+url.PathEscape(otherAudience),
	)...))
}

// envoyGRPC runs the second configuration of the page.
func envoyGRPC(t *testing.T, f *fixture, dir, address string) []string {
	return programs.Envoy(t, dir, programs.Block(t, "gateways/envoy.md", "yaml grpc", envoyReplacements(t, f, address,
		"127.0.0.1, port_value: 9090", port(t, f.grpc),
		"Basic ZW52b3k6c2VjcmV0", f.envoyBasic,
		`audience: "-"`, "audience: "+otherAudience,
	)...))
}

// envoyReplacements returns the replacements of both configurations, and more.
func envoyReplacements(t *testing.T, f *fixture, address string, more ...string) []string {
	return append(more,
		"0.0.0.0, port_value: 443", port(t, address),
		"127.0.0.1, port_value: 3000", port(t, f.application.address),
		"127.0.0.1, port_value: 8080", port(t, f.public),
		"/etc/envoy/tls/shop.example.crt", f.certFile,
		"/etc/envoy/tls/shop.example.key", f.keyFile,
	)
}

// port returns a loopback address as Envoy's configuration has it.
func port(t *testing.T, address string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	return "127.0.0.1, port_value: " + port
}
