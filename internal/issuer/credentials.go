package issuer

import (
	"context"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
)

// A CredentialsRequest is a request for an access token in the client's own
// name.
type CredentialsRequest struct {
	// Audience are the audiences of the one token. Empty means the client's
	// default.
	Audience []string
	Scope    string
}

// ClientCredentials issues the access token of the client credentials grant
// (RFC 6749 §4.4): one token for all audiences, and no refresh token (RFC 6749
// §4.4.3).
func (i *Issuer) ClientCredentials(
	ctx context.Context, caller client.Caller, r CredentialsRequest,
) (*TokenResponse, error) {
	minted := i.registry.Now()
	s, err := i.registry.Snapshot()
	if err != nil {
		return nil, err
	}
	if caller.Client.Public {
		return nil, oauth.Fail(oauth.UnauthorizedClient,
			"A public client gets no token in its own name, because it does not authenticate.")
	}

	t, err := i.registry.RequestedTarget(s, caller.Client, r.Audience, r.Scope)
	if err != nil {
		return nil, err
	}

	id := caller.Client.ID
	signed, lifetime, err := i.signer.signOwn(ctx, "client_credentials", s, id, accessPlan{target: t, minted: minted})
	if err != nil {
		return nil, err
	}
	return &TokenResponse{AccessToken: signed, ExpiresIn: lifetime, Scope: t.Scope, Subject: id}, nil
}
