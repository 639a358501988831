package interop

import (
	"os"
	"testing"

	"github.com/signetd/signet/internal/interop/programs"
)

// TestVerifyPage_Envoy runs the configuration of the page.
func TestVerifyPage_Envoy(t *testing.T) {
	if os.Getenv("SIGNET_TEST_LONG") == "" {
		t.Skip("it downloads Envoy: SIGNET_TEST_LONG=1 runs it")
	}
	f := newProxyFixture(t)
	p := startProxy(t, f.api, func(dir, address string) []string {
		return programs.Envoy(t, dir, f.envoy(t, address))
	})
	checkVerifier(t, f.verifyFixture, p.verify, "longer signature")
	p.checkRequests(t, f.verifyFixture)
}

// envoy returns the configuration of the page.
func (f *proxyFixture) envoy(t *testing.T, address string, more ...string) string {
	t.Helper()
	return envoyConfiguration(t, address, f.api, programs.Block(t, "verify.md", "yaml envoy", append(more,
		"address: login.example.com, port_value: 443", socketAddress(t, f.http),
		"/etc/ssl/certs/ca-certificates.crt", f.caFile,
	)...))
}
