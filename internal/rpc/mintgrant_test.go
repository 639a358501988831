package rpc_test

import (
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/signetd/signet/internal/client"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// A minted grant can be refreshed, introspected and revoked like the grant of a
// login.
func TestMintedGrantCanBeRefreshedAndRevoked(t *testing.T) {
	f := newFixture(t)
	at := time.Now().Add(-time.Minute).Truncate(time.Second)
	response := f.Mint(t, "mesh", &signetv1.MintRequest{
		Audience: []string{"api", "api-roles"}, Subject: "customer 7", Scope: "read", Refresh: true,
		AuthTime: timestamppb.New(at), Amr: []string{"hwk"},
		Claims:  claimsOf(t, map[string]any{"roles": []any{"buyer"}, "tenant": "acme"}),
		EndUser: &signetv1.EndUser{Ip: "192.0.2.1", DeviceLabel: "phone"},
	})
	if in := response.GetRefreshExpiresIn(); in < 3590 || in > 3600 || response.GetScope() != "read" ||
		len(response.GetTokens()) != 2 {
		t.Errorf("response %v", response)
	}
	for _, minted := range response.GetTokens() {
		_, claims := decode(t, minted.GetAccessToken())
		wantClaims(t, claims, map[string]any{
			"sid": response.GetGrantId(), "sub": "customer 7", "scope": "read", "acr": nil,
		})
	}
	next, err := f.Refresh(t, "mesh", response.GetRefreshToken())
	must(t, err)
	_, claims := decode(t, next.GetAccessToken())
	wantClaims(t, claims, map[string]any{
		"sid": response.GetGrantId(), "sub": "customer 7", "aud": []any{"api", "api-roles"}, "scope": "read",
		"roles": []any{"buyer"}, "tenant": "acme", "auth_time": float64(at.Unix()), "amr": []any{"hwk"},
	})
	narrow, err := f.TokenService.Refresh(f.As(t, "mesh"), &signetv1.RefreshRequest{
		RefreshToken: next.GetRefreshToken(), Audience: []string{"api"},
	})
	must(t, err)
	_, claims = decode(t, narrow.GetAccessToken())
	wantClaims(t, claims, map[string]any{"aud": "api", "roles": nil, "tenant": nil})

	active := func(token string) bool {
		found, err := f.TokenService.Introspect(f.As(t, "mesh"), &signetv1.IntrospectRequest{Token: token})
		must(t, err)
		return found.GetActive()
	}
	first := response.GetTokens()[0].GetAccessToken()
	if !active(first) || !active(narrow.GetRefreshToken()) {
		t.Error("the tokens of a minted grant are not active")
	}
	_, err = f.TokenService.Revoke(f.As(t, "mesh"), &signetv1.RevokeRequest{Token: first})
	must(t, err)
	if active(first) || active(narrow.GetRefreshToken()) {
		t.Error("the tokens of a revoked grant are active")
	}
	if _, err := f.Refresh(t, "mesh", narrow.GetRefreshToken()); reason(err) != "INVALID_GRANT" {
		t.Errorf("after the revocation: %v", err)
	}
}

// Rule 28: A grant that was minted for a registered user ends with the user.
func TestRule28_MintedGrantEndsWithTheUser(t *testing.T) {
	f := newFixture(t)
	response := f.Mint(t, "mesh", &signetv1.MintRequest{Subject: userID(t, f), Refresh: true})
	refresh := func() (*signetv1.TokenResponse, error) {
		return f.TokenService.Refresh(f.As(t, "mesh"), &signetv1.RefreshRequest{
			RefreshToken: response.GetRefreshToken(), IdempotencyKey: "k",
		})
	}
	must(t, f.Admin.DisableUser(t.Context(), operator, username))
	if _, err := refresh(); reason(err) != "INVALID_GRANT" {
		t.Errorf("disabled: %v", err)
	}
	must(t, f.Admin.EnableUser(t.Context(), operator, username))
	_, err := refresh()
	must(t, err)
	must(t, f.Admin.DeleteUser(t.Context(), operator, username))
	if _, err := refresh(); reason(err) != "INVALID_GRANT" {
		t.Errorf("deleted: %v", err)
	}
}

// A token without a grant is active while its client and its user are enabled.
func TestIntrospectMintedTokens(t *testing.T) {
	f := newFixture(t)
	minted := func(subject string) string {
		t.Helper()
		return f.Mint(t, "mesh", &signetv1.MintRequest{Subject: subject}).GetTokens()[0].GetAccessToken()
	}
	own, foreign, registered := minted(""), minted("7"), minted(userID(t, f))
	f.Register(t, client.Client{ID: "api"})
	api := f.As(t, "api")
	check := func(name string, want ...bool) {
		t.Helper()
		for n, token := range []string{own, foreign, registered} {
			// The audience introspects, since the client gets disabled.
			found, err := f.TokenService.Introspect(api, &signetv1.IntrospectRequest{Token: token})
			must(t, err)
			if found.GetActive() != want[n] {
				t.Errorf("%s: token %d is active: %v", name, n, found.GetActive())
			}
		}
	}
	check("enabled", true, true, true)
	must(t, f.Admin.DisableUser(t.Context(), operator, username))
	check("the user is disabled", true, true, false)
	must(t, f.Admin.EnableUser(t.Context(), operator, username))
	check("the user is enabled", true, true, true)
	must(t, f.Admin.DeleteUser(t.Context(), operator, username))
	check("the user is deleted", true, true, false)
	must(t, f.Admin.DisableClient(t.Context(), operator, "mesh"))
	f.Poll(t)
	check("the client is disabled", false, false, false)
}
