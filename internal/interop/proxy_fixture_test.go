package interop

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signetd/signet/internal/certtest"
	"github.com/signetd/signet/internal/interop/programs"
)

// A proxyFixture is what proxies that verify tokens need: an issuer with TLS,
// whose identifier is that of the pages, and an API.
type proxyFixture struct {
	*verifyFixture
	// basic has the id and the secret of the client nginx in base64.
	basic string
	// caFile has the CA of the issuer's certificate.
	caFile string
	api    *recordingAPI
}

// issuerName is the host of the issuer in the pages.
const issuerName = "login.example.com"

// newProxyFixture starts an issuer and an API until the test ends. The issuer
// has the default for the version of TLS, unless env has another one.
func newProxyFixture(t *testing.T, env ...string) *proxyFixture {
	t.Helper()
	f := &proxyFixture{
		verifyFixture: &verifyFixture{alg: "ES256", url: "https://" + issuerName, audience: "https://api.example"},
		api:           newRecordingAPI(t),
	}
	dir, authority := t.TempDir(), certtest.NewAuthority(t)
	f.caFile = certtest.Write(t, dir, "ca.pem", authority.PEM)
	certificate, key := authority.Issue(t, func(c *x509.Certificate) {
		c.ExtKeyUsage, c.DNSNames = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, []string{issuerName}
		c.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	}).Write(t, dir)
	f.issuer = newIssuer(t, map[string]string{
		"SIGNET_ISSUER": f.url, "SIGNET_KEYS_POLL_INTERVAL": "1s",
		"SIGNET_TLS_CERT_FILE": certificate, "SIGNET_TLS_KEY_FILE": key,
	})
	f.direct = "https://" + f.http
	f.client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: authority.Pool()}}}
	// A Unix socket needs no TLS.
	f.grpc = "unix:" + filepath.Join(dir, "grpc")
	f.env = append(append(f.env, "SIGNET_GRPC_ADDRESS="+f.grpc), env...)
	f.start(t)
	var client struct {
		Secret string `json:"client_secret"`
	}
	f.run(t, "", &client, "clients", "create", "nginx", "--introspect", f.audience,
		"--introspect", "https://second.example")
	f.basic = base64.StdEncoding.EncodeToString([]byte("nginx:" + client.Secret))
	return f
}

// A proxy is a program with the configuration of a page, in front of the API.
type proxy struct {
	api     *recordingAPI
	address string
}

// startProxy runs the command that configure returns for an address to listen
// on. It waits until the proxy listens.
func startProxy(t *testing.T, api *recordingAPI, configure func(dir, address string) (command []string)) proxy {
	t.Helper()
	p := proxy{api, programs.FreeAddresses(t, 1)[0]}
	dir := t.TempDir()
	programs.Foreign(t, dir, configure(dir, p.address)...)
	for begin := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		conn, err := net.Dial("tcp", p.address)
		if err == nil {
			_ = conn.Close()
			return p
		}
		if time.Since(begin) > patience {
			t.Fatalf("the proxy does not listen: %v", err)
		}
	}
}

// verify sends a request with a token. It is a verifyFunc.
func (p proxy) verify(token string) error {
	r, reached, err := p.send("GET /orders HTTP/1.1", "Authorization: Bearer "+token)
	switch {
	case err != nil:
		return err
	case r.StatusCode == http.StatusOK && len(reached) == 1:
		return nil
	case (r.StatusCode == http.StatusUnauthorized || r.StatusCode == http.StatusForbidden) && len(reached) == 0:
		return fmt.Errorf("%s", r.Status)
	default:
		return fmt.Errorf("%s, and the API got %d requests", r.Status, len(reached))
	}
}

// send sends a request exactly as the lines say. It returns the response, and
// the requests that the API got before it.
func (p proxy) send(lines ...string) (*http.Response, []*http.Request, error) {
	conn, err := net.Dial("tcp", p.address)
	if err != nil {
		return nil, nil, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, nil, err
	}
	p.api.take()
	head := append([]string{lines[0], "Host: api.example", "Connection: close"}, lines[1:]...)
	go func() {
		// A proxy may refuse a request before it has read all of it.
		_, _ = io.WriteString(conn, strings.Join(head, "\r\n")+"\r\n\r\n")
	}()
	method, _, _ := strings.Cut(lines[0], " ")
	r, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		return nil, nil, err
	}
	defer r.Body.Close()
	_, err = io.Copy(io.Discard, r.Body)
	return r, p.api.take(), err
}

// A recordingAPI records the requests that pass a proxy. ContentLength is the
// number of bytes of the body that arrived.
type recordingAPI struct {
	address string
	mu      sync.Mutex
	reached []*http.Request
}

// newRecordingAPI starts an API until the test ends.
func newRecordingAPI(t *testing.T) *recordingAPI {
	t.Helper()
	a := &recordingAPI{}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		r.ContentLength, _ = io.Copy(io.Discard, r.Body)
		a.mu.Lock()
		defer a.mu.Unlock()
		a.reached = append(a.reached, r)
	}))
	t.Cleanup(server.Close)
	a.address = server.Listener.Addr().String()
	return a
}

// take returns the requests since the last call.
func (a *recordingAPI) take() (reached []*http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	reached, a.reached = a.reached, nil
	return reached
}
