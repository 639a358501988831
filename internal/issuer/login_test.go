package issuer_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/issuertest"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/keys"
)

func TestLogin_ReturnsBothTokens(t *testing.T) {
	f := newFixture(t)
	response, err := f.Login(t.Context(), f.Caller, issuertest.LoginRequest{
		Username: "  ADA ", Password: rightWord, Scope: "write",
		EndUser: client.EndUser{IP: "[::ffff:192.0.2.7]:4711", DeviceLabel: "Firefox"},
	})
	must(t, err)
	access := f.read(t, response.AccessToken)
	if access.Subject != response.Subject || access.GrantID != response.GrantID.String() ||
		access.ClientID != "gateway" ||
		access.Scope.String() != "write" || access.Audience[0] != api || access.ACR != "1" || access.AMR[0] != "pwd" {
		t.Errorf("claims: %+v", access)
	}
	if got := access.ExpiresAt.Sub(access.IssuedAt); got != 10*time.Minute || response.ExpiresIn != got {
		t.Errorf("lifetime %v, expires_in %v, want 10m", got, response.ExpiresIn)
	}
	if !strings.HasPrefix(response.RefreshToken, "sgr_") || response.DeviceToken == "" {
		t.Errorf("refresh token %q, device token %q", response.RefreshToken, response.DeviceToken)
	}
	g, err := f.Store.Grant(t.Context(), response.GrantID)
	must(t, err)
	if g.IP != "192.0.2.7" || g.DeviceLabel != "Firefox" {
		t.Errorf("the grant has ip %q, device label %q", g.IP, g.DeviceLabel)
	}
}

// Audiences that TestLogin_Target creates.
const (
	other = "https://other.example"
	curve = "https://curve.example"
)

// A target is what a token of a login is for.
type target struct {
	audiences int
	lifetime  time.Duration
	scope     string
}

func TestLogin_Target(t *testing.T) {
	f := newFixture(t)
	for _, a := range []client.Audience{
		{ID: other, Lifetime: time.Minute, Scope: oauth.NewScope("read")},
		{ID: curve, Algorithm: keys.ES256},
	} {
		_, err := f.Admin.CreateAudience(t.Context(), operator, a)
		must(t, err)
	}
	all := f.Register(t, client.Client{
		ID: "all", Audiences: []string{api, other, curve}, Scope: oauth.NewScope("read", "write"),
	})
	none := f.Register(t, client.Client{ID: "none"})
	must(t, f.Keys.Poll(t.Context()))
	for _, c := range []struct {
		name     string
		caller   client.Caller
		audience []string
		scope    string
		code     oauth.Code
		want     target
	}{
		{name: "the default is the first audience", caller: all, want: target{1, 10 * time.Minute, "read write"}},
		{
			name: "the shortest lifetime", caller: all,
			audience: []string{api, other}, want: target{2, time.Minute, "read write"},
		},
		{
			name: "the audience bounds the scope", caller: all,
			audience: []string{other}, want: target{1, time.Minute, "read"},
		},
		{
			name: "scope beyond the audience", caller: all,
			audience: []string{other}, scope: "write", code: oauth.InvalidScope,
		},
		{name: "two algorithms", caller: all, audience: []string{api, curve}, code: oauth.InvalidTarget},
		{
			name: "another algorithm", caller: all,
			audience: []string{curve}, want: target{1, 10 * time.Minute, "read write"},
		},
		{name: "another client's audience", caller: f.Caller, audience: []string{other}, code: oauth.InvalidTarget},
		{
			name: "an unknown audience", caller: all,
			audience: []string{"https://unknown.example"}, code: oauth.InvalidTarget,
		},
		{name: "a client without audience", caller: none, code: oauth.InvalidTarget},
		{name: "several spaces", caller: all, scope: " write  read ", want: target{1, 10 * time.Minute, "read write"}},
		{name: "a scope beyond the client", caller: all, scope: "admin", code: oauth.InvalidScope},
		{name: "a malformed scope", caller: all, scope: "read\twrite", code: oauth.InvalidScope},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := valid
			r.Audience, r.Scope = c.audience, c.scope
			response, err := f.Login(t.Context(), c.caller, r)
			if c.code != "" {
				wantCode(t, err, c.code)
				return
			}
			must(t, err)
			access := f.read(t, response.AccessToken)
			got := target{len(access.Audience), access.ExpiresAt.Sub(access.IssuedAt), access.Scope.String()}
			if got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

// An audience that changes its algorithm keeps the previous one until the first
// key of the new one has been published for long enough.
func TestLogin_PreviousAlgorithmSignsAtFirst(t *testing.T) {
	f := newFixture(t)
	f.UpdateAudience(t, func(a *client.Audience) { a.Algorithm = keys.EdDSA })
	must(t, f.Keys.Poll(t.Context()))
	header, _, _ := strings.Cut(f.MustLogin(t).AccessToken, ".")
	if text, err := base64.RawURLEncoding.DecodeString(header); err != nil || !strings.Contains(string(text), `"alg":"RS256"`) {
		t.Errorf("header %s: the new algorithm signs before its key was published for long enough", text)
	}
}

func TestTokens_CarryTheClaimsOfTheAudience(t *testing.T) {
	f := newFixture(t)
	claims := map[string]any{"roles": []any{"a", "b"}, "tenant": "acme"}
	must(t, f.Admin.SetClaims(t.Context(), operator, username, claims))
	f.UpdateAudience(t, func(a *client.Audience) { a.Claims = []string{"roles", "plan"} })
	response := f.MustLogin(t)
	for _, text := range []string{response.AccessToken, f.MustRefresh(t, response.RefreshToken, "").AccessToken} {
		claims := f.read(t, text).Claims
		if roles, ok := claims["roles"].([]any); !ok || len(roles) != 2 || len(claims) != 1 {
			t.Errorf("claims %v, want the two roles alone", claims)
		}
	}
}

// Rule 69: each operation has one whole audit record before its response. If
// the record cannot be written, the request is refused, and its grant does not
// stay active.
func TestRule69_RequestFailsIfItsAuditFails(t *testing.T) {
	f := newFixture(t)
	mesh := f.Register(t, client.Client{ID: "mesh", Audiences: []string{api}, MintSubjects: true})
	f.Events.Reset()
	f.Events.FailWith(errors.New("disk full"))
	_, err := f.Login(t.Context(), f.Caller, valid)
	wantCode(t, err, oauth.TemporarilyUnavailable)
	_, err = f.Issuer.Mint(t.Context(), mesh, issuer.MintRequest{Subject: "device-7", Refresh: true})
	wantCode(t, err, oauth.TemporarilyUnavailable)

	for subject, name := range map[string]string{
		f.Events.All()[0].Subject: audit.LoginSucceeded, "device-7": audit.TokenMinted,
	} {
		page, err := f.Store.Grants(t.Context(), grant.Filter{Subject: subject, Limit: 10})
		must(t, err)
		if f.Events.Count(name) != 1 || len(page.Grants) != 1 || page.Grants[0].RevokedAt.IsZero() {
			t.Errorf("%s: the grants are %+v, want one that is revoked", name, page.Grants)
		}
	}
}
