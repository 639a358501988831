package web

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/signetd/signet/internal/password"
)

// hashParams make password hashes inexpensive. At the cost of production they
// would take most of the time of the tests.
var hashParams = password.Params{Memory: 64, Iterations: 1, Parallelism: 1}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const issuerID = "https://id.example.org"

func TestMetadataTellsOnlyWhatWorks(t *testing.T) {
	for issuer, paths := range map[string][]string{
		"https://id.example.org": {"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"},
		"https://example.org/tenants/a": {
			"/tenants/a/.well-known/openid-configuration", "/.well-known/oauth-authorization-server/tenants/a",
			"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server",
		},
	} {
		base := serve(t, handler(t, issuer, nil))
		public := []any{"client_secret_basic", "client_secret_post", "private_key_jwt", "none"}
		algorithms := []any{"RS256", "ES256", "EdDSA", "Ed25519"}
		want := map[string]any{
			"issuer":                                issuer,
			"jwks_uri":                              issuer + "/.well-known/jwks.json",
			"response_types_supported":              []any{},
			"grant_types_supported":                 []any{"client_credentials", "refresh_token"},
			"subject_types_supported":               []any{"public"},
			"id_token_signing_alg_values_supported": []any{"RS256", "ES256", "EdDSA"},

			"token_endpoint":         issuer + "/oauth2/token",
			"revocation_endpoint":    issuer + "/oauth2/revoke",
			"introspection_endpoint": issuer + "/oauth2/introspect",

			"token_endpoint_auth_methods_supported":                    public,
			"revocation_endpoint_auth_methods_supported":               public,
			"introspection_endpoint_auth_methods_supported":            public[:3],
			"token_endpoint_auth_signing_alg_values_supported":         algorithms,
			"revocation_endpoint_auth_signing_alg_values_supported":    algorithms,
			"introspection_endpoint_auth_signing_alg_values_supported": algorithms,
		}
		for _, path := range paths {
			r, body := get(t, http.MethodGet, base+path, nil)
			var got map[string]any
			if err := json.Unmarshal(body, &got); err != nil || r.StatusCode != http.StatusOK {
				t.Fatalf("%s: %d %v", path, r.StatusCode, err)
			}
			if a, b := text(t, got), text(t, want); a != b {
				t.Errorf("%s: %s, want %s", path, a, b)
			}
			cached(t, path, r)
		}
		for _, path := range []string{"/.well-known/jwks.json", strings.TrimPrefix(issuer+"/.well-known/jwks.json", "https://example.org")} {
			path = strings.TrimPrefix(path, issuerID)
			if r, _ := get(t, http.MethodGet, base+path, nil); r.StatusCode != http.StatusOK {
				t.Errorf("%s%s: %d", issuer, path, r.StatusCode)
			}
		}
	}
}

func TestMetadataTellsOfCertificatesWhereTheyAreAskedFor(t *testing.T) {
	for asked, want := range map[bool]int{true: 3, false: 0} {
		door, err := Handler(Options{Issuer: issuerID, Keys: openKeys(t), Certificates: asked, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		_, body := get(t, http.MethodGet, serve(t, door)+"/.well-known/openid-configuration", nil)
		if n := strings.Count(string(body), `"tls_client_auth"`); n != want {
			t.Errorf("certificates asked for: %v: %s", asked, body)
		}
	}
}

func TestIssuersThatCannotBeServed(t *testing.T) {
	manager := openKeys(t)
	for _, issuer := range []string{
		"https://example.org/{tenant}", "https://example.org/a b", "https://example.org/a//b", "https://example.org/../a", "https://example.org/a%2fb", "://",
	} {
		if _, err := Handler(Options{Issuer: issuer, Keys: manager, Log: slog.New(slog.DiscardHandler)}); err == nil {
			t.Errorf("%s is served", issuer)
		}
	}
}

func TestProbes(t *testing.T) {
	var logs records
	fault := errors.New("dial db.internal: refused")
	checks := Checks{{"keys", func() error { return nil }}, {"directory", func() error { return fault }}}
	door, err := Handler(Options{Issuer: issuerID, Keys: openKeys(t), Checks: checks, Log: logs.logger()})
	if err != nil {
		t.Fatal(err)
	}
	for name, base := range map[string]string{"http": serve(t, door), "ops": serve(t, Ops(checks, http.NotFoundHandler(), logs.logger()))} {
		say := func(path string, status int, want string) {
			t.Helper()
			r, body := get(t, http.MethodGet, base+path, nil)
			if r.StatusCode != status || string(body) != want || r.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s %s: %d %q %v", name, path, r.StatusCode, body, r.Header)
			}
		}
		fault = errors.New("dial db.internal: refused")
		logs.reset()
		say("/livez", http.StatusOK, "ok\n")
		if text := logs.String(); strings.Contains(text, "not ready") {
			t.Errorf("%s: livez ran the checks: %s", name, text)
		}
		say("/readyz", http.StatusServiceUnavailable, "not ready\n")
		if text := logs.String(); !strings.Contains(text, `"level":"DEBUG","msg":"not ready","check":"directory","error":"dial db.internal: refused"`) {
			t.Errorf("%s: the log does not have the cause: %s", name, text)
		} else if strings.Contains(text, "WARN") {
			t.Errorf("%s: a probe that says no fills the log: %s", name, text)
		}
		say("/readyz?verbose", http.StatusServiceUnavailable, "[+] keys ok\n[-] directory failed\nnot ready\n")
		if err := checks.Ready(); !errors.Is(err, fault) || !strings.Contains(err.Error(), "directory") {
			t.Errorf("Ready: %v", err)
		}
		fault = nil
		say("/readyz", http.StatusOK, "ok\n")
		say("/readyz?verbose", http.StatusOK, "[+] keys ok\n[+] directory ok\nok\n")
		if err := checks.Ready(); err != nil {
			t.Errorf("Ready: %v", err)
		}
	}
}

func TestOpsHasProfilesAndHTTPHasNot(t *testing.T) {
	ops := serve(t, Ops(nil, http.NotFoundHandler(), slog.New(slog.DiscardHandler)))
	for _, path := range []string{"/debug/pprof/", "/debug/pprof/goroutine?debug=1", "/debug/pprof/heap", "/debug/pprof/profile?seconds=1"} {
		if r, body := get(t, http.MethodGet, ops+path, nil); r.StatusCode != http.StatusOK || len(body) == 0 {
			t.Errorf("%s: %d", path, r.StatusCode)
		}
	}
	public := serve(t, handler(t, issuerID, nil))
	for _, path := range []string{"/debug/pprof/", "/debug/pprof/heap", "/metrics", "/", "/oauth2/", "/.well-known/"} {
		if r, _ := get(t, http.MethodGet, public+path, nil); r.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", path, r.StatusCode)
		}
	}
}

