package web

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"testing"
)

func TestHandler_RejectsInvalidIssuer(t *testing.T) {
	ring := keyRing(t)
	for _, issuer := range []string{
		"https://example.org/{tenant}", "https://example.org/a b", "https://example.org/a//b",
		"https://example.org/../a", "https://example.org/a%2fb", "://",
	} {
		if _, err := Handler(Options{Issuer: issuer, Keys: ring, Log: slog.New(slog.DiscardHandler)}); err == nil {
			t.Errorf("%s is accepted", issuer)
		}
	}
}

// The endpoints are at the URLs in the metadata, which have the path of the
// issuer identifier. They are also there without that path.
func TestHandler_IssuerWithPath(t *testing.T) {
	f := newFixtureAt(t, "https://example.org/tenants/a")
	var metadata struct {
		Token         string `json:"token_endpoint"`
		Revocation    string `json:"revocation_endpoint"`
		Introspection string `json:"introspection_endpoint"`
	}
	_, body := do(t, http.MethodGet, f.url+"/tenants/a/.well-known/openid-configuration", nil)
	must(t, json.Unmarshal(body, &metadata))

	for _, endpoint := range []string{metadata.Token, metadata.Revocation, metadata.Introspection} {
		path := strings.TrimPrefix(endpoint, "https://example.org")
		for _, path := range []string{path, strings.TrimPrefix(path, "/tenants/a")} {
			f.post(t, path, f.basic("web"),
				"grant_type", "refresh_token", "refresh_token", f.login(t, "web").RefreshToken, "token", "x").
				want(t, path, http.StatusOK, "")
		}
	}
	f.sendAssertion(t, robotKey.assertion("robot", map[string]any{"aud": metadata.Token})).
		want(t, "aud", http.StatusOK, "")
	f.sendAssertion(t, robotKey.assertion("robot", nil)).
		want(t, "aud of another issuer", http.StatusUnauthorized, "invalid_client")
}

func TestOps_ServesProfiles(t *testing.T) {
	t.Parallel() // it mostly waits
	ops := serve(t, OpsHandler(nil, http.NotFoundHandler(), slog.New(slog.DiscardHandler)))
	for _, path := range []string{
		"/debug/pprof/", "/debug/pprof/goroutine?debug=1", "/debug/pprof/heap", "/debug/pprof/profile?seconds=1",
	} {
		if r, body := do(t, http.MethodGet, ops+path, nil); r.StatusCode != http.StatusOK || len(body) == 0 {
			t.Errorf("%s: got status %d and %d bytes", path, r.StatusCode, len(body))
		}
	}

	public := serve(t, newHandler(t, Options{}))
	for _, path := range []string{"/debug/pprof/", "/debug/pprof/heap", "/metrics", "/", "/oauth2/", "/.well-known/"} {
		if r, _ := do(t, http.MethodGet, public+path, nil); r.StatusCode != http.StatusNotFound {
			t.Errorf("%s of http.address: got status %d, want 404", path, r.StatusCode)
		}
	}
}

func TestOps_ServesMetrics(t *testing.T) {
	metrics := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("up 1\n")) })
	base := serve(t, OpsHandler(nil, metrics, slog.New(slog.DiscardHandler)))
	r, body := do(t, http.MethodGet, base+"/metrics", nil)
	if r.StatusCode != http.StatusOK || string(body) != "up 1\n" {
		t.Errorf("got %d %q", r.StatusCode, body)
	}
}
