package rpc

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	signetv1 "github.com/signetd/signet/proto/signet/v1"
)

// mint mints through the client, or fails the test.
func (h *house) mint(t *testing.T, client string, r *signetv1.MintRequest) *signetv1.MintResponse {
	t.Helper()
	answer, err := h.tokens.Mint(h.as(t, client), r)
	must(t, err)
	return answer
}

// userID returns the id of the house's user.
func (h *house) userID(t *testing.T) string {
	t.Helper()
	u, err := h.admin.User(t.Context(), username)
	must(t, err)
	return u.ID
}

// claimsOf are the extra claims of a request.
func claimsOf(t *testing.T, claims map[string]any) *structpb.Struct {
	t.Helper()
	s, err := structpb.NewStruct(claims)
	must(t, err)
	return s
}

// wantClaims fails the test if a claim is not as wanted; nil means that there is none.
func wantClaims(t *testing.T, claims, want map[string]any) {
	t.Helper()
	for name, value := range want {
		if !reflect.DeepEqual(claims[name], value) {
			t.Errorf("%s is %v, want %v", name, claims[name], value)
		}
	}
}

// A client's own tokens ask the store nothing: it is closed.
func TestMintInTheClientsOwnName(t *testing.T) {
	h := openHouse(t)
	web := h.as(t, "web")
	must(t, h.store.Close())
	answer, err := h.tokens.Mint(web, &signetv1.MintRequest{Audience: []string{"api", "api-es", "api-ed", "api"}})
	must(t, err)
	if answer.GetSubject() != "web" || answer.GetScope() != "read write" || answer.GetGrantId() != "" || answer.GetRefreshToken() != "" {
		t.Errorf("answer %v", answer)
	}
	want := []struct {
		audience, algorithm string
		lifetime            int64
	}{{"api", "RS256", 600}, {"api-es", "ES256", 300}, {"api-ed", "EdDSA", 60}}
	if len(answer.GetTokens()) != len(want) {
		t.Fatalf("%d tokens, want one for each audience", len(answer.GetTokens()))
	}
	seen := make(map[any]bool)
	for n, minted := range answer.GetTokens() {
		header, claims := decode(t, minted.GetAccessToken())
		if minted.GetAudience() != want[n].audience || minted.GetTokenType() != "Bearer" || minted.GetExpiresIn() != want[n].lifetime ||
			header["alg"] != want[n].algorithm || claims["exp"].(float64)-claims["iat"].(float64) != float64(want[n].lifetime) {
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
	answer, err = h.tokens.Mint(web, &signetv1.MintRequest{})
	must(t, err)
	if len(answer.GetTokens()) != 1 || answer.GetTokens()[0].GetAudience() != "api" {
		t.Errorf("no audience named: %v, want the client's default", answer)
	}
}

// A subject of another user table asks the store nothing either.
func TestMintForASubject(t *testing.T) {
	h := openHouse(t)
	mesh := h.as(t, "mesh")
	must(t, h.store.Close())
	at := time.Now().Add(-time.Hour).Truncate(time.Second)
	answer, err := h.tokens.Mint(mesh, &signetv1.MintRequest{
		Audience: []string{"api", "api-roles"}, Subject: "customer 7", AuthTime: timestamppb.New(at), Amr: []string{"pwd", "otp"},
		Claims: claimsOf(t, map[string]any{"roles": []any{"buyer"}, "tenant": "acme"}),
	})
	must(t, err)
	for n, want := range []map[string]any{
		{"aud": "api", "scope": "read write", "roles": nil, "tenant": nil},
		{"aud": "api-roles", "scope": "read", "roles": []any{"buyer"}, "tenant": "acme"},
	} {
		_, claims := decode(t, answer.GetTokens()[n].GetAccessToken())
		wantClaims(t, claims, want)
		wantClaims(t, claims, map[string]any{
			"sub": "customer 7", "client_id": "mesh", "auth_time": float64(at.Unix()), "amr": []any{"pwd", "otp"}, "acr": "1", "sid": nil,
		})
		if answer.GetTokens()[n].GetScope() != want["scope"] {
			t.Errorf("scope %q, want %q", answer.GetTokens()[n].GetScope(), want["scope"])
		}
	}
	soon, err := h.tokens.Mint(mesh, &signetv1.MintRequest{Subject: "7", AuthTime: timestamppb.New(time.Now().Add(30 * time.Second))})
	must(t, err)
	_, claims := decode(t, soon.GetTokens()[0].GetAccessToken())
	if claims["auth_time"].(float64) > claims["iat"].(float64) {
		t.Error("auth_time is after iat: a clock that is a little ahead is set right")
	}
}

// A subject that is one of our users must be enabled now, and its own claims go before those of the request.
func TestMintForAUserOfOurs(t *testing.T) {
	h := openHouse(t)
	subject := h.userID(t)
	r := &signetv1.MintRequest{
		Audience: []string{"api-roles"}, Subject: subject, Claims: claimsOf(t, map[string]any{"roles": []any{"root"}, "tenant": "acme"}),
	}
	_, claims := decode(t, h.mint(t, "mesh", r).GetTokens()[0].GetAccessToken())
	wantClaims(t, claims, map[string]any{"sub": subject, "roles": []any{"admin", "dev"}, "tenant": "acme", "team": nil})
	refused := func(why string) {
		t.Helper()
		for _, refresh := range []bool{false, true} {
			r.Refresh = refresh
			if _, err := h.tokens.Mint(h.as(t, "mesh"), r); status.Code(err) != codes.Unauthenticated || reason(err) != "INVALID_GRANT" {
				t.Errorf("%s, refresh %v: %v", why, refresh, err)
			}
		}
	}
	must(t, h.admin.DisableUser(t.Context(), operator, username))
	refused("disabled")
	must(t, h.admin.EnableUser(t.Context(), operator, username))
	h.mint(t, "mesh", r)
	must(t, h.admin.DeleteUser(t.Context(), operator, username))
	refused("deleted")
	r.Subject = "usr_nobody"
	refused("never there")
	must(t, h.store.Close())
	if _, err := h.tokens.Mint(h.as(t, "mesh"), r); reason(err) != "TEMPORARILY_UNAVAILABLE" {
		t.Errorf("without a store: %v", err)
	}
}

func TestWhatMayNotBeMinted(t *testing.T) {
	h := openHouse(t)
	subject := func(edit func(*signetv1.MintRequest)) *signetv1.MintRequest {
		r := &signetv1.MintRequest{Audience: []string{"api-roles"}, Subject: "7"}
		edit(r)
		return r
	}
	claims := func(name string, value any) *structpb.Struct { return claimsOf(t, map[string]any{name: value}) }
	ahead := timestamppb.New(time.Now().Add(2 * time.Minute))
	for name, c := range map[string]struct {
		client string
		r      *signetv1.MintRequest
		want   string
	}{
		"a public client":             {"spa", &signetv1.MintRequest{}, "UNAUTHORIZED_CLIENT"},
		"a subject without the right": {"web", &signetv1.MintRequest{Subject: "7"}, "UNAUTHORIZED_CLIENT"},
		"another client's name":       {"mesh", &signetv1.MintRequest{Subject: "web"}, "ACCESS_DENIED"},
		"a public client's name":      {"mesh", &signetv1.MintRequest{Subject: "spa"}, "ACCESS_DENIED"},
		"its own name as a subject":   {"mesh", &signetv1.MintRequest{Subject: "mesh"}, "ACCESS_DENIED"},
		"own name, refresh":           {"mesh", &signetv1.MintRequest{Refresh: true}, "INVALID_REQUEST"},
		"own name, claims":            {"mesh", &signetv1.MintRequest{Audience: []string{"api-roles"}, Claims: claims("roles", "a")}, "INVALID_REQUEST"},
		"own name, auth_time":         {"mesh", &signetv1.MintRequest{AuthTime: timestamppb.Now()}, "INVALID_REQUEST"},
		"own name, amr":               {"mesh", &signetv1.MintRequest{Amr: []string{"pwd"}}, "INVALID_REQUEST"},
		"own name, end_user":          {"mesh", &signetv1.MintRequest{EndUser: &signetv1.EndUser{Ip: "192.0.2.1"}}, "INVALID_REQUEST"},
		"foreign audience":            {"web", &signetv1.MintRequest{Audience: []string{"api", "elsewhere"}}, "INVALID_TARGET"},
		"foreign scope":               {"web", &signetv1.MintRequest{Scope: "read admin"}, "INVALID_SCOPE"},
		"a scope the audience has not": {
			"web", &signetv1.MintRequest{Audience: []string{"api-roles"}, Scope: "write"}, "INVALID_SCOPE",
		},
		"mixed algorithms of a grant": {
			"mesh", &signetv1.MintRequest{Subject: "7", Audience: []string{"api", "api-es"}, Refresh: true}, "INVALID_TARGET",
		},
		"control character": {"mesh", subject(func(r *signetv1.MintRequest) { r.Subject = "7\n8" }), "INVALID_REQUEST"},
		"invisible":         {"mesh", subject(func(r *signetv1.MintRequest) { r.Subject = "7\u200b" }), "INVALID_REQUEST"},
		"in the future":     {"mesh", subject(func(r *signetv1.MintRequest) { r.AuthTime = ahead }), "INVALID_REQUEST"},
		"before 1970":       {"mesh", subject(func(r *signetv1.MintRequest) { r.AuthTime = timestamppb.New(time.Unix(-1, 0)) }), "INVALID_REQUEST"},
		"empty method":      {"mesh", subject(func(r *signetv1.MintRequest) { r.Amr = []string{""} }), "INVALID_REQUEST"},
		"unasked claim":     {"mesh", subject(func(r *signetv1.MintRequest) { r.Claims = claims("team", "a") }), "INVALID_REQUEST"},
		"object as claim":   {"mesh", subject(func(r *signetv1.MintRequest) { r.Claims = claims("roles", map[string]any{"a": 1}) }), "INVALID_REQUEST"},
		"null as claim":     {"mesh", subject(func(r *signetv1.MintRequest) { r.Claims = claims("roles", nil) }), "INVALID_REQUEST"},
		"huge claim":        {"mesh", subject(func(r *signetv1.MintRequest) { r.Claims = claims("roles", strings.Repeat("x", 4096)) }), "INVALID_REQUEST"},
		"device without grant": {
			"mesh", subject(func(r *signetv1.MintRequest) { r.EndUser = &signetv1.EndUser{DeviceLabel: "phone"} }), "INVALID_REQUEST",
		},
	} {
		if answer, err := h.tokens.Mint(h.as(t, c.client), c.r); answer != nil || reason(err) != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

// Rule 14: a claim of the request never takes the place of one that a token's meaning hangs on.
func TestRule14_ClaimNamesInMint(t *testing.T) {
	h := openHouse(t)
	for _, name := range []string{
		"sub", "iss", "aud", "exp", "client_id", "scope", "sid", "SUB", "act", "cnf", "scp", "", "a b", "a\x00", "\u00e7", "_a", strings.Repeat("a", 129),
	} {
		_, err := h.tokens.Mint(h.as(t, "mesh"), &signetv1.MintRequest{
			Audience: []string{"api-roles"}, Subject: "7", Claims: claimsOf(t, map[string]any{name: "x"}),
		})
		if status.Code(err) != codes.InvalidArgument || reason(err) != "INVALID_REQUEST" {
			t.Errorf("claim %.20q: %v", name, err)
		}
	}
}

// A team with its own user table has the whole life of a grant.
func TestMintedGrantLivesLikeAnyOther(t *testing.T) {
	h := openHouse(t)
	at := time.Now().Add(-time.Minute).Truncate(time.Second)
	answer := h.mint(t, "mesh", &signetv1.MintRequest{
		Audience: []string{"api", "api-roles"}, Subject: "customer 7", Scope: "read", Refresh: true, AuthTime: timestamppb.New(at), Amr: []string{"hwk"},
		Claims: claimsOf(t, map[string]any{"roles": []any{"buyer"}, "tenant": "acme"}), EndUser: &signetv1.EndUser{Ip: "192.0.2.1", DeviceLabel: "phone"},
	})
	if answer.GetRefreshExpiresIn() < 3590 || answer.GetRefreshExpiresIn() > 3600 || answer.GetScope() != "read" || len(answer.GetTokens()) != 2 {
		t.Errorf("answer %v", answer)
	}
	for _, minted := range answer.GetTokens() {
		_, claims := decode(t, minted.GetAccessToken())
		wantClaims(t, claims, map[string]any{"sid": answer.GetGrantId(), "sub": "customer 7", "scope": "read", "acr": nil})
	}
	next, err := h.tokens.Refresh(h.as(t, "mesh"), &signetv1.RefreshRequest{RefreshToken: answer.GetRefreshToken()})
	must(t, err)
	_, claims := decode(t, next.GetAccessToken())
	wantClaims(t, claims, map[string]any{
		"sid": answer.GetGrantId(), "sub": "customer 7", "aud": []any{"api", "api-roles"}, "scope": "read",
		"roles": []any{"buyer"}, "tenant": "acme", "auth_time": float64(at.Unix()), "amr": []any{"hwk"},
	})
	narrow, err := h.tokens.Refresh(h.as(t, "mesh"), &signetv1.RefreshRequest{RefreshToken: next.GetRefreshToken(), Audience: []string{"api"}})
	must(t, err)
	_, claims = decode(t, narrow.GetAccessToken())
	wantClaims(t, claims, map[string]any{"aud": "api", "roles": nil, "tenant": nil})

	active := func(token string) bool {
		found, err := h.tokens.Introspect(h.as(t, "mesh"), &signetv1.IntrospectRequest{Token: token})
		must(t, err)
		return found.GetActive()
	}
	first := answer.GetTokens()[0].GetAccessToken()
	if !active(first) || !active(narrow.GetRefreshToken()) {
		t.Error("the tokens of a minted grant are not active")
	}
	_, err = h.tokens.Revoke(h.as(t, "mesh"), &signetv1.RevokeRequest{Token: first})
	must(t, err)
	if active(first) || active(narrow.GetRefreshToken()) {
		t.Error("the tokens of a revoked grant are active")
	}
	if _, err := h.tokens.Refresh(h.as(t, "mesh"), &signetv1.RefreshRequest{RefreshToken: narrow.GetRefreshToken()}); reason(err) != "INVALID_GRANT" {
		t.Errorf("after the revocation: %v", err)
	}
}

// Rule 28, for grants that were minted for a user of ours.
func TestRule28_MintedGrantEndsWithTheUser(t *testing.T) {
	h := openHouse(t)
	answer := h.mint(t, "mesh", &signetv1.MintRequest{Subject: h.userID(t), Refresh: true})
	refresh := func() (*signetv1.TokenResponse, error) {
		return h.tokens.Refresh(h.as(t, "mesh"), &signetv1.RefreshRequest{RefreshToken: answer.GetRefreshToken(), IdempotencyKey: "k"})
	}
	must(t, h.admin.DisableUser(t.Context(), operator, username))
	if _, err := refresh(); reason(err) != "INVALID_GRANT" {
		t.Errorf("disabled: %v", err)
	}
	must(t, h.admin.EnableUser(t.Context(), operator, username))
	_, err := refresh()
	must(t, err)
	must(t, h.admin.DeleteUser(t.Context(), operator, username))
	if _, err := refresh(); reason(err) != "INVALID_GRANT" {
		t.Errorf("deleted: %v", err)
	}
}

// A token without a grant is active as long as its client may act and its user is enabled.
func TestIntrospectMintedTokens(t *testing.T) {
	h := openHouse(t)
	minted := func(subject string) string {
		t.Helper()
		return h.mint(t, "mesh", &signetv1.MintRequest{Subject: subject}).GetTokens()[0].GetAccessToken()
	}
	own, foreign, ours := minted(""), minted("7"), minted(h.userID(t))
	_, word, err := h.admin.CreateClient(t.Context(), operator, client.Client{ID: "api"})
	must(t, err)
	must(t, h.directory.Poll(t.Context()))
	api := metadata.NewOutgoingContext(soon(t), metadata.Pairs("authorization", "Basic "+encoded("api:"+word)))
	check := func(when string, want ...bool) {
		t.Helper()
		for n, token := range []string{own, foreign, ours} {
			// The client itself may be disabled: it is the audience that asks.
			found, err := h.tokens.Introspect(api, &signetv1.IntrospectRequest{Token: token})
			must(t, err)
			if found.GetActive() != want[n] {
				t.Errorf("%s: token %d is active: %v", when, n, found.GetActive())
			}
		}
	}
	check("at first", true, true, true)
	must(t, h.admin.DisableUser(t.Context(), operator, username))
	check("the user is disabled", true, true, false)
	must(t, h.admin.EnableUser(t.Context(), operator, username))
	check("the user is enabled", true, true, true)
	must(t, h.admin.DeleteUser(t.Context(), operator, username))
	check("the user is deleted", true, true, false)
	must(t, h.admin.DisableClient(t.Context(), operator, "mesh"))
	must(t, h.directory.Poll(t.Context()))
	check("the client is disabled", false, false, false)
}

// What is minted for a subject is audited before it is answered; a client's own tokens are not.
func TestMintIsAudited(t *testing.T) {
	h := openHouse(t)
	var events []audit.Event
	var full atomic.Bool
	record := func(e audit.Event) error {
		if full.Load() {
			return errors.New("disk full")
		}
		events = append(events, e)
		return nil
	}
	h.audit.Store(&record)
	h.mint(t, "mesh", &signetv1.MintRequest{})
	h.mint(t, "mesh", &signetv1.MintRequest{Subject: "7"})
	granted := h.mint(t, "mesh", &signetv1.MintRequest{Subject: "8", Refresh: true, EndUser: &signetv1.EndUser{Ip: "192.0.2.1"}})
	var got []string
	for _, e := range events {
		got = append(got, fmt.Sprint(e.Name, " ", e.Actor.Name, " ", e.Subject, " ", e.Grant, " ", e.IP))
	}
	want := []string{"token.minted mesh 7  ", "token.minted mesh 8 " + granted.GetGrantId() + " 192.0.2.1"}
	if !slices.Equal(got, want) {
		t.Errorf("events %q, want %q", got, want)
	}
	full.Store(true)
	for _, refresh := range []bool{false, true} {
		answer, err := h.tokens.Mint(h.as(t, "mesh"), &signetv1.MintRequest{Subject: "7", Refresh: refresh})
		if answer != nil || reason(err) != "TEMPORARILY_UNAVAILABLE" {
			t.Errorf("without an audit log, refresh %v: %v", refresh, err)
		}
	}
	h.mint(t, "mesh", &signetv1.MintRequest{})
}

// The user's claims come into the tokens of those audiences that ask for them, as they are when the token is made.
func TestUserClaimsByAudience(t *testing.T) {
	h := openHouse(t)
	login := func(audience ...string) *signetv1.TokenResponse {
		t.Helper()
		r, err := h.tokens.Login(h.as(t, "web"), &signetv1.LoginRequest{Username: username, Password: secret, Audience: audience})
		must(t, err)
		return r
	}
	_, claims := decode(t, login("api").GetAccessToken())
	wantClaims(t, claims, map[string]any{"roles": nil, "team": nil})
	in := login("api", "api-roles")
	_, claims = decode(t, in.GetAccessToken())
	wantClaims(t, claims, map[string]any{"roles": []any{"admin", "dev"}, "tenant": nil, "team": nil})
	must(t, h.admin.SetClaims(context.Background(), operator, username, map[string]any{"roles": []any{"dev"}, "tenant": "acme"}))
	next, err := h.tokens.Refresh(h.as(t, "web"), &signetv1.RefreshRequest{RefreshToken: in.GetRefreshToken()})
	must(t, err)
	_, claims = decode(t, next.GetAccessToken())
	wantClaims(t, claims, map[string]any{"roles": []any{"dev"}, "tenant": "acme"})
}
