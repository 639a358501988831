package web

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signetd/signet/internal/oauth"
)

func TestRefreshOverHTTP(t *testing.T) {
	h := openHouse(t)
	first := h.login(t, "web")
	a := h.refresh(t, "web", first.RefreshToken)
	a.want(t, "refresh", http.StatusOK, "")
	if got := slices.Sorted(maps.Keys(a.body)); !slices.Equal(got, []string{
		"access_token", "expires_in", "refresh_expires_in", "refresh_token", "scope", "token_type",
	}) {
		t.Errorf("the answer has %q", got)
	}
	idle, _ := a.body["refresh_expires_in"].(float64)
	if a.body["token_type"] != "Bearer" || a.body["expires_in"] != 600.0 || idle < 3590 || idle > 3600 || a.body["scope"] != "read write" {
		t.Errorf("%v", a.body)
	}
	if a.text("refresh_token") == first.RefreshToken || a.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%v %v", a.Header, a.body)
	}
	narrowed := h.refresh(t, "web", a.text("refresh_token"), "scope", "read", "resource", files)
	narrowed.want(t, "narrowed", http.StatusOK, "")
	found := h.post(t, "/oauth2/introspect", h.basic("web"), "token", narrowed.text("access_token"))
	if narrowed.body["scope"] != "read" || fmt.Sprint(found.body["aud"]) != "["+files+"]" {
		t.Errorf("%v is %v", narrowed.body, found.body)
	}
	token := narrowed.text("refresh_token")
	h.refresh(t, "web", token, "resource", signed).want(t, "an audience that the grant has not", http.StatusBadRequest, "invalid_target")
	h.refresh(t, "web", token, "resource", "not one").want(t, "no audience at all", http.StatusBadRequest, "invalid_target")
	h.refresh(t, "web", token, "scope", "admin").want(t, "more scope", http.StatusBadRequest, "invalid_scope")
	h.refresh(t, "web", token, "resource", api, "resource", files, "audience", api).want(t, "both", http.StatusOK, "")
	h.refresh(t, "web", "sgr_"+strings.Repeat("A", 60)).want(t, "a forged token", http.StatusBadRequest, "invalid_grant")
	h.refresh(t, "web", "").want(t, "no token", http.StatusBadRequest, "invalid_request")
}

func TestClientCredentialsOverHTTP(t *testing.T) {
	h := openHouse(t)
	own := func(client string, pairs ...string) answered {
		t.Helper()
		return h.post(t, "/oauth2/token", h.basic(client), append([]string{"grant_type", "client_credentials"}, pairs...)...)
	}
	a := own("web")
	a.want(t, "its default", http.StatusOK, "")
	if got := slices.Sorted(maps.Keys(a.body)); !slices.Equal(got, []string{"access_token", "expires_in", "scope", "token_type"}) {
		t.Errorf("the answer has %q", got)
	}
	for name, c := range map[string]struct {
		pairs      []string
		aud, scope string
	}{
		"its default":       {nil, "[" + api + "]", "read write"},
		"one resource":      {[]string{"resource", files}, "[" + files + "]", "read write"},
		"two resources":     {[]string{"resource", files, "resource", api}, "[" + files + " " + api + "]", "read write"},
		"as an audience":    {[]string{"audience", signed}, "[" + signed + "]", "read write"},
		"a part of scope":   {[]string{"scope", "write"}, "[" + api + "]", "write"},
		"an empty resource": {[]string{"resource", ""}, "[" + api + "]", "read write"},
	} {
		a := own("web", c.pairs...)
		a.want(t, name, http.StatusOK, "")
		found := h.post(t, "/oauth2/introspect", h.basic("web"), "token", a.text("access_token")).body
		if found["active"] != true || found["sub"] != "web" || found["client_id"] != "web" || fmt.Sprint(found["aud"]) != c.aud ||
			found["scope"] != c.scope || a.body["scope"] != c.scope || found["sid"] != nil || found["auth_time"] != nil {
			t.Errorf("%s: %v is %v", name, a.body, found)
		}
	}
	own("web", "resource", api, "resource", signed).want(t, "two algorithms", http.StatusBadRequest, "invalid_target")
	own("web", "resource", "https://evil.example").want(t, "a stranger's", http.StatusBadRequest, "invalid_target")
	own("web", "scope", "admin").want(t, "scope that it has not", http.StatusBadRequest, "invalid_scope")
	own("web", "scope", "a\nb").want(t, "a malformed scope", http.StatusBadRequest, "invalid_scope")
	own(api).want(t, "a client without an audience", http.StatusBadRequest, "invalid_target")
	own("spa").want(t, "a public client", http.StatusBadRequest, "unauthorized_client")
	h.post(t, "/oauth2/token", nil, "grant_type", "client_credentials", "client_assertion_type", assertionType,
		"client_assertion", h.key.assertion(t, "robot", nil)).want(t, "by an assertion", http.StatusOK, "")
	h.post(t, "/oauth2/revoke", h.basic("web"), "token", a.text("access_token")).
		want(t, "a token without a grant", http.StatusBadRequest, "unsupported_token_type")
}

