package web

import (
	"net/http"
	"slices"
	"testing"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/issuertest"
)

// Rule 11: at the introspection endpoint, an access token that a client has in
// its own name for the issuer authenticates the client (RFC 7662 §2.1). Every
// other token gets the challenge of RFC 6750 §3. No other endpoint accepts one.
func TestRule11_IntrospectionByAccessToken(t *testing.T) {
	f := newFixture(t)
	_, err := f.Admin.CreateAudience(t.Context(), issuertest.Operator, client.Audience{ID: issuerID})
	must(t, err)
	f.Register(t, client.Client{
		ID: "checker", Audiences: []string{issuerID, files}, IntrospectAudiences: []string{api},
	})
	own := func(resource string) string {
		r := f.post(t, "/oauth2/token", f.basic("checker"), "grant_type", "client_credentials", "resource", resource)
		text, _ := r.body["access_token"].(string)
		return text
	}
	login := f.login(t, "web")
	bearer := func(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }
	header := func(value string) http.Header { return http.Header{"Authorization": {value}} }
	valid := own(issuerID)

	twice := http.Header{"Authorization": {"Bearer " + valid, "Bearer " + valid}}
	refused := []string{`Bearer realm="signet", error="invalid_token"`}
	both := []string{challenge, `Bearer realm="signet"`}
	for name, c := range map[string]struct {
		header     http.Header
		form       []string
		status     int
		code       string
		challenges []string
	}{
		"own token":                   {bearer(valid), nil, 200, "", nil},
		"scheme in upper case":        {header("BEARER " + valid), nil, 200, "", nil},
		"with its client_id":          {bearer(valid), []string{"client_id", "checker"}, 200, "", nil},
		"another client_id":           {bearer(valid), []string{"client_id", "web"}, 400, "invalid_request", nil},
		"with a secret":               {bearer(valid), []string{"client_secret", "x"}, 400, "invalid_request", nil},
		"with an assertion":           {bearer(valid), []string{"client_assertion", "x"}, 400, "invalid_request", nil},
		"two headers":                 {twice, nil, 400, "invalid_request", nil},
		"token of a login":            {bearer(login.AccessToken), nil, 401, "invalid_token", refused},
		"token for another audience":  {bearer(own(files)), nil, 401, "invalid_token", refused},
		"refresh token":               {bearer(login.RefreshToken), nil, 401, "invalid_token", refused},
		"two spaces":                  {bearer(" " + valid), nil, 401, "invalid_token", refused},
		"malformed token":             {bearer("x"), nil, 401, "invalid_token", refused},
		"no token":                    {header("Bearer"), nil, 401, "invalid_token", refused},
		"malformed, with a client_id": {bearer("x"), []string{"client_id", "web"}, 401, "invalid_token", refused},
		"no credentials":              {nil, nil, 401, "invalid_client", both},
		"an invalid secret":           {header("Basic d2ViOng="), nil, 401, "invalid_client", both},
		"another scheme":              {header("DPoP " + valid), nil, 401, "invalid_client", both},
		"a public client":             {nil, []string{"client_id", "spa"}, 401, "invalid_client", both},
	} {
		r := f.post(t, "/oauth2/introspect", c.header, append([]string{"token", login.AccessToken}, c.form...)...)
		r.want(t, name, c.status, c.code)
		if got := r.Header.Values("WWW-Authenticate"); !slices.Equal(got, c.challenges) {
			t.Errorf("%s: WWW-Authenticate %q, want %q", name, got, c.challenges)
		}
		if c.status == http.StatusOK && (r.body["active"] != true || r.body["client_id"] != "web") {
			t.Errorf("%s: got %v", name, r.body)
		}
	}

	for path, form := range map[string][]string{
		"/oauth2/token":  {"grant_type", "client_credentials"},
		"/oauth2/revoke": {"token", valid},
	} {
		r := f.post(t, path, bearer(valid), form...)
		r.want(t, path, http.StatusUnauthorized, "invalid_client")
		if got := r.Header.Values("WWW-Authenticate"); !slices.Equal(got, []string{challenge}) {
			t.Errorf("%s: WWW-Authenticate %q", path, got)
		}
	}

	f.post(t, "/oauth2/revoke", f.basic("checker"), "token", valid).want(t, "revoke", http.StatusOK, "")
	r := f.post(t, "/oauth2/introspect", bearer(valid), "token", login.AccessToken)
	r.want(t, "after its revocation", http.StatusUnauthorized, "invalid_token")
}
