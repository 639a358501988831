package web

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
)

// Rule 32: a success means that the grant is revoked, or that the token is
// unknown. If the store fails, the response is an error.
func TestRule32_RevokeOverHTTP(t *testing.T) {
	f := newFixture(t)
	tokens := f.login(t, "web")
	for _, token := range []string{"x", "sgr_x", tokens.AccessToken + "x"} {
		f.post(t, "/oauth2/revoke", f.basic("web"), "token", token).want(t, token, http.StatusOK, "")
	}
	if !f.active(t, "web", tokens.RefreshToken) {
		t.Fatal("an unknown token has revoked a grant")
	}

	r := f.post(t, "/oauth2/revoke", f.basic("web"), "token", tokens.RefreshToken, "token_type_hint", "access_token")
	if r.StatusCode != http.StatusOK || r.ContentLength != 0 {
		t.Errorf("revoke: got status %d and %d bytes, want 200 without a body", r.StatusCode, r.ContentLength)
	}
	if f.active(t, "web", tokens.RefreshToken) || f.active(t, "web", tokens.AccessToken) {
		t.Error("a token of the revoked grant is active")
	}
	f.refresh(t, "web", tokens.RefreshToken).want(t, "refresh after revocation", http.StatusBadRequest, "invalid_grant")

	public := f.login(t, "spa")
	f.post(t, "/oauth2/revoke", nil, "client_id", "spa", "token", public.AccessToken).
		want(t, "a public client", http.StatusOK, "")
	f.post(t, "/oauth2/token", nil,
		"client_id", "spa", "grant_type", "refresh_token", "refresh_token", public.RefreshToken).
		want(t, "refresh of a public client after revocation", http.StatusBadRequest, "invalid_grant")

	tokens = f.login(t, "web")
	must(t, f.Store.Close())
	for path, parameter := range map[string]string{
		"/oauth2/revoke": "token", "/oauth2/introspect": "token", "/oauth2/token": "refresh_token",
	} {
		r := f.post(t, path, f.basic("web"), parameter, tokens.RefreshToken, "grant_type", "refresh_token")
		r.want(t, path, http.StatusServiceUnavailable, "temporarily_unavailable")
		if r.Header.Get("Retry-After") != "1" || strings.Contains(encode(t, r.body), "sql") {
			t.Errorf("%s with a closed store: got %v %v", path, r.Header, r.body)
		}
	}
}

// Rule 32: a token under a key that the server does not have is not decided
// while the store does not answer: another server may have made the key.
func TestRule32_UnknownKeyOverHTTP(t *testing.T) {
	f := newFixture(t)
	tokens := f.login(t, "web")
	header := `{"typ":"at+jwt","alg":"RS256","kid":"` + strings.Repeat("A", 43) + `"}`
	_, rest, _ := strings.Cut(tokens.AccessToken, ".")
	access := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + rest
	refresh := "sgr_AQ" + strings.Repeat("A", 10) + tokens.RefreshToken[16:]
	for _, token := range []string{access, refresh} {
		f.post(t, "/oauth2/revoke", f.basic("web"), "token", token).want(t, token, http.StatusOK, "")
		if f.active(t, "web", token) {
			t.Errorf("%s is active", token)
		}
	}

	must(t, f.Store.Close())
	for _, token := range []string{access, refresh} {
		for _, path := range []string{"/oauth2/revoke", "/oauth2/introspect"} {
			r := f.post(t, path, f.basic("web"), "token", token)
			r.want(t, path, http.StatusServiceUnavailable, "temporarily_unavailable")
			if r.Header.Get("Retry-After") != "1" {
				t.Errorf("%s: no Retry-After in %v", path, r.Header)
			}
		}
	}
}

// Rule 33: a revocation of another client's token succeeds without effect.
func TestRule33_AnotherClientsTokenOverHTTP(t *testing.T) {
	f := newFixture(t)
	tokens := f.login(t, "web")
	for _, token := range []string{tokens.RefreshToken, tokens.AccessToken} {
		r := f.post(t, "/oauth2/revoke", f.basic("other"), "token", token)
		if r.StatusCode != http.StatusOK || r.ContentLength != 0 {
			t.Errorf("got %d %v, want 200 without a body", r.StatusCode, r.body)
		}
	}
	if !f.active(t, "web", tokens.RefreshToken) || !f.active(t, "web", tokens.AccessToken) {
		t.Error("another client has revoked the grant")
	}
	f.refresh(t, "web", tokens.RefreshToken).want(t, "the client of the token", http.StatusOK, "")
}
