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
	signetv1 "github.com/signetd/signet/proto/signet/v1"
	"github.com/zitadel/oidc/v3/pkg/client/rs"
	zitadel "github.com/zitadel/oidc/v3/pkg/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// A shop is an issuer with a client `shop` for two APIs, an API `stock` that asks about tokens, and a user.
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
	s.run(t, "", &client, "clients", "create", "shop", "--scope", "orders", "--audience", "stock", "--audience", "https://prices.example")
	s.secret = client.Secret
	s.run(t, shopperPhrase+"\n", nil, "users", "create", shopper)
	return s
}

// discover reads the addresses of the endpoints from the metadata.
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

// introspect asks about a token as the API, by zitadel/oidc.
func (s *shop) introspect(t *testing.T, id, secret, token string) *zitadel.IntrospectionResponse {
	t.Helper()
	server, err := rs.NewResourceServerClientCredentials(t.Context(), s.identifier, id, secret)
	if err != nil {
		t.Fatal(err)
	}
	found, err := rs.Introspect[*zitadel.IntrospectionResponse](t.Context(), server, token)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestOthersGetTokensInTheirOwnName(t *testing.T) {
	s := newShop(t)
	s.serve(t)
	s.discover(t)
	for name, style := range map[string]oauth2.AuthStyle{
		"either": oauth2.AuthStyleAutoDetect, "in the header": oauth2.AuthStyleInHeader, "in the body": oauth2.AuthStyleInParams,
	} {
		config := clientcredentials.Config{
			ClientID: "shop", ClientSecret: s.secret, TokenURL: s.endpoints.Token, AuthStyle: style, Scopes: []string{"orders"},
			EndpointParams: url.Values{"resource": {"stock", "https://prices.example"}},
		}
		token, err := config.Token(t.Context())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if token.Type() != "Bearer" || token.RefreshToken != "" || time.Until(token.Expiry) < 9*time.Minute || token.Extra("scope") != "orders" {
			t.Errorf("%s: %v", name, token)
		}
		for _, audience := range []string{"stock", "https://prices.example"} {
			if subject, err := byOIDC(t.Context(), s.identifier, token.AccessToken, "RS256", audience); err != nil || subject != "shop" {
				t.Errorf("%s: for %s: %q, %v", name, audience, subject, err)
			}
		}
		found := s.introspect(t, "stock", s.stockSecret, token.AccessToken)
		if !found.Active || found.ClientID != "shop" || found.Subject != "shop" || found.Issuer != s.identifier || found.TokenType != "Bearer" ||
			!slices.Equal(found.Scope, []string{"orders"}) || !slices.Contains(found.Audience, "stock") || found.JWTID == "" ||
			time.Until(found.Expiration.AsTime()) < 9*time.Minute {
			t.Errorf("%s: introspected %+v", name, found)
		}
	}
	wrong := clientcredentials.Config{ClientID: "shop", ClientSecret: "wrong", TokenURL: s.endpoints.Token}
	var refused *oauth2.RetrieveError
	if _, err := wrong.Token(t.Context()); !errors.As(err, &refused) || refused.ErrorCode != "invalid_client" || refused.Response.StatusCode != 401 {
		t.Errorf("a wrong secret: %v", err)
	}
}

// TestOthersRefreshAndRevoke begins with a login over gRPC; from then on golang.org/x/oauth2 keeps the tokens fresh.
func TestOthersRefreshAndRevoke(t *testing.T) {
	s := newShop(t)
	s.serve(t)
	s.discover(t)
	login, err := call(t, s.issuer, "shop", s.secret, signetv1.TokenServiceClient.Login, &signetv1.LoginRequest{
		Username: shopper, Password: shopperPhrase,
	})
	if err != nil {
		t.Fatal(err)
	}
	config := oauth2.Config{ClientID: "shop", ClientSecret: s.secret, Endpoint: oauth2.Endpoint{TokenURL: s.endpoints.Token}}
	kept := &oauth2.Token{AccessToken: login.GetAccessToken(), RefreshToken: login.GetRefreshToken(), Expiry: time.Now().Add(-time.Minute)}
	for range 3 {
		fresh, err := config.TokenSource(t.Context(), kept).Token()
		if err != nil {
			t.Fatal(err)
		}
		if fresh.RefreshToken == kept.RefreshToken || fresh.AccessToken == kept.AccessToken {
			t.Error("the tokens did not move on")
		}
		if subject, err := byOIDC(t.Context(), s.identifier, fresh.AccessToken, "RS256", "stock"); err != nil || subject != login.GetSubject() {
			t.Errorf("%q, %v", subject, err)
		}
		kept = fresh
		kept.Expiry = time.Now().Add(-time.Minute)
	}
	if !s.introspect(t, "stock", s.stockSecret, kept.AccessToken).Active || !s.introspect(t, "shop", s.secret, kept.RefreshToken).Active {
		t.Error("not active before it was revoked")
	}
	s.revoke(t, kept.RefreshToken)
	if s.introspect(t, "stock", s.stockSecret, kept.AccessToken).Active || s.introspect(t, "shop", s.secret, kept.RefreshToken).Active {
		t.Error("active after it was revoked")
	}
	var refused *oauth2.RetrieveError
	if _, err := config.TokenSource(t.Context(), kept).Token(); !errors.As(err, &refused) || refused.ErrorCode != "invalid_grant" {
		t.Errorf("refreshed after it was revoked: %v", err)
	}
}

// revoke is RFC 7009 §2.1 as anybody writes it.
func (s *shop) revoke(t *testing.T, token string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.endpoints.Revocation,
		strings.NewReader(url.Values{"token": {token}, "token_type_hint": {"refresh_token"}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth("shop", s.secret)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Errorf("revoked with %s", answer.Status)
	}
}

// TestOthersProveThemselvesByAKey has the JWK Sets made by jwx, and the assertions by golang-jwt.
func TestOthersProveThemselvesByAKey(t *testing.T) {
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
	}{"robot-rsa": {rsaKey, jwt.SigningMethodRS256}, "robot-ec": {ecKey, jwt.SigningMethodES256}, "robot-ed": {edKey, jwt.SigningMethodEdDSA}}
	for id, robot := range robots {
		s.run(t, "", nil, "clients", "create", id, "--audience", "stock", "--jwks", s.writeSet(t, id, robot.key))
	}
	s.serve(t)
	s.discover(t)
	for id, robot := range robots {
		for range 4 { // about half of all ES256 signatures have the larger s
			now := time.Now()
			assertion, err := jwt.NewWithClaims(robot.method, jwt.RegisteredClaims{
				Issuer: id, Subject: id, Audience: jwt.ClaimStrings{s.identifier}, ID: rand.Text(),
				IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(time.Minute)),
			}).SignedString(robot.key)
			if err != nil {
				t.Fatal(err)
			}
			config := clientcredentials.Config{
				ClientID: id, TokenURL: s.endpoints.Token, AuthStyle: oauth2.AuthStyleInParams, EndpointParams: url.Values{
					"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {assertion},
				},
			}
			token, err := config.Token(context.Background())
			if err != nil {
				t.Fatalf("%s: %v", id, err)
			}
			if found := s.introspect(t, "stock", s.stockSecret, token.AccessToken); found.Subject != id {
				t.Errorf("%s: introspected %+v", id, found)
			}
			if _, err := config.Token(context.Background()); err == nil {
				t.Errorf("%s: the assertion was good twice", id)
			}
		}
	}
}

// writeSet writes the JWK Set of a public key into a file.
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
