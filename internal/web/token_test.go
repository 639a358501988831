package web

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestToken_Refresh(t *testing.T) {
	f := newFixture(t)
	login := f.login(t, "web")
	r := f.refresh(t, "web", login.RefreshToken)
	r.want(t, "refresh", http.StatusOK, "")
	if got := slices.Sorted(maps.Keys(r.body)); !slices.Equal(got, []string{
		"access_token", "expires_in", "refresh_expires_in", "refresh_token", "scope", "token_type",
	}) {
		t.Errorf("the response has the fields %q", got)
	}
	idle, _ := r.body["refresh_expires_in"].(float64)
	if r.body["token_type"] != "Bearer" || r.body["expires_in"] != 600.0 || idle < 3590 || idle > 3600 ||
		r.body["scope"] != "read write" {
		t.Errorf("got %v", r.body)
	}
	if r.text("refresh_token") == login.RefreshToken || r.Header.Get("Content-Type") != "application/json" {
		t.Errorf("got %v %v", r.Header, r.body)
	}

	narrowed := f.refresh(t, "web", r.text("refresh_token"), "scope", "read", "resource", files)
	narrowed.want(t, "narrower scope and audience", http.StatusOK, "")
	state := f.post(t, "/oauth2/introspect", f.basic("web"), "token", narrowed.text("access_token"))
	if narrowed.body["scope"] != "read" || fmt.Sprint(state.body["aud"]) != "["+files+"]" {
		t.Errorf("narrower scope and audience: got %v, introspected as %v", narrowed.body, state.body)
	}

	token := narrowed.text("refresh_token")
	f.refresh(t, "web", token, "resource", eddsaAPI).
		want(t, "an audience that is not in the grant", http.StatusBadRequest, "invalid_target")
	f.refresh(t, "web", token, "resource", "not one").
		want(t, "a malformed audience", http.StatusBadRequest, "invalid_target")
	f.refresh(t, "web", token, "scope", "admin").want(t, "more scope", http.StatusBadRequest, "invalid_scope")
	f.refresh(t, "web", token, "resource", api, "resource", files, "audience", api).
		want(t, "resource and audience", http.StatusOK, "")
	f.refresh(t, "web", "sgr_"+strings.Repeat("A", 60)).
		want(t, "a forged token", http.StatusBadRequest, "invalid_grant")
	f.refresh(t, "web", "").want(t, "no token", http.StatusBadRequest, "invalid_request")
}

func TestToken_ClientCredentials(t *testing.T) {
	f := newFixture(t)
	request := func(clientID string, pairs ...string) jsonResponse {
		t.Helper()
		pairs = append([]string{"grant_type", "client_credentials"}, pairs...)
		return f.post(t, "/oauth2/token", f.basic(clientID), pairs...)
	}
	r := request("web")
	r.want(t, "default", http.StatusOK, "")
	if got := slices.Sorted(maps.Keys(r.body)); !slices.Equal(got, []string{
		"access_token", "expires_in", "scope", "token_type",
	}) {
		t.Errorf("the response has the fields %q", got)
	}

	for name, c := range map[string]struct {
		pairs      []string
		aud, scope string
	}{
		"default":        {nil, "[" + api + "]", "read write"},
		"one resource":   {[]string{"resource", files}, "[" + files + "]", "read write"},
		"two resources":  {[]string{"resource", files, "resource", api}, "[" + files + " " + api + "]", "read write"},
		"audience":       {[]string{"audience", eddsaAPI}, "[" + eddsaAPI + "]", "read write"},
		"narrower scope": {[]string{"scope", "write"}, "[" + api + "]", "write"},
		"several spaces": {[]string{"scope", " write   read "}, "[" + api + "]", "read write"},
		"empty resource": {[]string{"resource", ""}, "[" + api + "]", "read write"},
	} {
		r := request("web", c.pairs...)
		r.want(t, name, http.StatusOK, "")
		state := f.post(t, "/oauth2/introspect", f.basic("web"), "token", r.text("access_token")).body
		if state["active"] != true || state["sub"] != "web" || state["client_id"] != "web" ||
			fmt.Sprint(state["aud"]) != c.aud || state["scope"] != c.scope || r.body["scope"] != c.scope ||
			state["sid"] != nil || state["auth_time"] != nil {
			t.Errorf("%s: got %v, introspected as %v", name, r.body, state)
		}
	}

	request("web", "resource", api, "resource", eddsaAPI).
		want(t, "two algorithms", http.StatusBadRequest, "invalid_target")
	request("web", "resource", "https://evil.example").
		want(t, "an unknown audience", http.StatusBadRequest, "invalid_target")
	request("web", "scope", "admin").
		want(t, "a scope that the client does not have", http.StatusBadRequest, "invalid_scope")
	request("web", "scope", "a\nb").want(t, "a malformed scope", http.StatusBadRequest, "invalid_scope")
	request(api).want(t, "a client without an audience", http.StatusBadRequest, "invalid_target")
	request("spa").want(t, "a public client", http.StatusBadRequest, "unauthorized_client")
	f.post(t, "/oauth2/token", nil, "grant_type", "client_credentials", "client_assertion_type", assertionType,
		"client_assertion", robotKey.assertion("robot", nil)).want(t, "an assertion", http.StatusOK, "")
	f.post(t, "/oauth2/revoke", f.basic("web"), "token", r.text("access_token")).
		want(t, "revocation of a token without a grant", http.StatusOK, "")
	state := f.post(t, "/oauth2/introspect", f.basic("web"), "token", r.text("access_token")).body
	if state["active"] != false || len(state) != 1 {
		t.Errorf("the revoked token is introspected as %v", state)
	}
}

