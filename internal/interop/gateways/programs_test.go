package gateways

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/signetd/signet/internal/interop/programs"
)

// debian are the gateways that are packages of Debian.
var debian = []gateway{
	{name: "nginx", configure: nginx, hung: 500, down: 500},
	{name: "Caddy", configure: caddy, hung: 504, down: 502},
	{name: "HAProxy", configure: haproxy, hung: 503, down: 503},
}

// nginx includes the block of the page in the smallest configuration. Public
// paths have the other audience, as with all gateways.
func nginx(t *testing.T, f *fixture, dir, address string) []string {
	return nginxWith(t, f, dir, address, "", "")
}

// nginxWith runs nginx with more directives: for all servers, and for the
// questions to the server for gateways.
func nginxWith(t *testing.T, f *fixture, dir, address, all, questions string) []string {
	t.Helper()
	site := programs.Write(t, dir, "site.conf", programs.Block(t, "gateways/nginx.md", "nginx",
		"listen 443 ", "listen "+address+" ",
		" internal;\n", " internal;\n"+questions+"\n",
		"127.0.0.1:3000", f.application.address,
		"127.0.0.1:8080", f.public,
		"127.0.0.1:8082", f.gateway,
		"/optional/auth-request/-", "/optional/auth-request/"+otherAudience,
		"/etc/nginx/tls/shop.example.crt", f.certFile,
		"/etc/nginx/tls/shop.example.key", f.keyFile,
	))
	main := programs.Write(t, dir, "nginx.conf", fmt.Sprintf(`
daemon off; master_process off; error_log stderr; pid %[1]s/pid;
events {}
http {
	access_log off;
	client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxied;
	fastcgi_temp_path %[1]s/fastcgi; uwsgi_temp_path %[1]s/uwsgi; scgi_temp_path %[1]s/scgi;
	%[3]s
	include %[2]s;
}
`, dir, site, all))
	return []string{programs.Look(t, "nginx"), "-e", "stderr", "-c", main}
}

// caddy adds options to the block of the page, so that Caddy opens no other
// listeners.
func caddy(t *testing.T, f *fixture, dir, address string) []string {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	site := programs.Block(t, "gateways/caddy.md", "caddyfile",
		"shop.example {", "https://shop.example:"+port+" {\n\tbind 127.0.0.1",
		"127.0.0.1:3000", f.application.address,
		"127.0.0.1:8080", f.public,
		"127.0.0.1:8082", f.gateway,
		"/optional/forward-auth/-", "/optional/forward-auth/"+otherAudience,
		"/etc/caddy/tls/shop.example.crt", f.certFile,
		"/etc/caddy/tls/shop.example.key", f.keyFile,
	)
	file := programs.Write(t, dir, "Caddyfile", "{\n\tadmin off\n\tauto_https disable_redirects\n}\n\n"+site)
	return []string{programs.Look(t, "caddy"), "run", "--adapter", "caddyfile", "--config", file}
}

// haproxy runs the configuration and the script of the page.
func haproxy(t *testing.T, f *fixture, dir, address string) []string {
	return haproxyWith(t, f, dir, address, programs.Block(t, "gateways/haproxy.md", "lua", "127.0.0.1:8082", f.gateway))
}

// haproxyWith runs the configuration of the page with another script.
func haproxyWith(t *testing.T, f *fixture, dir, address, lua string) []string {
	t.Helper()
	script := programs.Write(t, dir, "signet.lua", lua)
	file := programs.Write(t, dir, "haproxy.cfg", programs.Block(t, "gateways/haproxy.md", "haproxy",
		"bind :443 ", "bind "+address+" ",
		"/etc/haproxy/signet.lua", script,
		"/optional/forward-auth/-", "/optional/forward-auth/"+otherAudience,
		"127.0.0.1:3000", f.application.address,
		"127.0.0.1:8080", f.public,
		"/etc/haproxy/tls/shop.example.pem", joinFiles(t, dir, f.certFile, f.keyFile),
	))
	return []string{programs.Look(t, "haproxy"), "-db", "-f", file}
}

// joinFiles writes a file with the contents of others and returns its path.
func joinFiles(t *testing.T, dir string, files ...string) string {
	t.Helper()
	var joined []byte
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		joined = append(joined, text...)
	}
	path := filepath.Join(dir, "joined.pem")
	if err := os.WriteFile(path, joined, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
