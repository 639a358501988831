package rpc

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

func TestLoginAnswersWithAWholeTokenResponse(t *testing.T) {
	h := openHouse(t)
	r := h.login(t, "web")
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
	next, err := h.tokens.Refresh(h.as(t, "web"), &signetv1.RefreshRequest{RefreshToken: r.GetRefreshToken()})
	if err != nil || next.GetGrantId() != r.GetGrantId() || next.GetDeviceToken() != "" || next.GetRefreshToken() == r.GetRefreshToken() {
		t.Errorf("Refresh: %v", err)
	}
}

func TestRefusedLoginsLookAlike(t *testing.T) {
	h := openHouse(t)
	var first *status.Status
	for name, r := range map[string]*signetv1.LoginRequest{
		"unknown user":    {Username: "nobody", Password: secret},
		"wrong password":  {Username: username, Password: secret + "x"},
		"impossible name": {Username: "a\x00b", Password: secret},
	} {
		_, err := h.tokens.Login(h.as(t, "web"), r)
		got := status.Convert(err)
		if first == nil {
			first = got
		}
		if got.Code() != codes.Unauthenticated || reason(err) != "INVALID_GRANT" || !proto.Equal(got.Proto(), first.Proto()) {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestIntrospectTellsTheClientAndNobodyElse(t *testing.T) {
	h := openHouse(t)
	in := h.login(t, "web")
	_, claims := decode(t, in.GetAccessToken())
	ask := func(client, token string) *signetv1.IntrospectResponse {
		t.Helper()
		r, err := h.tokens.Introspect(h.as(t, client), &signetv1.IntrospectRequest{Token: token})
		must(t, err)
		return r
	}
	access := ask("web", in.GetAccessToken())
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
	if refresh := ask("web", in.GetRefreshToken()); !refresh.GetActive() || refresh.GetTokenType() != "refresh_token" ||
		refresh.GetExpiresAt().AsTime().Before(time.Now()) {
		t.Errorf("the refresh token: %v", refresh)
	}
	for name, r := range map[string]*signetv1.IntrospectResponse{
		"another client, access token":  ask("other", in.GetAccessToken()),
		"another client, refresh token": ask("other", in.GetRefreshToken()),
		"nonsense":                      ask("web", "nonsense"),
	} {
		if !proto.Equal(r, &signetv1.IntrospectResponse{}) {
			t.Errorf("%s: %v", name, r)
		}
	}
	_, err := h.tokens.Revoke(h.as(t, "web"), &signetv1.RevokeRequest{Token: in.GetAccessToken()})
	must(t, err)
	if r := ask("web", in.GetAccessToken()); !proto.Equal(r, &signetv1.IntrospectResponse{}) {
		t.Errorf("after Revoke: %v", r)
	}
	_, err = h.tokens.Refresh(h.as(t, "web"), &signetv1.RefreshRequest{RefreshToken: in.GetRefreshToken()})
	if status.Code(err) != codes.Unauthenticated || reason(err) != "INVALID_GRANT" {
		t.Errorf("Refresh after Revoke: %v", err)
	}
}

func TestGetKeySet(t *testing.T) {
	h := openHouse(t)
	r, err := h.keys.GetKeySet(t.Context(), &signetv1.GetKeySetRequest{})
	must(t, err)
	if !json.Valid(r.GetJwks()) || len(r.GetEtag()) < 10 || r.GetEtag()[0] != '"' || r.GetMaxAge() != 300 {
		t.Errorf("%s, ETag %s, max-age %d", r.GetJwks(), r.GetEtag(), r.GetMaxAge())
	}
}

// decode returns the header and the claims of a token that is trusted.
func decode(t *testing.T, token string) (header, claims map[string]any) {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("a token of %d parts", len(parts))
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