// Rule 24: a retry with the idempotency key of the lost response gets the same
// successor, also after the leeway.
func TestRule24_IdempotencyKeyHeader(t *testing.T) {
	f := newFixture(t)
	first := f.login(t, "web").RefreshToken
	refresh := func(token, key string) jsonResponse {
		t.Helper()
		header := f.basic("web")
		if key != "" {
			header.Set("Idempotency-Key", key)
		}
		return f.post(t, "/oauth2/token", header, "grant_type", "refresh_token", "refresh_token", token)
	}

	second := refresh(first, "key of the first")
	second.want(t, "the first request", http.StatusOK, "")
	f.Pass(t, 5*time.Minute)
	retry := refresh(first, "key of the first")
	retry.want(t, "the retry", http.StatusOK, "")
	if retry.text("refresh_token") != second.text("refresh_token") {
		t.Error("the retry has got another successor")
	}

	refresh(first, strings.Repeat("k", 257)).want(t, "a key that is too long", http.StatusBadRequest, "invalid_request")
	twice := f.basic("web")
	twice["Idempotency-Key"] = []string{"key of the first", "another"}
	f.post(t, "/oauth2/token", twice, "grant_type", "refresh_token", "refresh_token", first).
		want(t, "two keys", http.StatusBadRequest, "invalid_request")
	refresh(first, "another key").want(t, "another key", http.StatusBadRequest, "invalid_grant")
	refresh(second.text("refresh_token"), "").want(t, "the revoked grant", http.StatusBadRequest, "invalid_grant")
}

// Rule 27: only the token's own client can use it. The attempt of another
// client does not use it up.
func TestRule27_AnotherClientOverHTTP(t *testing.T) {
	f := newFixture(t)
	token := f.login(t, "web").RefreshToken
	f.refresh(t, "other", token).want(t, "another client", http.StatusBadRequest, "invalid_grant")
	refresh := func(pairs ...string) jsonResponse {
		t.Helper()
		pairs = append([]string{"grant_type", "refresh_token", "refresh_token", token}, pairs...)
		return f.post(t, "/oauth2/token", nil, pairs...)
	}
	refresh("client_id", "spa").want(t, "a public client", http.StatusBadRequest, "invalid_grant")
	refresh("client_id", "web").want(t, "no secret", http.StatusUnauthorized, "invalid_client")
	refresh("client_id", "web", "client_secret", "").
		want(t, "an empty secret", http.StatusUnauthorized, "invalid_client")
	refresh("client_id", "web", "client_secret", "x").
		want(t, "an invalid secret", http.StatusUnauthorized, "invalid_client")
	refresh().want(t, "no client", http.StatusUnauthorized, "invalid_client")
	f.refresh(t, "web", token).want(t, "the client of the token", http.StatusOK, "")
}

// Rule 45: no token is issued for grant types that OAuth 2.1 removes, nor for
// grant types that the issuer does not support.
func TestRule45_GrantTypes(t *testing.T) {
	f := newFixture(t)
	for _, grantType := range []string{
		"password", "implicit", "authorization_code", "token", "id_token", "Refresh_Token", "refresh_token ",
		"urn:ietf:params:oauth:grant-type:device_code", "urn:ietf:params:oauth:grant-type:token-exchange",
		"urn:ietf:params:oauth:grant-type:jwt-bearer",
	} {
		f.post(t, "/oauth2/token", f.basic("web"),
			"grant_type", grantType, "username", username, "password", password, "response_type", "token").
			want(t, grantType, http.StatusBadRequest, "unsupported_grant_type")
	}
	f.post(t, "/oauth2/token", f.basic("web")).want(t, "no grant type", http.StatusBadRequest, "invalid_request")
	f.post(t, "/oauth2/token", f.basic("web"), "grant_type", "").
		want(t, "an empty grant type", http.StatusBadRequest, "invalid_request")
}
