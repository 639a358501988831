package issuer

import (
	"context"

	"github.com/signetd/signet/internal/oauth"
)

// CredentialsRequest asks for an access token in the client's own name.
type CredentialsRequest struct {
	// Audience names who the token is for, all of them together; empty means the client's default.
	Audience []string
	Scope    string
}

// ClientCredentials makes the one access token that the grant type of that name gives (RFC 6749 §4.4), in the client's own
// name as Mint does, but for all audiences at once. There is no refresh token: the client can ask again (§4.4.3).
func (i *Issuer) ClientCredentials(_ context.Context, caller Caller, r CredentialsRequest) (*TokenResponse, error) {
	s, err := i.directory.fresh()
	if err != nil {
		return nil, err
	}
	if caller.Client.Public {
		return nil, oauth.Fail(oauth.UnauthorizedClient, "A public client gets no token in its own name: it cannot prove who it is.")
	}
	t, err := i.narrowed(s, caller.Client, r.Audience, r.Scope)
	if err != nil {
		return nil, err
	}
	id := caller.Client.ID
	signed, lifetime, err := i.signOwn("client_credentials", s, id, t)
	if err != nil {
		return nil, err
	}
	return &TokenResponse{AccessToken: signed, ExpiresIn: lifetime, Scope: t.scope, Subject: id}, nil
}
