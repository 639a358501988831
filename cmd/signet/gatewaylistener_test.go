package main

import (
	"crypto/tls"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/signetd/signet/internal/certtest"
)

// The server listens for gateways, counts what they ask, and refuses
// connections when it has drained.
func TestServe_ListensForGateways(t *testing.T) {
	m := newMachine(t)
	p := m.start("--dev").ready()
	ask := func(host string) (status int) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+m.gateway+"/forward-auth/-", nil)
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range map[string]string{"Method": "GET", "Proto": "https", "Uri": "/", "Host": host} {
			r.Header.Set("X-Forwarded-"+name, value)
		}
		response, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		return response.StatusCode
	}
	if got := ask("foreign.example"); got != http.StatusForbidden {
		t.Errorf("a foreign host: %d", got)
	}
	// The server for everybody has no such path.
	if got := statusAt("http://" + m.http + "/forward-auth/-"); got != http.StatusNotFound {
		t.Errorf("http.address answers %d", got)
	}
	metrics := m.signetMetrics()
	for _, line := range []string{
		`signet_session_checks_total{outcome="forbidden"} 1`, `signet_sessions_held 0`,
		`signet_connections{listener="gateway"} 1`, `signet_requests{listener="gateway"} 0`,
		`http_requests_total{code="403",handler="/forward-auth/",method="GET"} 1`,
	} {
		if !strings.Contains(metrics, line+"\n") {
			t.Errorf("the metrics lack %s", line)
		}
	}
	must(t, p.drain())
	if got := statusAt("http://" + m.gateway + "/forward-auth/-"); got != 0 {
		t.Errorf("a stopped server answers %d", got)
	}
}

// On an address that is not loopback, only gateways with a certificate can
// connect. The test writes LOCALHOST, which the configuration does not take for
// a loopback address, so that it listens on no other one.
func TestServe_GatewaysNeedACertificate(t *testing.T) {
	m := newTLSMachine(t, "SIGNET_TLS_CLIENT_CA_FILE=ca.pem")
	_, port, err := net.SplitHostPort(m.gateway)
	must(t, err)
	m.env = append(m.env, "SIGNET_GATEWAY_ADDRESS=LOCALHOST:"+port)
	m.start("--dev").ready()
	for name, c := range map[string]struct {
		certificates []tls.Certificate
		want         int // 0: no answer
	}{
		"a certificate":     {[]tls.Certificate{m.authority.Client(t, "nginx.example").TLS(t)}, http.StatusForbidden},
		"no certificate":    {nil, 0},
		"one of another CA": {[]tls.Certificate{certtest.NewAuthority(t).Client(t, "nginx.example").TLS(t)}, 0},
	} {
		client := http.Client{Transport: &http.Transport{
			TLSClientConfig:   &tls.Config{RootCAs: m.authority.Pool(), Certificates: c.certificates},
			ForceAttemptHTTP2: true, DisableKeepAlives: true,
		}}
		status := 0
		if response, err := client.Get("https://" + m.gateway + "/forward-auth/-"); err == nil {
			status = response.StatusCode
			response.Body.Close()
		}
		if status != c.want {
			t.Errorf("%s: %d, want %d", name, status, c.want)
		}
	}
	if got := statusAt("http://" + m.gateway + "/forward-auth/-"); got == http.StatusForbidden {
		t.Error("the listener answers in plain text")
	}
}