// Rule 24: an answer that was lost is given again, however late, by the key that moved the grant.
func TestRule24_IdempotencyKeyHeader(t *testing.T) {
	h := openHouse(t)
	first := h.login(t, "web").RefreshToken
	send := func(token, key string) answered {
		t.Helper()
		header := h.basic("web")
		if key != "" {
			header.Set("Idempotency-Key", key)
		}
		return h.post(t, "/oauth2/token", header, "grant_type", "refresh_token", "refresh_token", token)
	}
	second := send(first, "key of the first")
	second.want(t, "the first", http.StatusOK, "")
	h.ahead.Store(int64(5 * time.Minute))
	again := send(first, "key of the first")
	again.want(t, "again", http.StatusOK, "")
	if again.text("refresh_token") != second.text("refresh_token") {
		t.Error("another successor")
	}
	send(first, strings.Repeat("k", 257)).want(t, "a key too long", http.StatusBadRequest, "invalid_request")
	twice := h.basic("web")
	twice["Idempotency-Key"] = []string{"key of the first", "another"}
	h.post(t, "/oauth2/token", twice, "grant_type", "refresh_token", "refresh_token", first).
		want(t, "two keys", http.StatusBadRequest, "invalid_request")
	send(first, "another key").want(t, "another key", http.StatusBadRequest, "invalid_grant")
	send(second.text("refresh_token"), "").want(t, "the grant is over", http.StatusBadRequest, "invalid_grant")
}

func TestIntrospectionOverHTTP(t *testing.T) {
	h := openHouse(t)
	tokens := h.login(t, "web")
	now := time.Now()
	near := func(value any, want time.Time) bool {
		seconds, ok := value.(float64)
		return ok && time.Unix(int64(seconds), 0).Sub(want).Abs() < time.Minute
	}
	for caller, name := range map[string]string{"web": "the client", api: "the audience"} {
		a := h.post(t, "/oauth2/introspect", h.basic(caller), "token", tokens.AccessToken, "token_type_hint", "refresh_token")
		if got := slices.Sorted(maps.Keys(a.body)); !slices.Equal(got, []string{
			"active", "aud", "auth_time", "client_id", "exp", "iat", "iss", "jti", "scope", "sid", "sub", "token_type",
		}) {
			t.Errorf("%s: the answer has %q", name, got)
		}
		if a.body["active"] != true || a.body["iss"] != issuerID || a.body["client_id"] != "web" || a.body["token_type"] != "Bearer" ||
			a.body["sub"] != tokens.Subject || a.body["sid"] != tokens.GrantID.String() || !near(a.body["iat"], now) ||
			!near(a.body["exp"], now.Add(10*time.Minute)) || fmt.Sprint(a.body["aud"]) != fmt.Sprintf("[%s %s]", api, files) {
			t.Errorf("%s: %v", name, a.body)
		}
	}
	a := h.post(t, "/oauth2/introspect", h.basic("web"), "token", tokens.RefreshToken)
	if a.body["active"] != true || a.body["token_type"] != "refresh_token" || !near(a.body["exp"], now.Add(time.Hour)) {
		t.Errorf("a refresh token: %v", a.body)
	}
	for name, c := range map[string][2]string{
		"a stranger": {"other", tokens.AccessToken}, "a stranger's refresh token": {"other", tokens.RefreshToken},
		"nonsense": {"web", "x"}, "changed": {"web", tokens.AccessToken[:len(tokens.AccessToken)-2]},
	} {
		a := h.post(t, "/oauth2/introspect", h.basic(c[0]), "token", c[1])
		if a.StatusCode != http.StatusOK || text(t, a.body) != `{"active":false}` {
			t.Errorf("%s: %d %v", name, a.StatusCode, a.body)
		}
	}
	h.post(t, "/oauth2/introspect", h.basic("web")).want(t, "no token", http.StatusBadRequest, "invalid_request")
	h.post(t, "/oauth2/introspect", nil, "client_id", "spa", "token", tokens.AccessToken).
		want(t, "a public client", http.StatusUnauthorized, "invalid_client")
}

