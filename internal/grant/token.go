package grant

import (
	"context"

	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/token"
)

// OpenToken decodes a refresh token and verifies its MAC. It does not read the
// grant. It returns invalid_grant for a token that the issuer did not make, and
// for one that it refuses.
func (s *Service) OpenToken(ctx context.Context, text string) (token.Refresh, error) {
	r, err := s.o.verifier().Refresh(ctx, text)
	if err != nil {
		return token.Refresh{}, token.Refusal(oauth.InvalidGrant, err)
	}
	return r, nil
}

// OpenSession decodes a session token and verifies its MAC. It does not read
// the grant. It returns invalid_grant for a token that the issuer did not make,
// and for one that it refuses.
func (s *Service) OpenSession(ctx context.Context, text string) (token.Session, error) {
	session, err := s.o.verifier().Session(ctx, text)
	if err != nil {
		return token.Session{}, token.Refusal(oauth.InvalidGrant, err)
	}
	return session, nil
}

// verifier returns the verifier of the issuer's tokens.
func (o Options) verifier() token.Verifier {
	return token.Verifier{Issuer: o.Issuer, Keys: o.Keys, Now: o.Registry.Now}
}

// Token returns the refresh token of the grant's current generation. Every call
// for one generation returns the same text.
func (s *Service) Token(ctx context.Context, g Grant, handle oauth.Handle) (string, error) {
	secret, err := s.o.Keys.MAC(ctx, g.MACKey)
	if err != nil {
		return "", oauth.Unavailable(err)
	}
	return encodeToken(g, handle, secret)
}

func encodeToken(g Grant, handle oauth.Handle, secret []byte) (string, error) {
	text, err := token.Refresh{KeyID: g.MACKey, Handle: handle, Generation: g.Generation}.Encode(secret)
	if err != nil {
		return "", oauth.Refused(oauth.ServerError, err)
	}
	return text, nil
}

// SessionToken returns the session token of the grant. Every call for one grant
// returns the same text, because the grant is never rotated.
func (s *Service) SessionToken(ctx context.Context, g Grant, handle oauth.Handle) (string, error) {
	secret, err := s.o.Keys.MAC(ctx, g.MACKey)
	if err != nil {
		return "", oauth.Unavailable(err)
	}
	text, err := token.Session{KeyID: g.MACKey, Handle: handle}.Encode(secret)
	if err != nil {
		return "", oauth.Refused(oauth.ServerError, err)
	}
	return text, nil
}
