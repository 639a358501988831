package rpc_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

func TestLoginReturnsAllFields(t *testing.T) {
	f := newFixture(t)
	r := f.LogIn(t, "web")
	_, claims := decode(t, r.GetAccessToken())
	for name, c := range map[string]struct{ got, want any }{
		"token_type":         {r.GetTokenType(), "Bearer"},
		"expires_in":         {r.GetExpiresIn(), int64(600)},
		"refresh_expires_in": {r.GetRefreshExpiresIn() > 3590 && r.GetRefreshExpiresIn() <= 3600, true},
		"scope":              {r.GetScope(), "read write"},
		"subject":            {r.GetSubject(), claims["sub"]},
		"grant_id":           {r.GetGrantId(), claims["sid"]},
		"refresh_token":      {len(r.GetRefreshToken()), 64},
		"device_token":       {r.GetDeviceToken() != "", true},
	} {
		if c.got != c.want {
			t.Errorf("%s: %v, want %v", name, c.got, c.want)
		}
	}
	next, err := f.Refresh(t, "web", r.GetRefreshToken())
	if err != nil || next.GetGrantId() != r.GetGrantId() || next.GetDeviceToken() != "" ||
		next.GetRefreshToken() == r.GetRefreshToken() {
		t.Errorf("Refresh: %v", err)
	}
}

func TestRefusedLoginsHaveOneResponse(t *testing.T) {
	f := newFixture(t)
	var first *status.Status
	for name, r := range map[string]*signetv1.LoginRequest{
		"unknown user":   {Username: "nobody", Password: password},
		"wrong password": {Username: username, Password: password + "x"},
		"malformed name": {Username: "a\x00b", Password: password},
	} {
		_, err := f.TokenService.Login(f.As(t, "web"), r)
		got := status.Convert(err)
		if first == nil {
			first = got
		}
		if got.Code() != codes.Unauthenticated || reason(err) != "INVALID_GRANT" ||
			!proto.Equal(got.Proto(), first.Proto()) {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestIntrospectAnswersTheTokensClientOnly(t *testing.T) {
	f := newFixture(t)
	in := f.LogIn(t, "web")
	_, claims := decode(t, in.GetAccessToken())
	introspect := func(client, token string) *signetv1.IntrospectResponse {
		t.Helper()
		r, err := f.TokenService.Introspect(f.As(t, client), &signetv1.IntrospectRequest{Token: token})
		must(t, err)
		return r
	}
	access := introspect("web", in.GetAccessToken())
	for name, c := range map[string]struct{ got, want any }{
		"active":     {access.GetActive(), true},
		"scope":      {access.GetScope(), "read write"},
		"client_id":  {access.GetClientId(), "web"},
		"subject":    {access.GetSubject(), claims["sub"]},
		"audience":   {len(access.GetAudience()) == 1 && access.GetAudience()[0] == "api", true},
		"issuer":     {access.GetIssuer(), "https://id.example.org"},
		"token_id":   {access.GetTokenId(), claims["jti"]},
		"grant_id":   {access.GetGrantId(), in.GetGrantId()},
		"token_type": {access.GetTokenType(), "access_token"},
		"expires_at": {float64(access.GetExpiresAt().GetSeconds()), claims["exp"]},
		"issued_at":  {float64(access.GetIssuedAt().GetSeconds()), claims["iat"]},
		"auth_time":  {float64(access.GetAuthTime().GetSeconds()), claims["auth_time"]},
	} {
		if c.got != c.want {
			t.Errorf("%s: %v, want %v", name, c.got, c.want)
		}
	}
	refresh := introspect("web", in.GetRefreshToken())
	if !refresh.GetActive() || refresh.GetTokenType() != "refresh_token" ||
		refresh.GetExpiresAt().AsTime().Before(time.Now()) {
		t.Errorf("the refresh token: %v", refresh)
	}
	for name, r := range map[string]*signetv1.IntrospectResponse{
		"another client, access token":  introspect("other", in.GetAccessToken()),
		"another client, refresh token": introspect("other", in.GetRefreshToken()),
		"nonsense":                      introspect("web", "nonsense"),
	} {
		if !proto.Equal(r, &signetv1.IntrospectResponse{}) {
			t.Errorf("%s: %v", name, r)
		}
	}
	_, err := f.TokenService.Revoke(f.As(t, "web"), &signetv1.RevokeRequest{Token: in.GetAccessToken()})
	must(t, err)
	if r := introspect("web", in.GetAccessToken()); !proto.Equal(r, &signetv1.IntrospectResponse{}) {
		t.Errorf("after Revoke: %v", r)
	}
	_, err = f.Refresh(t, "web", in.GetRefreshToken())
	if status.Code(err) != codes.Unauthenticated || reason(err) != "INVALID_GRANT" {
		t.Errorf("Refresh after Revoke: %v", err)
	}
}

func TestGetKeySet(t *testing.T) {
	f := newFixture(t)
	r, err := f.KeyService.GetKeySet(t.Context(), &signetv1.GetKeySetRequest{})
	must(t, err)
	if !json.Valid(r.GetJwks()) || len(r.GetEtag()) < 10 || r.GetEtag()[0] != '"' || r.GetMaxAge() != 300 {
		t.Errorf("%s, ETag %s, max-age %d", r.GetJwks(), r.GetEtag(), r.GetMaxAge())
	}
}

// decode returns the header and the claims of a token without a verification.
func decode(t *testing.T, token string) (header, claims map[string]any) {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("the token has %d parts", len(parts))
	}
	for n, into := range []*map[string]any{&header, &claims} {
		text, err := base64.RawURLEncoding.DecodeString(parts[n])
		if err == nil {
			err = json.Unmarshal(text, into)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return header, claims
}
