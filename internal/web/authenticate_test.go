package web

import (
	"encoding/base64"
	"net/http"
	"testing"
)

func TestClientAuthentication(t *testing.T) {
	f := newFixture(t)
	basic := f.basic("web")
	twoHeaders := http.Header{"Authorization": {basic.Get("Authorization"), f.basic("spa").Get("Authorization")}}
	header := func(value string) http.Header { return http.Header{"Authorization": {value}} }
	raw := "Basic " + base64.StdEncoding.EncodeToString([]byte(api+":"+f.Secrets[api]))
	form := func(pairs ...string) []string { return pairs }
	post := form("client_id", "web", "client_secret", f.Secrets["web"])
	assertion := func() string { return robotKey.assertion("robot", nil) }
	asserted := func(pairs ...string) []string {
		return append(pairs, "client_assertion_type", assertionType, "client_assertion", assertion())
	}
	const saml = "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"

	for name, c := range map[string]struct {
		header http.Header
		form   []string
		status int
		code   string
	}{
		"basic":                      {basic, nil, 200, ""},
		"basic, id is a URL":         {f.basic(api), nil, 200, ""},
		"basic, a URL, not encoded":  {header(raw), nil, 200, ""},
		"basic, a URL and client_id": {header(raw), form("client_id", api), 200, ""},
		"basic, a URL, first part":   {header(raw), form("client_id", "https"), 401, "invalid_client"},
		"basic with its client_id":   {basic, form("client_id", "web"), 200, ""},
		"basic of a public client":   {f.basic("spa"), nil, 200, ""},
		"post":                       {nil, post, 200, ""},
		"none":                       {nil, form("client_id", "spa"), 200, ""},
		"assertion":                  {nil, asserted(), 200, ""},
		"basic, another client_id":   {basic, form("client_id", "other"), 400, "invalid_request"},
		"basic and post":             {basic, post, 400, "invalid_request"},
		"basic and assertion":        {basic, asserted(), 400, "invalid_request"},
		"post and assertion":         {nil, asserted("client_secret", f.Secrets["web"]), 400, "invalid_request"},
		"assertion without its type": {nil, form("client_assertion", assertion()), 400, "invalid_request"},
		"type without assertion":     {nil, form("client_assertion_type", assertionType), 400, "invalid_request"},
		"assertion of another type": {
			nil, form("client_assertion_type", saml, "client_assertion", assertion()), 400, "invalid_request",
		},
		"no credentials":                  {nil, nil, 401, "invalid_client"},
		"secret without client_id":        {nil, form("client_secret", f.Secrets["web"]), 401, "invalid_client"},
		"unknown client_id":               {nil, form("client_id", "nobody"), 401, "invalid_client"},
		"malformed client_id":             {nil, form("client_id", "a b"), 401, "invalid_client"},
		"client_id with a line break":     {nil, form("client_id", "a\r\nb"), 400, "invalid_request"},
		"public client with a secret":     {nil, form("client_id", "spa", "client_secret", "x"), 401, "invalid_client"},
		"client with keys, no assertion":  {nil, form("client_id", "robot"), 401, "invalid_client"},
		"two headers":                     {twoHeaders, nil, 400, "invalid_request"},
		"bearer":                          {header("Bearer x"), nil, 401, "invalid_client"},
		"malformed basic":                 {header("Basic ###"), nil, 401, "invalid_client"},
		"basic with an invalid secret":    {header("Basic d2ViOng="), nil, 401, "invalid_client"},
		"malformed basic and client_id":   {header("Basic ###"), form("client_id", "spa"), 401, "invalid_client"},
		"empty header with public client": {header(""), form("client_id", "spa"), 401, "invalid_client"},
	} {
		r := f.post(t, "/oauth2/revoke", c.header, append([]string{"token", "x"}, c.form...)...)
		r.want(t, name, c.status, c.code)
		got := r.Header.Get("WWW-Authenticate")
		if (got == challenge) != (c.status == 401) || got != "" && got != challenge {
			t.Errorf("%s: got WWW-Authenticate %q", name, got)
		}
	}
}
