package rpc_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/signetd/signet/internal/rpc/rpctest"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// userID returns the id of the user.
func userID(t *testing.T, f *rpctest.Fixture) string {
	t.Helper()
	u, err := f.Admin.User(t.Context(), username)
	must(t, err)
	return u.ID
}

// claimsOf returns the claims as a message.
func claimsOf(t *testing.T, claims map[string]any) *structpb.Struct {
	t.Helper()
	s, err := structpb.NewStruct(claims)
	must(t, err)
	return s
}

// wantClaims checks the claims that want names. Nil means that the token does
// not have the claim.
func wantClaims(t *testing.T, claims, want map[string]any) {
	t.Helper()
	for name, value := range want {
		if !reflect.DeepEqual(claims[name], value) {
			t.Errorf("%s is %v, want %v", name, claims[name], value)
		}
	}
}

// A mint for the client itself needs no store. The store is closed in this
// test.
func TestMintInTheClientsOwnName(t *testing.T) {
	f := newFixture(t)
	web := f.As(t, "web")
	must(t, f.Store.Close())
	response, err := f.TokenService.Mint(web, &signetv1.MintRequest{
		Audience: []string{"api", "api-es", "api-ed", "api"},
	})
	must(t, err)
	if response.GetSubject() != "web" || response.GetScope() != "read write" || response.GetGrantId() != "" ||
		response.GetRefreshToken() != "" {
		t.Errorf("response %v", response)
	}
	want := []struct {
		audience, algorithm string
		lifetime            int64
	}{{"api", "RS256", 600}, {"api-es", "ES256", 300}, {"api-ed", "EdDSA", 60}}
	if len(response.GetTokens()) != len(want) {
		t.Fatalf("%d tokens, want one for each audience", len(response.GetTokens()))
	}
	seen := make(map[any]bool)
	for n, minted := range response.GetTokens() {
		header, claims := decode(t, minted.GetAccessToken())
		if minted.GetAudience() != want[n].audience || minted.GetTokenType() != "Bearer" ||
			minted.GetExpiresIn() != want[n].lifetime || header["alg"] != want[n].algorithm ||
			claims["exp"].(float64)-claims["iat"].(float64) != float64(want[n].lifetime) {
			t.Errorf("token %v with header %v and claims %v, want %v", minted, header, claims, want[n])
		}
		wantClaims(t, claims, map[string]any{
			"sub": "web", "client_id": "web", "aud": want[n].audience, "scope": "read write",
			"auth_time": nil, "amr": nil, "acr": nil, "sid": nil,
		})
		if seen[claims["jti"]] {
			t.Error("two tokens have one jti")
		}
		seen[claims["jti"]] = true
	}
	response, err = f.TokenService.Mint(web, &signetv1.MintRequest{})
	must(t, err)
	if len(response.GetTokens()) != 1 || response.GetTokens()[0].GetAudience() != "api" {
		t.Errorf("without an audience: %v, want the client's default", response)
	}
}

// A subject may be of another user table. Only the store knows that it is no
// user of this issuer.
func TestMintForASubject(t *testing.T) {
	f := newFixture(t)
	mesh := f.As(t, "mesh")
	at := time.Now().Add(-time.Hour).Truncate(time.Second)
	response, err := f.TokenService.Mint(mesh, &signetv1.MintRequest{
		Audience: []string{"api", "api-roles"}, Subject: "customer 7",
		AuthTime: timestamppb.New(at), Amr: []string{"pwd", "otp"},
		Claims: claimsOf(t, map[string]any{"roles": []any{"buyer"}, "tenant": "acme"}),
	})
	must(t, err)
	for n, want := range []map[string]any{
		{"aud": "api", "scope": "read write", "roles": nil, "tenant": nil},
		{"aud": "api-roles", "scope": "read", "roles": []any{"buyer"}, "tenant": "acme"},
	} {
		_, claims := decode(t, response.GetTokens()[n].GetAccessToken())
		wantClaims(t, claims, want)
		wantClaims(t, claims, map[string]any{
			"sub": "customer 7", "client_id": "mesh", "auth_time": float64(at.Unix()), "amr": []any{"pwd", "otp"},
			"acr": "1", "sid": nil,
		})
		if response.GetTokens()[n].GetScope() != want["scope"] {
			t.Errorf("scope %q, want %q", response.GetTokens()[n].GetScope(), want["scope"])
		}
	}

	early, err := f.TokenService.Mint(mesh, &signetv1.MintRequest{
		Subject: "7", AuthTime: timestamppb.New(time.Now().Add(30 * time.Second)),
	})
	must(t, err)
	_, claims := decode(t, early.GetTokens()[0].GetAccessToken())
	if claims["auth_time"].(float64) > claims["iat"].(float64) {
		t.Error("auth_time is after iat, although the client clock may be slightly ahead")
	}

	must(t, f.Store.Close())
	_, err = f.TokenService.Mint(mesh, &signetv1.MintRequest{Subject: "customer 7"})
	if reason(err) != "TEMPORARILY_UNAVAILABLE" {
		t.Errorf("without a store: %v", err)
	}
}