func TestEveryAnswerIsGuarded(t *testing.T) {
	base := serve(t, handler(t, issuerID, nil))
	for _, path := range []string{"/.well-known/jwks.json", "/livez", "/nothing"} {
		r, _ := get(t, http.MethodGet, base+path, nil)
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
			"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
		} {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q", path, name, got)
			}
		}
	}
}

func TestRequestsAreLogged(t *testing.T) {
	var logs records
	base := serve(t, handler(t, issuerID, logs.logger()))
	get(t, http.MethodGet, base+"/.well-known/jwks.json?token=canary", nil)
	get(t, http.MethodGet, base+"/canary", nil)
	lines := strings.Split(strings.TrimSpace(logs.String()), "\n")
	if len(lines) != 2 || strings.Contains(logs.String(), "canary") {
		t.Fatalf("logged %q", lines)
	}
	for n, want := range []string{`"route":"GET /.well-known/jwks.json","code":200`, `"route":"","code":404`} {
		if !strings.Contains(lines[n], want) || !strings.Contains(lines[n], `"level":"DEBUG"`) || !strings.Contains(lines[n], `"peer":"127.0.0.1:`) {
			t.Errorf("line %d: %s", n, lines[n])
		}
	}
}

func TestPanicIsAnAnswerAndALogLine(t *testing.T) {
	var logs records
	mux := http.NewServeMux()
	mux.HandleFunc("GET /early", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "public")
		_ = r.URL.Path[len(r.URL.Path):][0]
	})
	mux.HandleFunc("GET /late", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(w).Flush()
		panic("canary " + r.URL.RawQuery)
	})
	base := serve(t, guard(logs.logger(), Watch{}, mux))
	r, body := get(t, http.MethodGet, base+"/early", nil)
	if r.StatusCode != http.StatusInternalServerError || strings.Contains(string(body), "out of range") || r.Header.Get("Cache-Control") == "public" {
		t.Errorf("answer %d %q %v", r.StatusCode, body, r.Header)
	}
	if text := logs.String(); !strings.Contains(text, "panic") || !strings.Contains(text, "web_test.go") || !strings.Contains(text, "out of range") ||
		!strings.Contains(text, `"code":500`) {
		t.Errorf("logged %s", text)
	}
	logs.reset()
	if r, err := http.Get(base + "/late?canary"); err == nil {
		if _, err = io.ReadAll(r.Body); err == nil {
			t.Error("half an answer was made to look whole")
		}
		r.Body.Close()
	}
	if text := logs.String(); !strings.Contains(text, "panic") || strings.Contains(text, "canary") {
		t.Errorf("logged %s", text)
	}
}

func TestServerHasLimits(t *testing.T) {
	base := serve(t, handler(t, issuerID, nil))
	r, _ := get(t, http.MethodGet, base+"/livez", http.Header{"X-Long": {strings.Repeat("x", 32<<10)}})
	if r.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a header of 32 KiB: %d", r.StatusCode)
	}
	s := Server(http.NotFoundHandler(), slog.New(slog.DiscardHandler))
	if slices.Contains([]int64{int64(s.ReadHeaderTimeout), int64(s.ReadTimeout), int64(s.WriteTimeout), int64(s.IdleTimeout)}, 0) {
		t.Error("a limit is missing")
	}
}
