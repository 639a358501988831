package web

import (
	"context"
	"time"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/oauth"
)

// bearer is the token_type of all access tokens (RFC 6750).
const bearer = "Bearer"

// A tokenResponse is the response of the token endpoint (RFC 6749 §5.1).
type tokenResponse struct {
	AccessToken      string `json:"access_token"`
	TokenType        string `json:"token_type"`
	ExpiresIn        int64  `json:"expires_in"`
	RefreshToken     string `json:"refresh_token,omitempty"`
	RefreshExpiresIn int64  `json:"refresh_expires_in,omitempty"`
	Scope            string `json:"scope,omitempty"`
}

// The grant types of the token endpoint.
const (
	clientCredentialsGrant = "client_credentials"
	refreshTokenGrant      = "refresh_token"
)

// A tokenEndpoint is the token endpoint (RFC 6749 §3.2).
type tokenEndpoint struct{ issuer *issuer.Issuer }

// respond issues tokens by grant type (RFC 6749 §4.4 and §6). There is no grant
// type for passwords, which RFC 9700 §2.4 forbids. A login is the gRPC call
// Login.
func (e tokenEndpoint) respond(ctx context.Context, caller client.Caller, f form) (any, error) {
	grantType, err := f.required("grant_type")
	if err != nil {
		return nil, err
	}
	switch grantType {
	case clientCredentialsGrant:
		return e.clientCredentials(ctx, caller, f)
	case refreshTokenGrant:
		return e.refresh(ctx, caller, f)
	}
	return nil, oauth.Refused(oauth.UnsupportedGrantType, nil)
}

func (e tokenEndpoint) clientCredentials(ctx context.Context, caller client.Caller, f form) (any, error) {
	t, err := e.issuer.ClientCredentials(ctx, caller, issuer.CredentialsRequest{
		Audience: f.resources, Scope: f.get("scope"),
	})
	if err != nil {
		return nil, err
	}
	return newTokenResponse(t), nil
}

func (e tokenEndpoint) refresh(ctx context.Context, caller client.Caller, f form) (any, error) {
	refreshToken, err := f.required("refresh_token")
	if err != nil {
		return nil, err
	}
	t, err := e.issuer.Refresh(ctx, caller, issuer.RefreshRequest{
		RefreshToken: refreshToken, Scope: f.get("scope"), Audience: f.resources, IdempotencyKey: f.idempotencyKey,
	})
	if err != nil {
		return nil, err
	}
	return newTokenResponse(t), nil
}

func newTokenResponse(t *issuer.TokenResponse) tokenResponse {
	return tokenResponse{
		AccessToken:      t.AccessToken,
		TokenType:        bearer,
		ExpiresIn:        int64(t.ExpiresIn / time.Second),
		RefreshToken:     t.RefreshToken,
		RefreshExpiresIn: int64(t.RefreshExpiresIn / time.Second),
		Scope:            t.Scope.String(),
	}
}