// Rule 32: revoked means revoked, a token that nobody knows is no error, and a store that errs is one.
func TestRule32_RevokeOverHTTP(t *testing.T) {
	h := openHouse(t)
	tokens := h.login(t, "web")
	for _, token := range []string{"x", "sgr_x", tokens.AccessToken + "x"} {
		h.post(t, "/oauth2/revoke", h.basic("web"), "token", token).want(t, token, http.StatusOK, "")
	}
	if !h.active(t, "web", tokens.RefreshToken) {
		t.Fatal("an unknown token ended a grant")
	}
	a := h.post(t, "/oauth2/revoke", h.basic("web"), "token", tokens.RefreshToken, "token_type_hint", "access_token")
	if a.StatusCode != http.StatusOK || a.ContentLength != 0 {
		t.Errorf("revoke: %d, %d bytes", a.StatusCode, a.ContentLength)
	}
	if h.active(t, "web", tokens.RefreshToken) || h.active(t, "web", tokens.AccessToken) {
		t.Error("still active")
	}
	h.refresh(t, "web", tokens.RefreshToken).want(t, "refresh", http.StatusBadRequest, "invalid_grant")

	other := h.login(t, "spa")
	h.post(t, "/oauth2/revoke", nil, "client_id", "spa", "token", other.AccessToken).want(t, "a public client", http.StatusOK, "")
	h.post(t, "/oauth2/token", nil, "client_id", "spa", "grant_type", "refresh_token", "refresh_token", other.RefreshToken).
		want(t, "refresh of a public client", http.StatusBadRequest, "invalid_grant")

	tokens = h.login(t, "web")
	must(t, h.store.Close())
	for path, name := range map[string]string{"/oauth2/revoke": "token", "/oauth2/introspect": "token", "/oauth2/token": "refresh_token"} {
		a := h.post(t, path, h.basic("web"), name, tokens.RefreshToken, "grant_type", "refresh_token")
		a.want(t, path, http.StatusServiceUnavailable, "temporarily_unavailable")
		if a.Header.Get("Retry-After") != "1" || strings.Contains(text(t, a.body), "sql") {
			t.Errorf("%s: %v %v", path, a.Header, a.body)
		}
	}
}

// Rule 33: to revoke another client's token is silently refused.
func TestRule33_RevokeOfAnothersTokenOverHTTP(t *testing.T) {
	h := openHouse(t)
	tokens := h.login(t, "web")
	for _, token := range []string{tokens.RefreshToken, tokens.AccessToken} {
		a := h.post(t, "/oauth2/revoke", h.basic("other"), "token", token)
		if a.StatusCode != http.StatusOK || a.ContentLength != 0 {
			t.Errorf("%d %v", a.StatusCode, a.body)
		}
	}
	if !h.active(t, "web", tokens.RefreshToken) || !h.active(t, "web", tokens.AccessToken) {
		t.Error("another client's revocation ended the grant")
	}
	h.refresh(t, "web", tokens.RefreshToken).want(t, "the owner", http.StatusOK, "")
}

// Rule 34: nobody keeps an answer of these endpoints, whatever it is.
func TestRule34_AnswersAreNotKept(t *testing.T) {
	h := openHouse(t)
	tokens := h.login(t, "web")
	check := func(what string, a answered) {
		t.Helper()
		if a.Header.Get("Cache-Control") != "no-store" || a.Header.Get("Pragma") != "no-cache" || a.Header.Get("ETag") != "" ||
			a.Header.Get("Access-Control-Allow-Origin") != "" || a.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", what, a.Header)
		}
	}
	check("refresh", h.refresh(t, "web", tokens.RefreshToken))
	check("invalid_grant", h.refresh(t, "web", "x"))
	for _, path := range []string{"/oauth2/token", "/oauth2/revoke", "/oauth2/introspect"} {
		check(path, h.post(t, path, h.basic("web"), "token", tokens.AccessToken))
		check(path+" without a client", h.post(t, path, http.Header{"Origin": {"https://evil.example"}}))
		for _, method := range []string{"GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"} {
			a := h.send(t, method, path, nil, "")
			check(method, a)
			if a.StatusCode != http.StatusMethodNotAllowed || a.Header.Get("Allow") != "POST" {
				t.Errorf("%s %s: %d, Allow %q", method, path, a.StatusCode, a.Header.Get("Allow"))
			}
		}
	}
	must(t, h.store.Close())
	check("the store is away", h.refresh(t, "web", tokens.RefreshToken))
}

