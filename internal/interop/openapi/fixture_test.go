package openapi

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/signetd/signet/internal/admin"
	"github.com/signetd/signet/internal/app/components"
	"github.com/signetd/signet/internal/certtest"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/issuertest"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/web"
	"github.com/signetd/signet/keys"
)

const (
	issuerID = "https://id.example"
	username = "ada"
	password = "correct horse battery staple"

	api     = "https://api.example" // ES256
	rsaAPI  = "https://rsa.example"
	eddsaID = "eddsa-api"

	// The origins of the pages of the clients.
	spaOrigin  = "https://spa.example"
	pageOrigin = "https://page.example"
	shopOrigin = "https://shop.example"
	deskOrigin = "https://desk.example"
)

// robotKey is the key of the client robot.
var robotKey = newKey()

// setup has a client for each method of authentication, and one for each way of
// a login in the browser.
var setup = &issuertest.Setup{
	Issuer: issuerID,
	Audiences: []client.Audience{
		{ID: api, Algorithm: keys.ES256},
		{ID: rsaAPI, Algorithm: keys.RS256},
		{ID: eddsaID, Algorithm: keys.EdDSA},
		{ID: issuerID},
	},
	Clients: []client.Client{
		registered(client.Client{ID: "web"}),
		{ID: "checker", Audiences: []string{issuerID}, IntrospectAudiences: []string{api}},
		registered(client.Client{ID: "robot", Keys: robotKeys()}),
		registered(client.Client{ID: "mesh", CertSANs: []string{"dns:mesh.example"}}),
		registered(client.Client{ID: "spa", Public: true, CORSOrigins: []string{spaOrigin}}),
		registered(application("page", client.WayPage, pageOrigin)),
		registered(application("shop", client.WayRefresh, shopOrigin)),
		registered(application("desk", client.WaySession, deskOrigin)),
	},
	Users: []issuertest.User{{Name: username, Password: password}},
}

func registered(c client.Client) client.Client {
	c.Audiences, c.Scope = []string{api, rsaAPI, eddsaID}, oauth.NewScope("read", "write")
	return c
}

func application(id string, way client.Way, origin string) client.Client {
	return client.Client{ID: id, Public: true, Browser: &client.Browser{Way: way, Origins: []string{origin}}}
}

func newKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
}

func robotKeys() []client.Key {
	text := func(n *big.Int) string { return base64.RawURLEncoding.EncodeToString(n.FillBytes(make([]byte, 32))) }
	set, err := json.Marshal(map[string]any{"keys": []any{map[string]any{
		"kty": "EC", "crv": "P-256", "x": text(robotKey.X), "y": text(robotKey.Y),
	}}})
	if err != nil {
		panic(err)
	}
	all, err := admin.ReadClientKeys(set)
	if err != nil {
		panic(err)
	}
	return all
}

// assertion returns a new assertion of the client robot (RFC 7523).
func assertion(t *testing.T) string {
	t.Helper()
	text, err := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.MapClaims{
		"iss": "robot", "sub": "robot", "aud": issuerID, "jti": rand.Text(),
		"exp": time.Now().Add(time.Minute).Unix(),
	}).SignedString(robotKey)
	must(t, err)
	return text
}

// A server is a listener and the client that calls it.
type server struct {
	url    string
	client *http.Client
}

// A fixture is an issuer with its listeners.
type fixture struct {
	*issuertest.Fixture
	public, gateway server
}

// newFixture returns an issuer whose loops run.
func newFixture(t *testing.T, edit ...func(*components.Options)) *fixture {
	t.Helper()
	f := &fixture{Fixture: issuertest.New(t, setup, edit...)}
	f.Run(t)
	f.public = f.serve(t, nil)
	f.gateway = serve(t, web.GatewayHandler(gatewayOptions(f.Fixture)), nil)
	return f
}

func gatewayOptions(f *issuertest.Fixture) web.GatewayOptions {
	return web.GatewayOptions{Checker: f.Checker, Log: slog.New(slog.DiscardHandler)}
}

// serve starts another listener of the HTTP API with its options.
func (f *fixture) serve(t *testing.T, edit func(*web.Options)) server {
	t.Helper()
	o := options(f.Fixture)
	o.Proxies.Networks = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	if edit != nil {
		edit(&o)
	}
	handler, err := web.Handler(o)
	must(t, err)
	return serve(t, handler, nil)
}

// withCertificate starts a listener with TLS, and returns a client of it with a
// certificate of the client mesh.
func (f *fixture) withCertificate(t *testing.T) server {
	t.Helper()
	authority := certtest.NewAuthority(t)
	handler, err := web.Handler(options(f.Fixture))
	must(t, err)
	s := serve(t, handler, &tls.Config{
		Certificates: []tls.Certificate{authority.Server(t, time.Hour).TLS(t)},
		ClientAuth:   tls.VerifyClientCertIfGiven, ClientCAs: authority.Pool(), MinVersion: tls.VersionTLS13,
	})
	s.client.Transport.(*http.Transport).TLSClientConfig = &tls.Config{
		RootCAs: authority.Pool(), MinVersion: tls.VersionTLS13,
		Certificates: []tls.Certificate{authority.Client(t, "mesh.example").TLS(t)},
	}
	return s
}

// serve serves a handler on a real socket until the test ends.
func serve(t *testing.T, handler http.Handler, config *tls.Config) server {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	s := web.NewServer(handler, 100, slog.New(slog.DiscardHandler))
	s.TLSConfig = config
	scheme, run := "http://", func() error { return s.Serve(listener) }
	if config != nil {
		scheme, run = "https://", func() error { return s.ServeTLS(listener, "", "") }
	}
	done := make(chan error)
	go func() { done <- run() }()
	transport := &http.Transport{DisableCompression: true}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		_ = s.Shutdown(context.Background())
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return server{scheme + listener.Addr().String(), &http.Client{
		Transport: transport, CheckRedirect: stay, Timeout: 20 * time.Second,
	}}
}

// roundTrip sends a request and reads its response.
func roundTrip(
	t *testing.T, s server, method, address string, header http.Header, body string,
) (*http.Response, []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	must(t, err)
	request.Header = header
	if host := header.Get("Host"); host != "" {
		request.Host = host
	}
	response, err := s.client.Do(request)
	must(t, err)
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	must(t, err)
	return response, content
}

// basic returns the Authorization header of a client.
func (f *fixture) basic(id string) http.Header {
	pair := url.QueryEscape(id) + ":" + url.QueryEscape(f.Secrets[id])
	return http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(pair))}}
}

// login logs the user in with a client, over the gRPC call's steps.
func (f *fixture) login(t *testing.T, id string) *issuer.TokenResponse {
	t.Helper()
	tokens, err := f.Login(t.Context(), f.Caller(t, id), issuertest.LoginRequest{
		Username: username, Password: password, Audience: []string{api},
	})
	must(t, err)
	return tokens
}

// form returns a form of names and values in turn.
func form(pairs ...string) url.Values {
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		values.Add(pairs[i], pairs[i+1])
	}
	return values
}

// header returns a header of names and values in turn.
func header(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

// with returns a header with more fields.
func with(h http.Header, pairs ...string) http.Header {
	all := header(pairs...)
	for name, values := range h {
		all[name] = values
	}
	return all
}
