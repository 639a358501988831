package web

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
)

func TestMetadata_ListsWhatIsSupported(t *testing.T) {
	for issuer, paths := range map[string][]string{
		"https://id.example.org": {"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"},
		"https://example.org/tenants/a": {
			"/tenants/a/.well-known/openid-configuration", "/.well-known/oauth-authorization-server/tenants/a",
			"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server",
		},
		"https://id.example.org/": {"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"},
		"https://example.org/tenants/a/": {
			"/tenants/a/.well-known/openid-configuration", "/.well-known/oauth-authorization-server/tenants/a",
		},
	} {
		base, endpoints := newFixtureAt(t, issuer).url, strings.TrimSuffix(issuer, "/")
		methods := []any{"client_secret_basic", "client_secret_post", "private_key_jwt", "tls_client_auth"}
		withPublic := append(slices.Clone(methods), "none")
		algorithms := []any{"RS256", "ES256", "EdDSA", "Ed25519"}
		want := map[string]any{
			"issuer":                                issuer,
			"jwks_uri":                              endpoints + "/.well-known/jwks.json",
			"response_types_supported":              []any{},
			"grant_types_supported":                 []any{"client_credentials", "refresh_token"},
			"subject_types_supported":               []any{"public"},
			"id_token_signing_alg_values_supported": []any{"RS256", "ES256", "EdDSA"},

			"token_endpoint":         endpoints + "/oauth2/token",
			"revocation_endpoint":    endpoints + "/oauth2/revoke",
			"introspection_endpoint": endpoints + "/oauth2/introspect",
			"revocations_endpoint":   endpoints + "/revocations",

			"token_endpoint_auth_methods_supported":                    withPublic,
			"revocation_endpoint_auth_methods_supported":               withPublic,
			"introspection_endpoint_auth_methods_supported":            append(methods, "Bearer"),
			"token_endpoint_auth_signing_alg_values_supported":         algorithms,
			"revocation_endpoint_auth_signing_alg_values_supported":    algorithms,
			"introspection_endpoint_auth_signing_alg_values_supported": algorithms,
		}

		for _, path := range paths {
			r, body := do(t, http.MethodGet, base+path, nil)
			var got map[string]any
			if err := json.Unmarshal(body, &got); err != nil || r.StatusCode != http.StatusOK {
				t.Fatalf("%s: status %d, error %v", path, r.StatusCode, err)
			}
			if got, want := encode(t, got), encode(t, want); got != want {
				t.Errorf("%s: got %s, want %s", path, got, want)
			}
			wantCacheable(t, path, r)
		}
		issuerPath := strings.TrimPrefix(strings.TrimPrefix(endpoints, "https://example.org"), issuerID)
		for _, path := range []string{"/.well-known/jwks.json", issuerPath + "/.well-known/jwks.json"} {
			if r, _ := do(t, http.MethodGet, base+path, nil); r.StatusCode != http.StatusOK {
				t.Errorf("%s%s: got status %d", issuer, path, r.StatusCode)
			}
		}
	}
}

func TestMetadata_ListsClientCertificates(t *testing.T) {
	for certificates, want := range map[bool]int{true: 3, false: 0} {
		base := serve(t, newHandler(t, Options{Certificates: certificates}))
		_, body := do(t, http.MethodGet, base+"/.well-known/openid-configuration", nil)
		if n := strings.Count(string(body), `"tls_client_auth"`); n != want {
			t.Errorf("Certificates is %v: tls_client_auth is there %d times, want %d: %s", certificates, n, want, body)
		}
	}
}
