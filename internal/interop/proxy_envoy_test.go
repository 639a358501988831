package interop

import (
	"fmt"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/signetd/signet/internal/interop/programs"
)

// TestVerifyPage_Envoy runs the configuration of the page.
func TestVerifyPage_Envoy(t *testing.T) {
	if os.Getenv("SIGNET_TEST_LONG") == "" {
		t.Skip("it downloads Envoy: SIGNET_TEST_LONG=1 runs it")
	}
	f := newProxyFixture(t)
	p := f.startProxy(t, func(dir, address string) []string {
		return programs.Envoy(t, dir, f.envoy(t, address, f.caFile))
	})
	checkVerifier(t, f.verifyFixture, p.verify, "longer signature")
	p.checkRequests(t, f)
}

// envoy returns the configuration of the page, with a listener and the API.
func (f *proxyFixture) envoy(t *testing.T, address, caFile string) string {
	t.Helper()
	filters, clusters, found := strings.Cut(programs.Block(t, "verify.md", "yaml envoy",
		"address: login.example.com, port_value: 443", socketAddress(t, f.http),
		"/etc/ssl/certs/ca-certificates.crt", caFile,
	), "\nclusters:\n")
	if !found {
		t.Fatal("the block has no clusters")
	}
	return fmt.Sprintf(`
static_resources:
  listeners:
    - name: proxy
      address: {socket_address: {%s}}
      filter_chains:
        - filters:
            - name: envoy.filters.network.http_connection_manager
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
                stat_prefix: proxy
                route_config:
                  virtual_hosts: [{name: api, domains: ["*"], routes: [{match: {prefix: /}, route: {cluster: api}}]}]
%s
  clusters:
    - name: api
      connect_timeout: 1s
      load_assignment:
        cluster_name: api
        endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {%s}}}}]}]
%s
`, socketAddress(t, address), indent(16, filters), socketAddress(t, f.api.address), indent(2, clusters))
}

// socketAddress returns a loopback address as Envoy's configuration has it.
func socketAddress(t *testing.T, address string) string {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	return "address: " + host + ", port_value: " + port
}

// indent indents each line of a text.
func indent(spaces int, text string) string {
	by := strings.Repeat(" ", spaces)
	return by + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n"+by)
}
