package web

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"testing"
	"time"
)

func TestIntrospection(t *testing.T) {
	f := newFixture(t)
	tokens := f.login(t, "web")
	now := time.Now()
	near := func(value any, want time.Time) bool {
		seconds, ok := value.(float64)
		return ok && time.Unix(int64(seconds), 0).Sub(want).Abs() < time.Minute
	}

	for caller, name := range map[string]string{"web": "the client", api: "the audience"} {
		r := f.post(t, "/oauth2/introspect", f.basic(caller),
			"token", tokens.AccessToken, "token_type_hint", "refresh_token")
		if got := slices.Sorted(maps.Keys(r.body)); !slices.Equal(got, []string{
			"active", "aud", "auth_time", "client_id", "exp", "iat", "iss", "jti", "scope", "sid", "sub", "token_type",
		}) {
			t.Errorf("%s: the response has the fields %q", name, got)
		}
		if r.body["active"] != true || r.body["iss"] != issuerID || r.body["client_id"] != "web" ||
			r.body["token_type"] != "Bearer" || r.body["sub"] != tokens.Subject ||
			r.body["sid"] != tokens.GrantID.String() ||
			!near(r.body["iat"], now) || !near(r.body["exp"], now.Add(10*time.Minute)) ||
			fmt.Sprint(r.body["aud"]) != fmt.Sprintf("[%s %s]", api, files) {
			t.Errorf("%s: got %v", name, r.body)
		}
	}

	r := f.post(t, "/oauth2/introspect", f.basic("web"), "token", tokens.RefreshToken)
	if r.body["active"] != true || r.body["token_type"] != "refresh_token" || !near(r.body["exp"], now.Add(time.Hour)) {
		t.Errorf("a refresh token: got %v", r.body)
	}

	for name, c := range map[string]struct{ caller, token string }{
		"access token of another client":  {"other", tokens.AccessToken},
		"refresh token of another client": {"other", tokens.RefreshToken},
		"malformed token":                 {"web", "x"},
		"truncated token":                 {"web", tokens.AccessToken[:len(tokens.AccessToken)-2]},
	} {
		r := f.post(t, "/oauth2/introspect", f.basic(c.caller), "token", c.token)
		if r.StatusCode != http.StatusOK || encode(t, r.body) != `{"active":false}` {
			t.Errorf("%s: got %d %v", name, r.StatusCode, r.body)
		}
	}
	f.post(t, "/oauth2/introspect", f.basic("web")).want(t, "no token", http.StatusBadRequest, "invalid_request")
	f.post(t, "/oauth2/introspect", nil, "client_id", "spa", "token", tokens.AccessToken).
		want(t, "a public client", http.StatusUnauthorized, "invalid_client")
}
