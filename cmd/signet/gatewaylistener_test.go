package main

import (
	"net/http"
	"strings"
	"testing"
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
