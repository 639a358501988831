package issuer_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/token"
	"github.com/signetd/signet/keys"
)

func (h *house) read(t *testing.T, accessToken string) token.Access {
	t.Helper()
	access, err := token.ReadAccess(accessToken, "https://issuer.example", h.keys.PublicKey, time.Now())
	must(t, err)
	return access
}

func TestLoginAnswersWithBothTokens(t *testing.T) {
	h := newHouse(t)
	answer, err := h.Login(t.Context(), h.caller, issuer.LoginRequest{
		Username: "  ADA ", Password: rightWord, Scope: "write", EndUser: issuer.EndUser{IP: "::ffff:192.0.2.7", DeviceLabel: "Firefox"},
	})
	must(t, err)
	access := h.read(t, answer.AccessToken)
	if access.Subject != answer.Subject || access.GrantID != answer.GrantID.String() || access.ClientID != "gateway" ||
		access.Scope.String() != "write" || access.Audience[0] != api || access.ACR != "1" || access.AMR[0] != "pwd" {
		t.Errorf("claims: %+v", access)
	}
	if got := access.ExpiresAt.Sub(access.IssuedAt); got != 10*time.Minute || answer.ExpiresIn != got {
		t.Errorf("lifetime %v, expires_in %v, want 10m", got, answer.ExpiresIn)
	}
	if !strings.HasPrefix(answer.RefreshToken, "sgr_") || answer.DeviceToken == "" {
		t.Errorf("refresh token %q, device token %q", answer.RefreshToken, answer.DeviceToken)
	}
	g, err := h.store.Grant(t.Context(), answer.GrantID)
	must(t, err)
	if g.IP != "192.0.2.7" || g.DeviceLabel != "Firefox" {
		t.Errorf("the grant says ip %q, device %q", g.IP, g.DeviceLabel)
	}
}

func TestRefusedLoginsLookAlike(t *testing.T) {
	h := newHouse(t)
	_, err := h.admin.CreateUser(t.Context(), operator, "gone", rightWord, nil)
	must(t, err)
	must(t, h.admin.DisableUser(t.Context(), operator, "gone"))
	var sentence string
	for name, r := range map[string]issuer.LoginRequest{
		"unknown user":      {Username: "nobody", Password: rightWord},
		"no possible name":  {Username: "\x00", Password: rightWord},
		"wrong password":    {Username: username, Password: "wrong"},
		"disabled user":     {Username: "gone", Password: rightWord},
		"disabled, wrong":   {Username: "gone", Password: "wrong"},
		"password of other": {Username: username, Password: rightWord + " "},
	} {
		_, err := h.Login(t.Context(), h.caller, r)
		wantCode(t, err, oauth.InvalidGrant)
		if e := oauth.AsError(err); sentence == "" {
			sentence = e.Sentence
		} else if e.Sentence != sentence || e.RetryAfter != 0 {
			t.Errorf("%s: %q, want %q", name, e.Sentence, sentence)
		}
	}
	if n := h.count(audit.LoginFailed); n != 6 {
		t.Errorf("%d events, want 6", n)
	}
}

func TestLoginTarget(t *testing.T) {
	h := newHouse(t)
	for _, a := range []client.Audience{
		{ID: "https://other.example", Lifetime: time.Minute, Scope: oauth.NewScope("read")},
		{ID: "https://curve.example", Algorithm: keys.ES256},
	} {
		_, err := h.admin.CreateAudience(t.Context(), operator, a)
		must(t, err)
	}
	both := h.client(t, client.Client{
		ID: "both", Audiences: []string{api, "https://other.example", "https://curve.example"}, Scope: oauth.NewScope("read", "write"),
	})
	none := h.client(t, client.Client{ID: "none"})
	must(t, h.keys.Poll(t.Context()))
	for _, c := range []struct {
		name     string
		caller   issuer.Caller
		audience []string
		scope    string
		code     oauth.Code
		want     target
	}{
		{name: "the default is the first audience", caller: both, want: target{1, 10 * time.Minute, "read write"}},
		{name: "the shortest lifetime", caller: both, audience: []string{api, "https://other.example"}, want: target{2, time.Minute, "read write"}},
		{name: "the audience bounds the scope", caller: both, audience: []string{"https://other.example"}, want: target{1, time.Minute, "read"}},
		{name: "scope beyond the audience", caller: both, audience: []string{"https://other.example"}, scope: "write", code: oauth.InvalidScope},
		{name: "two algorithms", caller: both, audience: []string{api, "https://curve.example"}, code: oauth.InvalidTarget},
		{name: "another algorithm", caller: both, audience: []string{"https://curve.example"}, want: target{1, 10 * time.Minute, "read write"}},
		{name: "another client's audience", caller: h.caller, audience: []string{"https://other.example"}, code: oauth.InvalidTarget},
		{name: "an unknown audience", caller: both, audience: []string{"https://unknown.example"}, code: oauth.InvalidTarget},
		{name: "a client without audience", caller: none, code: oauth.InvalidTarget},
		{name: "a scope beyond the client", caller: both, scope: "admin", code: oauth.InvalidScope},
		{name: "a malformed scope", caller: both, scope: "read  write", code: oauth.InvalidScope},
	} {
		t.Run(c.name, func(t *testing.T) {
			answer, err := h.Login(t.Context(), c.caller, issuer.LoginRequest{
				Username: username, Password: rightWord, Audience: c.audience, Scope: c.scope,
			})
			if c.code != "" {
				wantCode(t, err, c.code)
				return
			}
			must(t, err)
			access := h.read(t, answer.AccessToken)
			if got := (target{len(access.Audience), access.ExpiresAt.Sub(access.IssuedAt), access.Scope.String()}); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

type target struct {
	audiences int
	lifetime  time.Duration
	scope     string
}

func TestAudienceThatChangesItsAlgorithmKeepsTheOldOneFirst(t *testing.T) {
	h := newHouse(t)
	must(t, h.admin.UpdateAudience(t.Context(), operator, api, func(a *client.Audience) { a.Algorithm = keys.EdDSA }))
	must(t, h.directory.Poll(t.Context()))
	must(t, h.keys.Poll(t.Context()))
	header, _, _ := strings.Cut(h.login(t).AccessToken, ".")
	if text, err := base64.RawURLEncoding.DecodeString(header); err != nil || !strings.Contains(string(text), `"alg":"RS256"`) {
		t.Errorf("header %s: the new algorithm signs before its key was published for long enough", text)
	}
}

func TestClaimsThatTheAudienceAsksFor(t *testing.T) {
	h := newHouse(t)
	must(t, h.admin.SetClaims(t.Context(), operator, username, map[string]any{"roles": []any{"a", "b"}, "tenant": "acme"}))
	must(t, h.admin.UpdateAudience(t.Context(), operator, api, func(a *client.Audience) { a.Claims = []string{"roles", "plan"} }))
	must(t, h.directory.Poll(t.Context()))
	answer := h.login(t)
	for _, text := range []string{answer.AccessToken, h.mustRefresh(t, answer.RefreshToken, "").AccessToken} {
		claims := h.read(t, text).Claims
		if roles, ok := claims["roles"].([]any); !ok || len(roles) != 2 || len(claims) != 1 {
			t.Errorf("claims %v, want the two roles alone", claims)
		}
	}
}

func TestAuditErrorRefusesTheAnswer(t *testing.T) {
	h := newHouse(t)
	h.auditError = errors.New("disk full")
	_, err := h.Login(t.Context(), h.caller, issuer.LoginRequest{Username: username, Password: rightWord})
	wantCode(t, err, oauth.TemporarilyUnavailable)
}
