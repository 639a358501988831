package interop

import (
	"crypto/tls"
	"encoding/base64"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/signetd/signet/internal/certtest"
	"github.com/signetd/signet/internal/interop/programs"
)

// TestVerifyPage_NGINX runs the configuration and the script of the page. It
// also checks that nginx refuses a revoked token at once, and that it lets
// nothing pass if it cannot ask the issuer.
func TestVerifyPage_NGINX(t *testing.T) {
	t.Parallel()
	f := newProxyFixture(t)
	p := startProxy(t, f.api, func(dir, address string) []string { return f.nginx(t, dir, address) })
	checkVerifier(t, f.verifyFixture, p.verify)
	p.checkRequests(t, f.verifyFixture)

	token := f.mint(t)
	if err := p.verify(token); err != nil {
		t.Errorf("a valid token is refused: %v", err)
	}
	f.revoke(t, token)
	if err := p.verify(token); err == nil {
		t.Error("a revoked token is accepted")
	}

	if got := f.askedName(t); got != issuerName {
		t.Errorf("nginx asks for the certificate of %q", got)
	}
	valid, otherCA := f.mint(t), certtest.Write(t, t.TempDir(), "ca.pem", certtest.NewAuthority(t).PEM)
	for name, change := range map[string][]string{
		"the CA is another":    {"/etc/ssl/certs/ca-certificates.crt", otherCA},
		"the name is another":  {"proxy_ssl_name login.example.com", "proxy_ssl_name other.example.com"},
		"the issuer is down":   {"login.example.com:443", programs.FreeAddresses(t, 1)[0]},
		"the secret is wrong":  {"BASE64_OF_ID_AND_SECRET", base64.StdEncoding.EncodeToString([]byte("nginx:secret"))},
		"another TLS protocol": {"TLSv1.3", "TLSv1.2"},
	} {
		t.Run(name, func(t *testing.T) {
			p := startProxy(t, f.api, func(dir, address string) []string { return f.nginx(t, dir, address, change...) })
			r, reached, err := p.send(orders, "Authorization: Bearer "+valid)
			if err != nil || r.StatusCode != http.StatusInternalServerError || len(reached) > 0 {
				t.Errorf("%v, error %v; the API got %d requests", r, err, len(reached))
			}
		})
	}
}

// TestVerifyPage_NGINX_OldTLS runs the configuration of the page with the
// setting for proxies without TLS 1.3.
func TestVerifyPage_NGINX_OldTLS(t *testing.T) {
	t.Parallel()
	f := newProxyFixture(t, "SIGNET_TLS_MIN_VERSION=1.2")
	p := startProxy(t, f.api, func(dir, address string) []string {
		return f.nginx(t, dir, address, "TLSv1.3", "TLSv1.2")
	})
	if err := p.verify(f.mint(t)); err != nil {
		t.Errorf("a valid token is refused: %v", err)
	}
}

// askedName returns the server name that nginx sends to the issuer (RFC 6066
// §3).
func (f *proxyFixture) askedName(t *testing.T) string {
	t.Helper()
	names := make(chan string, 10)
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.TLS = &tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		names <- hello.ServerName
		return nil, errors.New("the name is enough")
	}}
	server.StartTLS()
	defer server.Close()
	p := startProxy(t, f.api, func(dir, address string) []string {
		return f.nginx(t, dir, address, "login.example.com:443", server.Listener.Addr().String())
	})
	if _, _, err := p.send(orders, "Authorization: Bearer a.b.c"); err != nil {
		t.Fatal(err)
	}
	return <-names
}

// TestVerifyPage_HAProxy runs the rules and the script of the page. After two
// rotations, HAProxy needs a reload: the script finds the new keys.
func TestVerifyPage_HAProxy(t *testing.T) {
	t.Parallel()
	f, dir := newProxyFixture(t), t.TempDir()
	start := func() proxy {
		return startProxy(t, f.api, func(_, address string) []string { return f.haproxy(t, dir, address) })
	}
	if out := f.writeKeys(t, dir); out != "reload\n" {
		t.Errorf("at first, the script prints %q", out)
	}
	p := start()
	checkVerifier(t, f.verifyFixture, p.verify)
	p.checkRequests(t, f.verifyFixture)

	last := f.mint(t)
	f.rotate(t)
	current := f.mint(t)
	if p.verify(current) == nil {
		t.Error("a token is accepted whose key HAProxy does not have")
	}
	if out := f.writeKeys(t, dir); out != "reload\n" {
		t.Errorf("after a rotation, the script prints %q", out)
	}
	if out := f.writeKeys(t, dir); out != "" {
		t.Errorf("without a rotation, the script prints %q", out)
	}
	p = start()
	f.rotate(t)
	for name, token := range map[string]string{"last": last, "current": current, "next": f.mint(t)} {
		if err := p.verify(token); err != nil {
			t.Errorf("a token of the %s key is refused: %v", name, err)
		}
	}
}

// nginx runs the configuration and the script of the page, with more
// replacements.
func (f *proxyFixture) nginx(t *testing.T, dir, address string, more ...string) []string {
	t.Helper()
	programs.Write(t, dir, "signet.js", programs.Block(t, "verify.md", "js njs"))
	site := programs.Write(t, dir, "site.conf", programs.Block(t, "verify.md", "nginx", append(more,
		"/etc/nginx", dir,
		"login.example.com:443", f.http,
		"127.0.0.1:3000", f.api.address,
		"listen 8000", "listen "+address,
		"BASE64_OF_ID_AND_SECRET", f.basic,
		"/etc/ssl/certs/ca-certificates.crt", f.caFile,
	)...))
	return nginxCommand(t, dir, site)
}

// haproxy runs the rules of the page with the keys in dir.
func (f *proxyFixture) haproxy(t *testing.T, dir, address string) []string {
	t.Helper()
	rules := programs.Block(t, "verify.md", "haproxy", "/etc/haproxy/signet", dir)
	return haproxyCommand(t, dir, address, f.api, "", rules)
}

// writeKeys runs the script of the page. It returns its output: a line instead
// of the reload.
func (f *proxyFixture) writeKeys(t *testing.T, dir string) string {
	t.Helper()
	script := programs.Block(t, "verify.md", "sh haproxy",
		"/etc/haproxy/signet", dir, "systemctl reload haproxy", "echo reload")
	shell := exec.CommandContext(t.Context(), "/bin/sh", "-c", script)
	shell.Dir = f.dir
	shell.Env = append(f.env, "PATH="+filepath.Dir(programs.Path("signet"))+":"+os.Getenv("PATH"))
	out, err := shell.CombinedOutput()
	if err != nil {
		t.Fatalf("the script: %v\n%s", err, out)
	}
	return string(out)
}
