package web

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/signetd/signet/internal/app/components"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/issuertest"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/keys"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	issuerID = "https://id.example.org"
	username = "ada"
	password = "correct horse battery staple"

	// maxWaiting is how many polls of the feed may wait.
	maxWaiting = 200

	// The audiences. Only the first three are those of a client.
	api      = "https://api.example"   // ES256
	files    = "https://files.example" // ES256
	eddsaAPI = "https://eddsa.example"
	rsaAPI   = "https://rsa.example"

	// The origins of the pages of spa, of kiosk, and of both.
	spaOrigin   = "https://spa.example"
	kioskOrigin = "https://kiosk.example"
	bothOrigin  = "http://localhost:5173"
)

// robotKey is the key of the client robot.
var robotKey = newSigningKey("robot-1")

// setup has these clients: web and other are confidential, spa and kiosk are
// public, robot has a key, and mesh has a certificate. The audience api is a
// client too, so that it can introspect tokens.
var setup = &issuertest.Setup{
	Issuer: issuerID,
	Audiences: []client.Audience{
		{ID: api, Algorithm: keys.ES256},
		{ID: files, Algorithm: keys.ES256},
		{ID: eddsaAPI, Algorithm: keys.EdDSA},
		{ID: rsaAPI, Algorithm: keys.RS256},
	},
	Clients: []client.Client{
		withAudiences(client.Client{ID: "web"}),
		withAudiences(client.Client{ID: "other"}),
		withAudiences(client.Client{ID: "spa", Public: true, CORSOrigins: []string{spaOrigin, bothOrigin}}),
		withAudiences(client.Client{ID: "kiosk", Public: true, CORSOrigins: []string{kioskOrigin, bothOrigin}}),
		withAudiences(client.Client{ID: "robot", Keys: registeredKeys(robotKey)}),
		withAudiences(client.Client{ID: "mesh", CertSANs: []string{"dns:mesh.example"}}),
		{ID: api},
	},
	Users: []issuertest.User{{Name: username, Password: password}},
}

func withAudiences(c client.Client) client.Client {
	c.Audiences, c.Scope = []string{api, files, eddsaAPI}, oauth.NewScope("read", "write")
	return c
}

// A fixture is an issuer whose HTTP API is served on a real socket.
type fixture struct {
	*issuertest.Fixture
	handler http.Handler
	url     string
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	return newFixtureAt(t, issuerID)
}

// newFixtureAt returns a fixture with another issuer identifier.
func newFixtureAt(t *testing.T, identifier string) *fixture {
	t.Helper()
	f := &fixture{Fixture: issuertest.New(t, setup, func(o *components.Options) {
		o.Issuer, o.Revocations.MaxWaiting = identifier, maxWaiting
	})}
	f.Run(t)
	o := f.options(identifier)
	o.Certificates, o.Proxies.Networks = true, []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	f.start(t, o)
	return f
}

// options returns the options of an API without trusted proxies.
func (f *fixture) options(identifier string) Options {
	return Options{
		Issuer:      identifier,
		Keys:        f.Keys,
		TokenIssuer: f.Issuer,
		Inspector:   f.Inspector,
		Grants:      f.Grants,
		Registry:    f.Registry,
		Browser:     f.Browser,
		Feed:        f.Feed,
		Log:         f.Logs.Logger(),
	}
}

// start serves the HTTP API with these options.
func (f *fixture) start(t *testing.T, o Options) {
	t.Helper()
	f.handler = newHandler(t, o)
	f.url = serve(t, f.handler)
}

// login logs the user in with a client, for two audiences.
func (f *fixture) login(t *testing.T, clientID string) *issuer.TokenResponse {
	t.Helper()
	tokens, err := f.Login(t.Context(), f.Caller(t, clientID), issuertest.LoginRequest{
		Username: username, Password: password, Audience: []string{api, files},
	})
	must(t, err)
	return tokens
}

// basic returns the Authorization header of a client.
func (f *fixture) basic(clientID string) http.Header {
	pair := url.QueryEscape(clientID) + ":" + url.QueryEscape(f.Secrets[clientID])
	return http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(pair))}}
}

// A jsonResponse is a response with its decoded body.
type jsonResponse struct {
	*http.Response
	body map[string]any
}

// post sends a form. pairs are names and values in turn.
func (f *fixture) post(t *testing.T, path string, header http.Header, pairs ...string) jsonResponse {
	t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return f.send(t, http.MethodPost, path, header, form.Encode())
}

// send sends a form that is already encoded.
func (f *fixture) send(t *testing.T, method, path string, header http.Header, body string) jsonResponse {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, f.url+path, strings.NewReader(body))
	must(t, err)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for name, values := range header {
		request.Header[name] = values
	}
	response, err := http.DefaultClient.Do(request)
	must(t, err)
	defer response.Body.Close()

	r := jsonResponse{Response: response}
	err = json.NewDecoder(response.Body).Decode(&r.body)
	if err != nil && response.ContentLength != 0 && method != http.MethodHead {
		t.Fatalf("%s %s: the body of status %d is not JSON: %v", method, path, response.StatusCode, err)
	}
	return r
}

// refresh sends a refresh token as a client.
func (f *fixture) refresh(t *testing.T, clientID, token string, pairs ...string) jsonResponse {
	t.Helper()
	pairs = append([]string{"grant_type", "refresh_token", "refresh_token", token}, pairs...)
	return f.post(t, "/oauth2/token", f.basic(clientID), pairs...)
}

// active reports whether a token is active for a client that introspects it.
func (f *fixture) active(t *testing.T, clientID, token string) bool {
	t.Helper()
	r := f.post(t, "/oauth2/introspect", f.basic(clientID), "token", token)
	if r.StatusCode != http.StatusOK {
		t.Fatalf("introspection as %s: %d %v", clientID, r.StatusCode, r.body)
	}
	return r.body["active"] == true
}

// want checks the status and the OAuth error code of a response. what names the
// request.
func (r jsonResponse) want(t *testing.T, what string, status int, code string) {
	t.Helper()
	if got, _ := r.body["error"].(string); r.StatusCode != status || got != code {
		t.Errorf("%s: got %d %v, want %d %s", what, r.StatusCode, r.body, status, code)
	}
}

// text returns the field of that name, or an empty string if it is not a
// string.
func (r jsonResponse) text(name string) string {
	text, _ := r.body[name].(string)
	return text
}

// keyRing returns a key ring with keys of all algorithms.
func keyRing(t *testing.T) *keys.Manager {
	t.Helper()
	return issuertest.New(t, setup).Keys
}

// newHandler returns the handler for the options. If they have no issuer, key
// ring or logger, it sets these.
func newHandler(t *testing.T, o Options) http.Handler {
	t.Helper()
	if o.Issuer == "" {
		o.Issuer = issuerID
	}
	if o.Keys == nil {
		o.Keys = keyRing(t)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	handler, err := Handler(o)
	must(t, err)
	return handler
}

// serve serves the handler on a real socket until the test ends. It returns the
// URL of the server.
func serve(t *testing.T, handler http.Handler) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	s, done := NewServer(handler, 250, slog.New(slog.DiscardHandler)), make(chan error)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return "http://" + l.Addr().String()
}

// do sends a request without a body. It returns the response and its body.
func do(t *testing.T, method, url string, header http.Header) (*http.Response, []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	must(t, err)
	if header != nil {
		request.Header = header
	}
	request.Host = header.Get("Host")
	response, err := http.DefaultClient.Do(request)
	must(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	must(t, err)
	return response, body
}

// encode returns v as JSON.
func encode(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	must(t, err)
	return string(text)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