// A subject that is a registered user must be enabled. The claims of the user
// take precedence over the claims of the request.
func TestMintForARegisteredUser(t *testing.T) {
	f := newFixture(t)
	subject := userID(t, f)
	r := &signetv1.MintRequest{
		Audience: []string{"api-roles"}, Subject: subject,
		Claims: claimsOf(t, map[string]any{"roles": []any{"root"}, "tenant": "acme"}),
	}
	_, claims := decode(t, f.Mint(t, "mesh", r).GetTokens()[0].GetAccessToken())
	wantClaims(t, claims, map[string]any{"sub": subject, "roles": []any{"admin", "dev"}, "tenant": "acme", "team": nil})
	refused := func(name string) {
		t.Helper()
		for _, refresh := range []bool{false, true} {
			r.Refresh = refresh
			if _, err := f.TokenService.Mint(f.As(t, "mesh"), r); status.Code(err) != codes.Unauthenticated ||
				reason(err) != "INVALID_GRANT" {
				t.Errorf("%s, refresh %v: %v", name, refresh, err)
			}
		}
	}
	must(t, f.Admin.DisableUser(t.Context(), operator, username))
	refused("disabled")
	must(t, f.Admin.EnableUser(t.Context(), operator, username))
	f.Mint(t, "mesh", r)
	must(t, f.Admin.DeleteUser(t.Context(), operator, username))
	refused("deleted")
	r.Subject = "usr_nobody"
	refused("unknown")
	must(t, f.Store.Close())
	if _, err := f.TokenService.Mint(f.As(t, "mesh"), r); reason(err) != "TEMPORARILY_UNAVAILABLE" {
		t.Errorf("without a store: %v", err)
	}
}

