package web

import (
	"context"
	"errors"
	"time"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/oauth"
)

// An introspectionResponse is the response of the introspection endpoint
// (RFC 7662 §2.2). The token_type of an access token is Bearer. That of a
// refresh token is refresh_token, so that no API accepts it as an access token.
type introspectionResponse struct {
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

// An introspectionEndpoint is the introspection endpoint (RFC 7662 §2).
type introspectionEndpoint struct{ inspector *issuer.Inspector }

// respond returns the current state of a token. RFC 7662 §2.1 requires that the
// caller is authenticated. A public client is not, so it gets an error.
func (e introspectionEndpoint) respond(ctx context.Context, caller client.Caller, f form) (any, error) {
	if caller.Client.Public {
		return nil, oauth.Refused(oauth.InvalidClient, errPublicClient)
	}
	token, err := f.required("token")
	if err != nil {
		return nil, err
	}

	state, err := e.inspector.Introspect(ctx, caller, token)
	if err != nil {
		return nil, err
	}
	return introspectionResponse{
		Active:    state.Active,
		Scope:     state.Scope.String(),
		ClientID:  state.ClientID,
		TokenType: tokenTypes[state.TokenType],
		ExpiresAt: unixTime(state.ExpiresAt),
		IssuedAt:  unixTime(state.IssuedAt),
		AuthTime:  unixTime(state.AuthTime),
		Subject:   state.Subject,
		Audience:  state.Audience,
		Issuer:    state.Issuer,
		TokenID:   state.TokenID,
		GrantID:   state.GrantID,
	}, nil
}

var errPublicClient = errors.New("a public client must not introspect tokens")

// tokenTypes maps the token types of package issuer to values of token_type.
var tokenTypes = map[string]string{"access_token": bearer, "refresh_token": "refresh_token"}

// unixTime returns t in seconds since 1970, or 0 for the zero time. The JSON
// encoding omits 0.
func unixTime(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}
