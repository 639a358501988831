package web

import (
	"context"
	"time"

	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/oauth"
)

// bearer is the one type of our access tokens (RFC 6750).
const bearer = "Bearer"

// tokenResponse is RFC 6749 §5.1.
type tokenResponse struct {
	AccessToken      string `json:"access_token"`
	TokenType        string `json:"token_type"`
	ExpiresIn        int64  `json:"expires_in"`
	RefreshToken     string `json:"refresh_token,omitempty"`
	RefreshExpiresIn int64  `json:"refresh_expires_in,omitempty"`
	Scope            string `json:"scope,omitempty"`
}

// grantTypes are those that token answers.
var grantTypes = []string{"client_credentials", "refresh_token"}

// token answers by the grant type (RFC 6749 §4.4 and §6). There is no grant type for passwords: Login is a call of its own
// (RFC 9700 §2.4).
func (e *endpoints) token(ctx context.Context, caller issuer.Caller, f form) (any, error) {
	grantType, err := f.required("grant_type")
	if err != nil {
		return nil, err
	}
	switch grantType {
	case "client_credentials":
		return e.clientCredentials(ctx, caller, f)
	case "refresh_token":
		return e.refresh(ctx, caller, f)
	}
	return nil, oauth.Refused(oauth.UnsupportedGrantType, nil)
}

func (e *endpoints) clientCredentials(ctx context.Context, caller issuer.Caller, f form) (any, error) {
	t, err := e.issuer.ClientCredentials(ctx, caller, issuer.CredentialsRequest{Audience: f.resources, Scope: f.get("scope")})
	if err != nil {
		return nil, err
	}
	return encode(t), nil
}

func (e *endpoints) refresh(ctx context.Context, caller issuer.Caller, f form) (any, error) {
	presented, err := f.required("refresh_token")
	if err != nil {
		return nil, err
	}
	t, err := e.issuer.Refresh(ctx, caller, issuer.RefreshRequest{
		RefreshToken: presented, Scope: f.get("scope"), Audience: f.resources, IdempotencyKey: f.idempotencyKey,
	})
	if err != nil {
		return nil, err
	}
	return encode(t), nil
}

func encode(t *issuer.TokenResponse) tokenResponse {
	return tokenResponse{
		AccessToken: t.AccessToken, TokenType: bearer, ExpiresIn: int64(t.ExpiresIn / time.Second),
		RefreshToken: t.RefreshToken, RefreshExpiresIn: int64(t.RefreshExpiresIn / time.Second), Scope: t.Scope.String(),
	}
}
