package interop

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/signetd/signet/internal/interop/programs"
)

// nginxCommand returns the command that runs nginx with the file of a site.
func nginxCommand(t *testing.T, dir, site string) []string {
	t.Helper()
	main := programs.Write(t, dir, "nginx.conf", fmt.Sprintf(`
load_module /usr/lib/nginx/modules/ngx_http_js_module.so;
daemon off; master_process off; error_log stderr; pid %[1]s/pid;
events {}
http {
	access_log off;
	client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxied;
	fastcgi_temp_path %[1]s/fastcgi; uwsgi_temp_path %[1]s/uwsgi; scgi_temp_path %[1]s/scgi;
	include %[2]s;
}
`, dir, site))
	return []string{programs.Look(t, "nginx"), "-e", "stderr", "-c", main}
}

// haproxyCommand returns the command that runs HAProxy with global settings and
// with rules for requests to the API.
func haproxyCommand(t *testing.T, dir, address string, api *recordingAPI, global, rules string) []string {
	t.Helper()
	file := programs.Write(t, dir, "haproxy.cfg", fmt.Sprintf(`
global
%s

defaults
mode http
timeout connect 1s
timeout client 30s
timeout server 30s

frontend proxy
bind %s
%s
default_backend api

backend api
server api %s
`, global, address, rules, api.address))
	return []string{programs.Look(t, "haproxy"), "-db", "-f", file}
}

// envoyConfiguration returns the configuration of Envoy with a block of a page:
// the filters of requests to the API, and clusters.
func envoyConfiguration(t *testing.T, address string, api *recordingAPI, block string) string {
	t.Helper()
	filters, clusters, found := strings.Cut(block, "\nclusters:\n")
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
`, socketAddress(t, address), indent(16, filters), socketAddress(t, api.address), indent(2, clusters))
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