// Rule 45: nobody gets a token by a grant type of the past, nor by one that is not there yet.
func TestRule45_GrantTypes(t *testing.T) {
	h := openHouse(t)
	for _, grantType := range []string{
		"password", "implicit", "authorization_code", "token", "id_token", "Refresh_Token", "refresh_token ",
		"urn:ietf:params:oauth:grant-type:device_code", "urn:ietf:params:oauth:grant-type:token-exchange",
		"urn:ietf:params:oauth:grant-type:jwt-bearer",
	} {
		a := h.post(t, "/oauth2/token", h.basic("web"), "grant_type", grantType, "username", username, "password", passphrase, "response_type", "token")
		a.want(t, grantType, http.StatusBadRequest, "unsupported_grant_type")
	}
	h.post(t, "/oauth2/token", h.basic("web")).want(t, "none", http.StatusBadRequest, "invalid_request")
	h.post(t, "/oauth2/token", h.basic("web"), "grant_type", "").want(t, "empty", http.StatusBadRequest, "invalid_request")
}

// Rule 27: a token is its own client's, and whoever else presents it leaves it unspent.
func TestRule27_AnotherClientOverHTTP(t *testing.T) {
	h := openHouse(t)
	token := h.login(t, "web").RefreshToken
	h.refresh(t, "other", token).want(t, "another client", http.StatusBadRequest, "invalid_grant")
	as := func(pairs ...string) answered {
		t.Helper()
		return h.post(t, "/oauth2/token", nil, append([]string{"grant_type", "refresh_token", "refresh_token", token}, pairs...)...)
	}
	as("client_id", "spa").want(t, "a public client", http.StatusBadRequest, "invalid_grant")
	as("client_id", "web").want(t, "a confidential one as public", http.StatusUnauthorized, "invalid_client")
	as("client_id", "web", "client_secret", "").want(t, "with an empty secret", http.StatusUnauthorized, "invalid_client")
	as("client_id", "web", "client_secret", "x").want(t, "with a wrong secret", http.StatusUnauthorized, "invalid_client")
	as().want(t, "nobody", http.StatusUnauthorized, "invalid_client")
	h.refresh(t, "web", token).want(t, "the owner", http.StatusOK, "")
}

// The endpoints stand under the issuer's path, too, where the metadata says that they are.
func TestEndpointsUnderAPath(t *testing.T) {
	h := openHouseAt(t, "https://example.org/tenants/a")
	var metadata map[string]string
	_, body := get(t, http.MethodGet, h.url+"/tenants/a/.well-known/openid-configuration", nil)
	_ = jsonStrings(body, &metadata)
	for _, name := range []string{"token_endpoint", "revocation_endpoint", "introspection_endpoint"} {
		path := strings.TrimPrefix(metadata[name], "https://example.org")
		for _, path := range []string{path, strings.TrimPrefix(path, "/tenants/a")} {
			a := h.post(t, path, h.basic("web"), "grant_type", "refresh_token", "refresh_token", h.login(t, "web").RefreshToken, "token", "x")
			a.want(t, path, http.StatusOK, "")
		}
	}
	h.asserted(t, h.key.assertion(t, "robot", map[string]any{"aud": metadata["token_endpoint"]})).want(t, "aud", http.StatusOK, "")
	h.asserted(t, h.key.assertion(t, "robot", nil)).want(t, "aud of another issuer", http.StatusUnauthorized, "invalid_client")
}