func TestMintRefusesInvalidRequests(t *testing.T) {
	f := newFixture(t)
	type request = signetv1.MintRequest
	subject := func(edit func(*request)) *request {
		r := &request{Audience: []string{"api-roles"}, Subject: "7"}
		edit(r)
		return r
	}
	claims := func(name string, value any) *structpb.Struct { return claimsOf(t, map[string]any{name: value}) }
	claim := func(name string, value any) *request {
		return subject(func(r *request) { r.Claims = claims(name, value) })
	}
	ahead, negative := timestamppb.New(time.Now().Add(2*time.Minute)), timestamppb.New(time.Unix(-1, 0))
	roles := []string{"api-roles"}
	address, phone := &signetv1.EndUser{Ip: "192.0.2.1"}, &signetv1.EndUser{DeviceLabel: "phone"}
	for name, c := range map[string]struct {
		client string
		r      *request
		want   string
	}{
		"public client":         {"spa", &request{}, "UNAUTHORIZED_CLIENT"},
		"no mint_subjects":      {"web", &request{Subject: "7"}, "UNAUTHORIZED_CLIENT"},
		"id of another client":  {"mesh", &request{Subject: "web"}, "ACCESS_DENIED"},
		"id of a public client": {"mesh", &request{Subject: "spa"}, "ACCESS_DENIED"},
		"own id as the subject": {"mesh", &request{Subject: "mesh"}, "ACCESS_DENIED"},
		"no subject, refresh":   {"mesh", &request{Refresh: true}, "INVALID_REQUEST"},
		"no subject, claims":    {"mesh", &request{Audience: roles, Claims: claims("roles", "a")}, "INVALID_REQUEST"},
		"no subject, auth_time": {"mesh", &request{AuthTime: timestamppb.Now()}, "INVALID_REQUEST"},
		"no subject, amr":       {"mesh", &request{Amr: []string{"pwd"}}, "INVALID_REQUEST"},
		"no subject, end_user":  {"mesh", &request{EndUser: address}, "INVALID_REQUEST"},
		"audience not allowed":  {"web", &request{Audience: []string{"api", "elsewhere"}}, "INVALID_TARGET"},
		"scope not allowed":     {"web", &request{Scope: "read admin"}, "INVALID_SCOPE"},
		"scope not in audience": {"web", &request{Audience: roles, Scope: "write"}, "INVALID_SCOPE"},
		"grant, mixed algorithms": {
			"mesh", &request{Subject: "7", Audience: []string{"api", "api-es"}, Refresh: true}, "INVALID_TARGET",
		},
		"control character":     {"mesh", subject(func(r *request) { r.Subject = "7\n8" }), "INVALID_REQUEST"},
		"invisible character":   {"mesh", subject(func(r *request) { r.Subject = "7\u200b" }), "INVALID_REQUEST"},
		"in the future":         {"mesh", subject(func(r *request) { r.AuthTime = ahead }), "INVALID_REQUEST"},
		"before 1970":           {"mesh", subject(func(r *request) { r.AuthTime = negative }), "INVALID_REQUEST"},
		"empty amr value":       {"mesh", subject(func(r *request) { r.Amr = []string{""} }), "INVALID_REQUEST"},
		"claim not in audience": {"mesh", claim("team", "a"), "INVALID_REQUEST"},
		"object as claim":       {"mesh", claim("roles", map[string]any{"a": 1}), "INVALID_REQUEST"},
		"null as claim":         {"mesh", claim("roles", nil), "INVALID_REQUEST"},
		"huge claim":            {"mesh", claim("roles", strings.Repeat("x", 4096)), "INVALID_REQUEST"},
		"device, no grant":      {"mesh", subject(func(r *request) { r.EndUser = phone }), "INVALID_REQUEST"},
	} {
		if response, err := f.TokenService.Mint(f.As(t, c.client), c.r); response != nil || reason(err) != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

// Rule 14: A claim of the request never replaces a registered claim of the
// token.
func TestRule14_ClaimNamesInMint(t *testing.T) {
	f := newFixture(t)
	for _, name := range []string{
		"sub", "iss", "aud", "exp", "client_id", "scope", "sid", "SUB", "act", "cnf", "scp", "",
		"a b", "a\x00", "\u00e7", "_a", strings.Repeat("a", 129),
	} {
		_, err := f.TokenService.Mint(f.As(t, "mesh"), &signetv1.MintRequest{
			Audience: []string{"api-roles"}, Subject: "7", Claims: claimsOf(t, map[string]any{name: "x"}),
		})
		if status.Code(err) != codes.InvalidArgument || reason(err) != "INVALID_REQUEST" {
			t.Errorf("claim %.20q: %v", name, err)
		}
	}
}

// Rule 69: Each operation has one whole audit record before its response. A
// mint for a subject is such an operation, a mint for the client itself is not.
func TestRule69_MintIsAudited(t *testing.T) {
	f := newFixture(t)
	f.Mint(t, "mesh", &signetv1.MintRequest{})
	f.Mint(t, "mesh", &signetv1.MintRequest{Subject: "7"})
	granted := f.Mint(t, "mesh", &signetv1.MintRequest{
		Subject: "8", Refresh: true, EndUser: &signetv1.EndUser{Ip: "192.0.2.1"},
	})
	var got []string
	for _, e := range f.Events.All() {
		got = append(got, fmt.Sprint(e.Name, " ", e.Actor.Name, " ", e.Subject, " ", e.Grant, " ", e.IP))
	}
	want := []string{"token.minted mesh 7  ", "token.minted mesh 8 " + granted.GetGrantId() + " 192.0.2.1"}
	if !slices.Equal(got, want) {
		t.Errorf("events %q, want %q", got, want)
	}

	f.Events.FailWith(errors.New("disk full"))
	for _, refresh := range []bool{false, true} {
		response, err := f.TokenService.Mint(f.As(t, "mesh"), &signetv1.MintRequest{Subject: "7", Refresh: refresh})
		if response != nil || reason(err) != "TEMPORARILY_UNAVAILABLE" {
			t.Errorf("without an audit log, refresh %v: %v", refresh, err)
		}
	}
	f.Mint(t, "mesh", &signetv1.MintRequest{})
}

// A token has the claims of the user that its audience names, with their values
// at the time of issue.
func TestUserClaimsByAudience(t *testing.T) {
	f := newFixture(t)
	login := func(audience ...string) *signetv1.TokenResponse {
		t.Helper()
		r, err := f.TokenService.Login(f.As(t, "web"), &signetv1.LoginRequest{
			Username: username, Password: password, Audience: audience,
		})
		must(t, err)
		return r
	}
	_, claims := decode(t, login("api").GetAccessToken())
	wantClaims(t, claims, map[string]any{"roles": nil, "team": nil})
	in := login("api", "api-roles")
	_, claims = decode(t, in.GetAccessToken())
	wantClaims(t, claims, map[string]any{"roles": []any{"admin", "dev"}, "tenant": nil, "team": nil})
	must(t, f.Admin.SetClaims(context.Background(), operator, username, map[string]any{
		"roles": []any{"dev"}, "tenant": "acme",
	}))
	next, err := f.Refresh(t, "web", in.GetRefreshToken())
	must(t, err)
	_, claims = decode(t, next.GetAccessToken())
	wantClaims(t, claims, map[string]any{"roles": []any{"dev"}, "tenant": "acme"})
}

// The message of INVALID_TARGET names the audience that the request is refused
// for, if it can be an audience at all.
func TestMint_NamesTheRefusedAudience(t *testing.T) {
	f := newFixture(t)
	for audience, want := range map[string]string{
		"elsewhere":   "The client has no audience 'elsewhere', or it is disabled.",
		"else\n\"ü\"": "The request has an audience that is no identifier.",
	} {
		_, err := f.TokenService.Mint(f.As(t, "web"), &signetv1.MintRequest{Audience: []string{"api", audience}})
		if reason(err) != "INVALID_TARGET" || status.Convert(err).Message() != want {
			t.Errorf("%q: %v, want %s", audience, err, want)
		}
	}
}
