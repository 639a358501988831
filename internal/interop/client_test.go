package interop

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/golang-jwt/jwt/v5"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/zitadel/oidc/v3/pkg/client/rs"
	zitadel "github.com/zitadel/oidc/v3/pkg/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// A shop is an issuer with a user and the client shop, which has two audiences.
// One of them is the API stock, which introspects tokens.
type shop struct {
	*issuer
	identifier, secret, stockSecret string
	endpoints                       struct {
		Token      string `json:"token_endpoint"`
		Revocation string `json:"revocation_endpoint"`
	}
}

const (
	shopper       = "ann"
	shopperPhrase = "six purple umbrellas sing"
)

func newShop(t *testing.T) *shop {
	t.Helper()
	s := &shop{issuer: newIssuer(t, nil)}
	s.identifier = "http://" + s.http
	s.run(t, "", nil, "migrate")
	var client struct {
		Secret string `json:"client_secret"`
	}
	for _, audience := range []string{"stock", "https://prices.example"} {
		s.run(t, "", nil, "audiences", "create", audience)
	}
	s.run(t, "", &client, "clients", "create", "stock")
	s.stockSecret = client.Secret
	s.run(t, "", &client, "clients", "create", "shop", "--scope", "orders",
		"--audience", "stock", "--audience", "https://prices.example")
	s.secret = client.Secret
	s.run(t, shopperPhrase+"\n", nil, "users", "create", shopper)
	return s
}

// discover reads the URLs of the endpoints from the metadata.
func (s *shop) discover(t *testing.T) {
	t.Helper()
	provider, err := oidc.NewProvider(t.Context(), s.identifier)
	if err != nil {
		t.Fatal(err)
	}
	if err := provider.Claims(&s.endpoints); err != nil {
		t.Fatal(err)
	}
}

// introspect introspects a token as the client id, with zitadel/oidc.
func (s *shop) introspect(t *testing.T, id, secret, token string) *zitadel.IntrospectionResponse {
	t.Helper()
	server, err := rs.NewResourceServerClientCredentials(t.Context(), s.identifier, id, secret)
	if err != nil {
		t.Fatal(err)
	}
	state, err := rs.Introspect[*zitadel.IntrospectionResponse](t.Context(), server, token)
	if err != nil {
		t.Fatal(err)
	}
	return state
}

// TestOAuth2Library_ClientCredentials gets tokens with golang.org/x/oauth2.
func TestOAuth2Library_ClientCredentials(t *testing.T) {
	s := newShop(t)
	s.serve(t)
	s.discover(t)
	for name, style := range map[string]oauth2.AuthStyle{
		"auto": oauth2.AuthStyleAutoDetect, "header": oauth2.AuthStyleInHeader, "body": oauth2.AuthStyleInParams,
	} {
		config := clientcredentials.Config{
			ClientID: "shop", ClientSecret: s.secret, TokenURL: s.endpoints.Token, AuthStyle: style,
			Scopes: []string{"orders"}, EndpointParams: url.Values{"resource": {"stock", "https://prices.example"}},
		}
		token, err := config.Token(t.Context())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if token.Type() != "Bearer" || token.RefreshToken != "" || time.Until(token.Expiry) < 9*time.Minute ||
			token.Extra("scope") != "orders" {
			t.Errorf("%s: got %v", name, token)
		}
		for _, audience := range []string{"stock", "https://prices.example"} {
			subject, err := byOIDC(t.Context(), s.identifier, token.AccessToken, "RS256", audience)
			if err != nil || subject != "shop" {
				t.Errorf("%s: verify for %s: subject %q, error %v", name, audience, subject, err)
			}
		}
		state := s.introspect(t, "stock", s.stockSecret, token.AccessToken)
		if !state.Active || state.ClientID != "shop" || state.Subject != "shop" || state.Issuer != s.identifier ||
			state.TokenType != "Bearer" || !slices.Equal(state.Scope, []string{"orders"}) ||
			!slices.Contains(state.Audience, "stock") || state.JWTID == "" ||
			time.Until(state.Expiration.AsTime()) < 9*time.Minute {
			t.Errorf("%s: introspected as %+v", name, state)
		}
	}

	invalid := clientcredentials.Config{ClientID: "shop", ClientSecret: "wrong", TokenURL: s.endpoints.Token}
	var refused *oauth2.RetrieveError
	if _, err := invalid.Token(t.Context()); !errors.As(err, &refused) || refused.ErrorCode != "invalid_client" ||
		refused.Response.StatusCode != 401 {
		t.Errorf("an invalid secret: got error %v", err)
	}
}

