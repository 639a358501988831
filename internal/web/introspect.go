package web

import (
	"context"
	"errors"
	"time"

	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/oauth"
)

// introspection is RFC 7662 §2.2. token_type is Bearer for an access token; a refresh token says what it is instead, so that
// nobody takes it for one.
type introspection struct {
	Active    bool     `json:"active"`
	Scope     string   `json:"scope,omitempty"`
	ClientID  string   `json:"client_id,omitempty"`
	TokenType string   `json:"token_type,omitempty"`
	ExpiresAt int64    `json:"exp,omitempty"`
	IssuedAt  int64    `json:"iat,omitempty"`
	AuthTime  int64    `json:"auth_time,omitempty"`
	Subject   string   `json:"sub,omitempty"`
	Audience  []string `json:"aud,omitempty"`
	Issuer    string   `json:"iss,omitempty"`
	TokenID   string   `json:"jti,omitempty"`
	GrantID   string   `json:"sid,omitempty"`
}

// introspect tells what a token is worth now (RFC 7662 §2.1), which wants a caller who has proved who it is: a public client
// has not.
func (e *endpoints) introspect(ctx context.Context, caller issuer.Caller, f form) (any, error) {
	if caller.Client.Public {
		return nil, oauth.Refused(oauth.InvalidClient, errPublic)
	}
	token, err := f.required("token")
	if err != nil {
		return nil, err
	}
	found, err := e.issuer.Introspect(ctx, caller, token)
	if err != nil {
		return nil, err
	}
	return introspection{
		Active: found.Active, Scope: found.Scope.String(), ClientID: found.ClientID, TokenType: tokenTypes[found.TokenType],
		ExpiresAt: unix(found.ExpiresAt), IssuedAt: unix(found.IssuedAt), AuthTime: unix(found.AuthTime),
		Subject: found.Subject, Audience: found.Audience, Issuer: found.Issuer, TokenID: found.TokenID, GrantID: found.GrantID,
	}, nil
}

var errPublic = errors.New("a public client asks for an introspection")

// tokenTypes translates what the issuer calls the kinds of tokens.
var tokenTypes = map[string]string{"access_token": bearer, "refresh_token": "refresh_token"}

// unix leaves out the zero time.
func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}
