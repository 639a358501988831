package interop

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/signetd/signet/internal/interop/programs"
)

// TestFeedPage_Proxies runs the service of docs/feed-clients.md, and proxies
// that ask it about each request.
func TestFeedPage_Proxies(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds a program; TestVerifyPage_NGINX and TestVerifyPage_HAProxy send the same requests")
	}
	t.Parallel()
	f, api := newVerifyFixture(t, "ES256"), newRecordingAPI(t)
	service := programs.FreeAddresses(t, 1)[0]
	t.Run("with the service", func(t *testing.T) {
		f.serveVerdicts(t, service)
		for name, p := range startAsking(t, api, service) {
			t.Run(name, func(t *testing.T) {
				checkVerifier(t, f, p.verify)
				p.checkRequests(t, f)
				token := f.mint(t)
				if err := p.verify(token); err != nil {
					t.Errorf("a valid token is refused: %v", err)
				}
				f.revoke(t, token)
				for begin := time.Now(); p.verify(token) == nil; time.Sleep(20 * time.Millisecond) {
					if time.Since(begin) > 5*time.Second {
						t.Fatal("a revoked token is accepted")
					}
				}
			})
		}
	})

	status := map[string]int{"nginx": 500, "HAProxy": 503, "Envoy": 503}
	for name, p := range startAsking(t, api, service) {
		t.Run(name+" without the service", func(t *testing.T) {
			r, reached, err := p.send(orders, "Authorization: Bearer "+f.mint(t))
			if err != nil || r.StatusCode != status[name] || len(reached) > 0 {
				t.Errorf("%v, error %v; the API got %d requests", r, err, len(reached))
			}
		})
	}
}

// serveVerdicts runs the service of the page on an address.
func (f *verifyFixture) serveVerdicts(t *testing.T, address string) {
	t.Helper()
	dir := t.TempDir()
	source := programs.Write(t, dir, "main.go", programs.Block(t, "feed-clients.md", "go main",
		"127.0.0.1:8090", address))
	program := filepath.Join(dir, "verdicts")
	if out, err := exec.Command("go", "build", "-o", program, source).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	programs.Foreign(t, dir, "/usr/bin/env", "ISSUER="+f.url, program)
	for begin := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		r, err := http.Get("http://" + address)
		if err == nil {
			_ = r.Body.Close()
			return
		}
		if time.Since(begin) > patience {
			t.Fatalf("the service does not answer: %v", err)
		}
	}
}

// startAsking starts the proxies of the page, which ask a service.
func startAsking(t *testing.T, api *recordingAPI, service string) map[string]proxy {
	t.Helper()
	const page = "feed-clients.md"
	proxies := map[string]proxy{
		"nginx": startProxy(t, api, func(dir, address string) []string {
			return nginxCommand(t, dir, programs.Write(t, dir, "site.conf", programs.Block(t, page, "nginx",
				"127.0.0.1:8090", service, "127.0.0.1:3000", api.address, "listen 8000", "listen "+address)))
		}),
		"HAProxy": startProxy(t, api, func(dir, address string) []string {
			script := programs.Write(t, dir, "verdict.lua", programs.Block(t, page, "lua", "127.0.0.1:8090", service))
			return haproxyCommand(t, dir, address, api, "lua-load "+script, programs.Block(t, page, "haproxy"))
		}),
	}
	if os.Getenv("SIGNET_TEST_LONG") != "" { // Envoy is a download
		proxies["Envoy"] = startProxy(t, api, func(dir, address string) []string {
			return programs.Envoy(t, dir, envoyConfiguration(t, address, api, programs.Block(t, page, "yaml envoy",
				"http://127.0.0.1:8090", "http://"+service,
				"address: 127.0.0.1, port_value: 8090", socketAddress(t, service))))
		})
	}
	return proxies
}