func TestClientsByEveryWay(t *testing.T) {
	h := openHouse(t)
	secret := h.secrets["web"]
	assertion := func() string { return h.key.assertion(t, "robot", nil) }
	bad := func(value string) http.Header { return http.Header{"Authorization": {value}} }
	for name, c := range map[string]struct {
		header http.Header
		pairs  []string
		status int
		code   string
	}{
		"basic":                        {h.basic("web"), nil, 200, ""},
		"basic, an id that is a URL":   {h.basic(api), nil, 200, ""},
		"basic with its client_id":     {h.basic("web"), []string{"client_id", "web"}, 200, ""},
		"basic, public":                {h.basic("spa"), nil, 200, ""},
		"post":                         {nil, []string{"client_id", "web", "client_secret", secret}, 200, ""},
		"none":                         {nil, []string{"client_id", "spa"}, 200, ""},
		"assertion":                    {nil, []string{"client_assertion_type", assertionType, "client_assertion", assertion()}, 200, ""},
		"basic of another client_id":   {h.basic("web"), []string{"client_id", "other"}, 400, "invalid_request"},
		"basic and post":               {h.basic("web"), []string{"client_id", "web", "client_secret", secret}, 400, "invalid_request"},
		"basic and assertion":          {h.basic("web"), []string{"client_assertion_type", assertionType, "client_assertion", assertion()}, 400, "invalid_request"},
		"post and assertion":           {nil, []string{"client_secret", secret, "client_assertion_type", assertionType, "client_assertion", assertion()}, 400, "invalid_request"},
		"assertion without its type":   {nil, []string{"client_assertion", assertion()}, 400, "invalid_request"},
		"type without assertion":       {nil, []string{"client_assertion_type", assertionType}, 400, "invalid_request"},
		"assertion of another type":    {nil, []string{"client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer", "client_assertion", assertion()}, 400, "invalid_request"},
		"nothing":                      {nil, nil, 401, "invalid_client"},
		"secret without id":            {nil, []string{"client_secret", secret}, 401, "invalid_client"},
		"unknown":                      {nil, []string{"client_id", "nobody"}, 401, "invalid_client"},
		"hostile id":                   {nil, []string{"client_id", "a\r\nb"}, 401, "invalid_client"},
		"public with a secret":         {nil, []string{"client_id", "spa", "client_secret", "x"}, 401, "invalid_client"},
		"keys, but as public":          {nil, []string{"client_id", "robot"}, 401, "invalid_client"},
		"two headers":                  {http.Header{"Authorization": {h.basic("web").Get("Authorization"), h.basic("spa").Get("Authorization")}}, nil, 401, "invalid_client"},
		"bearer":                       {bad("Bearer x"), nil, 401, "invalid_client"},
		"broken basic":                 {bad("Basic ###"), nil, 401, "invalid_client"},
		"wrong secret":                 {bad("Basic d2ViOng="), nil, 401, "invalid_client"},
		"broken basic with client_id":  {bad("Basic ###"), []string{"client_id", "spa"}, 401, "invalid_client"},
		"an empty header, a public id": {bad(""), []string{"client_id", "spa"}, 401, "invalid_client"},
	} {
		a := h.post(t, "/oauth2/revoke", c.header, append([]string{"token", "x"}, c.pairs...)...)
		a.want(t, name, c.status, c.code)
		if got := a.Header.Get("WWW-Authenticate"); (got == challenge) != (c.status == 401) || got != "" && got != challenge {
			t.Errorf("%s: WWW-Authenticate %q", name, got)
		}
	}
}

func TestEveryCodeHasAStatus(t *testing.T) {
	want := map[oauth.Code]int{
		"invalid_request": 400, "invalid_scope": 400, "invalid_target": 400, "unsupported_token_type": 400, "invalid_grant": 400,
		"invalid_client": 401, "unauthorized_client": 400, "access_denied": 403, "unsupported_grant_type": 400, "slow_down": 429,
		"temporarily_unavailable": 503, "already_exists": 409, "not_found": 404, "failed_precondition": 409, "server_error": 500,
	}
	if !maps.Equal(statusCodes, want) {
		t.Errorf("the table is %v", statusCodes)
	}
	for code := range want {
		// RFC 6749 §5.2: %x20-21 / %x23-5B / %x5D-7E.
		sentence := oauth.Refused(code, nil).Sentence
		if sentence == "" || strings.ContainsFunc(sentence, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }) {
			t.Errorf("%s: %q", code, sentence)
		}
	}
}
