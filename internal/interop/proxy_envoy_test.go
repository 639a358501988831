package interop

import (
	"os"
	"testing"
	"time"

	"github.com/signetd/signet/internal/certtest"
	"github.com/signetd/signet/internal/interop/programs"
)

// TestVerifyPage_Envoy runs the configuration of the page. Envoy fetches the
// keys again after cache_duration, keeps them if the issuer is down, and takes
// none from a server whose certificate is of another CA.
func TestVerifyPage_Envoy(t *testing.T) {
	if os.Getenv("SIGNET_TEST_LONG") == "" {
		t.Skip("it downloads Envoy: SIGNET_TEST_LONG=1 runs it")
	}
	f := newProxyFixture(t)
	start := func(more ...string) proxy {
		return startProxy(t, f.api, func(dir, address string) []string {
			return programs.Envoy(t, dir, f.envoy(t, address, more...))
		})
	}
	p := start()
	checkVerifier(t, f.verifyFixture, p.verify, "longer signature")
	p.checkRequests(t, f.verifyFixture)

	short := start("cache_duration: 300s", "cache_duration: 1s")
	f.rotate(t)
	f.rotate(t)
	token := f.mint(t)
	if p.verify(token) == nil {
		t.Error("a token is accepted whose key Envoy does not have")
	}
	for begin := time.Now(); short.verify(token) != nil; time.Sleep(20 * time.Millisecond) {
		if time.Since(begin) > patience {
			t.Fatal("Envoy does not fetch the keys again")
		}
	}

	otherCA := certtest.Write(t, t.TempDir(), "ca.pem", certtest.NewAuthority(t).PEM)
	if start("/etc/ssl/certs/ca-certificates.crt", otherCA).verify(token) == nil {
		t.Error("a token is accepted with keys from a server with the certificate of another CA")
	}
	if start("matcher: {exact: login.example.com}", "matcher: {exact: other.example.com}").verify(token) == nil {
		t.Error("a token is accepted with keys from a server with another name")
	}

	f.stop()
	for begin := time.Now(); time.Since(begin) < 5*time.Second; time.Sleep(100 * time.Millisecond) {
		if err := short.verify(token); err != nil {
			t.Fatalf("%v after the issuer has stopped: %v", time.Since(begin), err)
		}
	}
}

// envoy returns the configuration of the page.
func (f *proxyFixture) envoy(t *testing.T, address string, more ...string) string {
	t.Helper()
	return envoyConfiguration(t, address, f.api, programs.Block(t, "verify.md", "yaml envoy", append(more,
		"address: login.example.com, port_value: 443", socketAddress(t, f.http),
		"/etc/ssl/certs/ca-certificates.crt", f.caFile,
	)...))
}
