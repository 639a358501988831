package web

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// A reverseProxy is a program that the tests run in front of a server. Its
// configuration is as permissive as possible. It keeps connections to the
// server open, and adds the header X-Proxy to each request.
type reverseProxy struct {
	program string
	// arguments has %s for the configuration file.
	arguments []string
	// configuration has %[1]s for its directory, where it listens on the socket
	// named proxy, and %[2]s for the address of the server.
	configuration string
}

var reverseProxies = map[string]reverseProxy{
	"nginx": {"nginx", []string{"-e", "stderr", "-c", "%s"}, `
daemon off; master_process off; error_log stderr; pid %[1]s/pid;
events { worker_connections 256; }
http {
	access_log off;
	client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxied;
	fastcgi_temp_path %[1]s/fastcgi; uwsgi_temp_path %[1]s/uwsgi; scgi_temp_path %[1]s/scgi;
	upstream issuer { server %[2]s; keepalive 1; }
	server {
		listen unix:%[1]s/proxy;
		ignore_invalid_headers off; underscores_in_headers on;
		location / {
			proxy_pass http://issuer;
			proxy_http_version 1.1;
			proxy_request_buffering off;
			proxy_ignore_client_abort on;
			proxy_set_header Connection "";
			proxy_set_header X-Proxy seen;
		}
	}
}
`},
	"HAProxy": {"haproxy", []string{"-db", "-f", "%s"}, `
global
	maxconn 256
	nbthread 1
defaults
	mode http
	timeout connect 10s
	timeout client 30s
	timeout server 30s
	option accept-invalid-http-request
	http-reuse always
frontend public
	bind unix@%[1]s/proxy
	http-request set-header X-Proxy seen
	default_backend issuer
backend issuer
	server issuer %[2]s
`},
}

// start runs the proxy in front of the server at address until the test ends.
// It returns a function that opens a connection to the proxy.
func (p reverseProxy) start(t *testing.T, address string) (dial func() net.Conn) {
	t.Helper()
	program, err := exec.LookPath(p.program)
	if err != nil {
		program, err = exec.LookPath("/usr/sbin/" + p.program)
	}
	if err != nil {
		t.Fatalf("%s is neither in PATH nor in /usr/sbin: install it (apt-get install %s)", p.program, p.program)
	}
	dir, err := os.MkdirTemp("", "signet-proxy-") // t.TempDir is too long for a socket
	must(t, err)
	t.Cleanup(func() { must(t, os.RemoveAll(dir)) })
	configuration := filepath.Join(dir, "configuration")
	must(t, os.WriteFile(configuration, fmt.Appendf(nil, p.configuration, dir, address), 0o600))
	log, err := os.Create(filepath.Join(dir, "log"))
	must(t, err)
	t.Cleanup(func() { must(t, log.Close()) })

	// The standard input of the shell ends when the test ends, also if the test
	// program is killed.
	shell := exec.Command("/bin/sh", "-c", `"$@" & read -r nothing; kill -9 $!; wait`, "sh", program)
	for _, argument := range p.arguments {
		if argument == "%s" {
			argument = configuration
		}
		shell.Args = append(shell.Args, argument)
	}
	shell.Stdout, shell.Stderr = log, log
	input, err := shell.StdinPipe()
	must(t, err)
	must(t, shell.Start())
	t.Cleanup(func() {
		must(t, input.Close())
		_ = shell.Wait() // the status is that of the killed program
	})

	socket := filepath.Join(dir, "proxy")
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		conn, err := net.Dial("unix", socket)
		if err == nil {
			must(t, conn.Close())
			break
		}
		if time.Now().After(deadline) {
			text, _ := os.ReadFile(log.Name())
			t.Fatalf("%s does not listen: %v\n%s", p.program, err, text)
		}
	}
	return func() net.Conn {
		conn, err := net.Dial("unix", socket)
		must(t, err)
		must(t, conn.SetDeadline(time.Now().Add(time.Minute)))
		return conn
	}
}
