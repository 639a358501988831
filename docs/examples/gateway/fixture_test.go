package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A fixture runs the issuer and the gateway as processes, and an API behind the
// gateway. A lossyProxy relays the calls of the gateway to the issuer.
type fixture struct {
	t              *testing.T
	dir            string   // working directory of the processes
	env            []string // environment of the processes
	opsAddress     string   // of the issuer
	gatewayURL     string
	proxy          *lossyProxy
	user, password string // of the demo user
}

// newFixture builds and starts the processes. They stop with the test.
func newFixture(t *testing.T) *fixture {
	t.Helper()
	free := freeAddresses(t, 4)
	f := &fixture{t: t, dir: t.TempDir(), opsAddress: free[2], gatewayURL: "http://" + free[3]}
	f.env = append(os.Environ(),
		"SIGNET_HTTP_ADDRESS="+free[0], "SIGNET_GRPC_ADDRESS="+free[1], "SIGNET_OPS_ADDRESS="+f.opsAddress,
		"SIGNET_GATEWAY_ADDRESS=127.0.0.1:0",
		"SIGNET_TOKENS_LIFETIME=9s", // less than minLifetime, so every request refreshes
		"SIGNET_SHUTDOWN_DRAIN=0s")

	build := exec.Command("go", "build", "-buildvcs=false", "-ldflags=-w", "-o", f.dir, ".", "../../../cmd/signet")
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	f.start("signet", "serve", "--dev")
	f.waitForStatus("http://"+f.opsAddress+"/readyz", http.StatusOK)

	var demo struct {
		ID       string `json:"client_id"`
		Secret   string `json:"client_secret"`
		Username string
		Password string
	}
	text, err := os.ReadFile(filepath.Join(f.dir, "data", "dev.json"))
	f.must(err)
	f.must(json.Unmarshal(text, &demo))
	f.must(os.WriteFile(filepath.Join(f.dir, "secret"), []byte(demo.Secret), 0o600))
	f.user, f.password = demo.Username, demo.Password

	f.proxy = newLossyProxy(t, free[1])
	api := httptest.NewServer(http.HandlerFunc(echoGrant))
	t.Cleanup(api.Close)
	f.start("gateway", "-listen", free[3], "-issuer", f.proxy.address, "-plain-text",
		"-client-id", demo.ID, "-client-secret-file", "secret", "-api", api.URL)
	f.waitForStatus(f.gatewayURL+"/", http.StatusNotFound)
	return f
}

func (f *fixture) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// echoGrant is an API that answers with the grant of the access token. It adds
// the cookies of the request, which the gateway must not forward.
func echoGrant(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), ".")
	if len(parts) != 3 {
		http.Error(w, "no token", http.StatusUnauthorized)
		return
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1]) // A real API verifies the token.
	var claims struct{ SID string }
	if err != nil || json.Unmarshal(text, &claims) != nil {
		http.Error(w, "no token", http.StatusUnauthorized)
		return
	}
	fmt.Fprintf(w, "%s%s", claims.SID, r.Header.Get("Cookie"))
}

// start starts a program that stops with the test.
func (f *fixture) start(name string, args ...string) {
	f.t.Helper()
	c, output := f.command(name, args...), new(bytes.Buffer)
	c.Stdout, c.Stderr = output, output
	f.must(c.Start())
	f.t.Cleanup(func() {
		_ = c.Process.Signal(os.Interrupt)
		if err := c.Wait(); err != nil {
			f.t.Errorf("%s stopped with %v", name, err)
		}
		if f.t.Failed() {
			f.t.Logf("output of %s:\n%s", name, output)
		}
	})
}

func (f *fixture) command(name string, args ...string) *exec.Cmd {
	c := exec.Command(filepath.Join(f.dir, name), args...)
	c.Dir, c.Env = f.dir, f.env
	return c
}

// signet runs a command of the issuer and returns its standard output.
func (f *fixture) signet(args ...string) string {
	f.t.Helper()
	text, err := f.command("signet", args...).Output()
	if err != nil {
		f.t.Fatalf("signet %v: %v", args, err)
	}
	return string(text)
}

// waitForStatus polls a URL until it answers with the status.
func (f *fixture) waitForStatus(url string, want int) {
	f.t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); <-tick.C {
		if response, err := http.Get(url); err == nil {
			response.Body.Close()
			if response.StatusCode == want {
				return
			}
		}
	}
	f.t.Fatalf("%s did not answer %d", url, want)
}

// refreshes returns how many refreshes had an outcome, as the metrics of the
// issuer show it.
func (f *fixture) refreshes(outcome string) (count string) {
	f.t.Helper()
	response, err := http.Get("http://" + f.opsAddress + "/metrics")
	f.must(err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	f.must(err)
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, `signet_refreshes_total{outcome="`+outcome+`"} `); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// liveGrants returns how many grants of the user are active at the issuer.
func (f *fixture) liveGrants() (live int) {
	f.t.Helper()
	var grants []map[string]any
	f.must(json.Unmarshal([]byte(f.signet("grants", "list", "--user", f.user, "-o", "json")), &grants))
	for _, g := range grants {
		if g["state"] == "active" {
			live++
		}
	}
	return live
}

// freeAddresses returns n loopback addresses without a listener.
func freeAddresses(t *testing.T, n int) []string {
	t.Helper()
	free := make([]string, n)
	for i := range free {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		free[i] = l.Addr().String()
	}
	return free
}