// TestOAuth2Library_RefreshAndRevoke logs in over gRPC, refreshes the tokens
// with golang.org/x/oauth2, and revokes them.
func TestOAuth2Library_RefreshAndRevoke(t *testing.T) {
	s := newShop(t)
	s.serve(t)
	s.discover(t)
	login, err := call(t, s.issuer, "shop", s.secret, signetv1.TokenServiceClient.Login, &signetv1.LoginRequest{
		Username: shopper, Password: shopperPhrase,
	})
	if err != nil {
		t.Fatal(err)
	}

	endpoint := oauth2.Endpoint{TokenURL: s.endpoints.Token}
	config := oauth2.Config{ClientID: "shop", ClientSecret: s.secret, Endpoint: endpoint}
	current := &oauth2.Token{
		AccessToken: login.GetAccessToken(), RefreshToken: login.GetRefreshToken(),
		Expiry: time.Now().Add(-time.Minute),
	}
	for range 3 {
		next, err := config.TokenSource(t.Context(), current).Token()
		if err != nil {
			t.Fatal(err)
		}
		if next.RefreshToken == current.RefreshToken || next.AccessToken == current.AccessToken {
			t.Error("the refresh has returned the same tokens")
		}
		subject, err := byOIDC(t.Context(), s.identifier, next.AccessToken, "RS256", "stock")
		if err != nil || subject != login.GetSubject() {
			t.Errorf("verify the new access token: subject %q, error %v", subject, err)
		}
		current = next
		current.Expiry = time.Now().Add(-time.Minute)
	}

	if !s.introspect(t, "stock", s.stockSecret, current.AccessToken).Active ||
		!s.introspect(t, "shop", s.secret, current.RefreshToken).Active {
		t.Error("a token is not active before the revocation")
	}
	s.revoke(t, current.RefreshToken)
	if s.introspect(t, "stock", s.stockSecret, current.AccessToken).Active ||
		s.introspect(t, "shop", s.secret, current.RefreshToken).Active {
		t.Error("a token is active after the revocation")
	}
	var refused *oauth2.RetrieveError
	_, err = config.TokenSource(t.Context(), current).Token()
	if !errors.As(err, &refused) || refused.ErrorCode != "invalid_grant" {
		t.Errorf("refresh after the revocation: got error %v", err)
	}
}

// revoke sends a revocation request (RFC 7009 §2.1) with net/http.
func (s *shop) revoke(t *testing.T, token string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.endpoints.Revocation,
		strings.NewReader(url.Values{"token": {token}, "token_type_hint": {"refresh_token"}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth("shop", s.secret)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("revoke: got status %s", response.Status)
	}
}

// TestOAuth2Library_PrivateKeyJWT authenticates clients with private_key_jwt.
// jwx makes the JWK Sets, and golang-jwt makes the assertions, with times in
// microseconds and with header members that other libraries write.
func TestOAuth2Library_PrivateKeyJWT(t *testing.T) {
	precision := jwt.TimePrecision
	jwt.TimePrecision = time.Microsecond
	t.Cleanup(func() { jwt.TimePrecision = precision })
	s := newShop(t)
	rsaKey, err1 := rsa.GenerateKey(rand.Reader, 2048)
	ecKey, err2 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	_, edKey, err3 := ed25519.GenerateKey(rand.Reader)
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	robots := map[string]struct {
		key    any
		method jwt.SigningMethod
	}{
		"robot-rsa": {rsaKey, jwt.SigningMethodRS256},
		"robot-ec":  {ecKey, jwt.SigningMethodES256},
		"robot-ed":  {edKey, jwt.SigningMethodEdDSA},
	}
	for id, robot := range robots {
		s.run(t, "", nil, "clients", "create", id, "--audience", "stock", "--jwks", s.writeSet(t, id, robot.key))
	}
	s.serve(t)
	s.discover(t)
	for id, robot := range robots {
		for range 4 { // about half of all ES256 signatures have the larger s
			now := time.Now()
			unsigned := jwt.NewWithClaims(robot.method, jwt.RegisteredClaims{
				Issuer: id, Subject: id, Audience: jwt.ClaimStrings{s.identifier}, ID: rand.Text(),
				IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(time.Minute)),
			})
			unsigned.Header["x5t"], unsigned.Header["cty"] = "a1b2c3", "JWT"
			assertion, err := unsigned.SignedString(robot.key)
			if err != nil {
				t.Fatal(err)
			}
			config := clientcredentials.Config{
				ClientID: id, TokenURL: s.endpoints.Token, AuthStyle: oauth2.AuthStyleInParams,
				EndpointParams: url.Values{
					"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
					"client_assertion":      {assertion},
				},
			}
			token, err := config.Token(context.Background())
			if err != nil {
				t.Fatalf("%s: %v", id, err)
			}
			if state := s.introspect(t, "stock", s.stockSecret, token.AccessToken); state.Subject != id {
				t.Errorf("%s: introspected as %+v", id, state)
			}
			if _, err := config.Token(context.Background()); err == nil {
				t.Errorf("%s: the issuer has accepted an assertion twice", id)
			}
		}
	}
}

// writeSet writes the JWK Set with the public key to a file, and returns the
// path of the file.
func (s *shop) writeSet(t *testing.T, name string, private any) string {
	t.Helper()
	key, err := jwk.Import(private)
	if err != nil {
		t.Fatal(err)
	}
	public, err := key.PublicKey()
	if err != nil {
		t.Fatal(err)
	}
	set := jwk.NewSet()
	if err := set.AddKey(public); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(s.dir, name+".json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
