package grant

import (
	"context"
	"errors"
	"math"

	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/token"
	"github.com/signetd/signet/keys"
)

// maxGeneration is the last generation. A token of it cannot be rotated.
const maxGeneration = math.MaxUint32

var errLastGeneration = errors.New("the grant has no further generation")

// OpenToken decodes a refresh token and verifies its MAC. It does not read the
// grant. It returns invalid_grant for a token that the issuer did not make.
func (s *Service) OpenToken(ctx context.Context, text string) (token.Refresh, error) {
	sealed, err := token.ParseRefresh(text)
	if err != nil {
		return token.Refresh{}, oauth.Refused(oauth.InvalidGrant, err)
	}

	secret, err := s.o.Keys.MAC(ctx, sealed.KeyID)
	if keys.IsUnusable(err) {
		return token.Refresh{}, oauth.Refused(oauth.InvalidGrant, err)
	} else if err != nil {
		return token.Refresh{}, oauth.Unavailable(err)
	}

	r, err := sealed.Verify(secret)
	if err == nil && r.Generation == maxGeneration {
		err = errLastGeneration
	}
	if err != nil {
		return token.Refresh{}, oauth.Refused(oauth.InvalidGrant, err)
	}
	return r, nil
}

// Token returns the refresh token of the grant's current generation. Every call
// for one generation returns the same text.
func (s *Service) Token(ctx context.Context, g Grant, handle oauth.Handle) (string, error) {
	secret, err := s.o.Keys.MAC(ctx, g.MACKey)
	if err != nil {
		return "", oauth.Unavailable(err)
	}
	text, err := token.Refresh{KeyID: g.MACKey, Handle: handle, Generation: g.Generation}.Encode(secret)
	if err != nil {
		return "", oauth.Refused(oauth.ServerError, err)
	}
	return text, nil
}
