package issuer

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/token"
)

// answer makes both tokens of a grant: an access token for the target, and the refresh token of the grant's generation. It
// is the same refresh token however often it is made. call is what the operator's count knows it by.
func (i *Issuer) answer(ctx context.Context, call string, s *snapshot, g oauth.Grant, t target, handle oauth.Handle) (*TokenResponse, error) {
	signer, err := i.keys.Signer(t.algorithm)
	if err != nil {
		return nil, oauth.Unavailable(err)
	}
	secret, err := i.keys.MAC(ctx, g.MACKey)
	if err != nil {
		return nil, oauth.Unavailable(err)
	}
	refresh, err := token.Refresh{Key: g.MACKey, Handle: handle, Generation: g.Generation}.Encode(secret)
	if err != nil {
		return nil, oauth.Refused(oauth.ServerError, err)
	}
	claims, err := i.userClaims(ctx, g.UserID, t.claims)
	if err != nil {
		return nil, err
	}
	storeNow, now := i.storeTime(s), i.now().Truncate(time.Second)
	// No access token outlives its grant's absolute lifetime.
	lifetime := max(min(t.lifetime, g.ExpiresAt.Sub(storeNow)).Truncate(time.Second), time.Second)
	access := token.Access{
		Issuer: i.identifier, Subject: g.UserID, Audience: t.audience, ClientID: g.ClientID, Scope: t.scope,
		IssuedAt: now, ExpiresAt: now.Add(lifetime), AuthTime: g.AuthTime, ID: token.NewID(),
		AMR: g.AMR, GrantID: g.ID.String(), Claims: claims,
	}
	if slices.Contains(g.AMR, amrPassword) {
		access.ACR = acrPassword
	}
	signed, err := token.SignAccess(signer, access)
	if err != nil {
		return nil, oauth.Refused(oauth.ServerError, err)
	}
	i.watch.Issued(call, t.algorithm)
	return &TokenResponse{
		AccessToken: signed, ExpiresIn: lifetime, RefreshToken: refresh, RefreshExpiresIn: refreshExpiresIn(g, storeNow),
		Scope: t.scope, Subject: g.UserID, GrantID: g.ID,
	}, nil
}

// refreshExpiresIn is how long the grant's refresh token can still be used.
func refreshExpiresIn(g oauth.Grant, now time.Time) time.Duration {
	return max(g.EndsAt().Sub(now), 0)
}

// userClaims returns those of the user's claims that the audiences ask for. Only then is the user read.
func (i *Issuer) userClaims(ctx context.Context, userID string, names []string) (map[string]any, error) {
	if len(names) == 0 {
		return nil, nil
	}
	user, err := i.store.UserByID(ctx, userID)
	if errors.Is(err, oauth.NotFound) {
		return nil, oauth.Refused(oauth.InvalidGrant, err)
	} else if err != nil {
		return nil, oauth.FromStore(err)
	}
	claims := make(map[string]any, len(names))
	for _, name := range names {
		if v, ok := user.Claims[name]; ok {
			claims[name] = v
		}
	}
	return claims, nil
}
