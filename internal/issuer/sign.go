package issuer

import (
	"errors"
	"time"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/token"
	"github.com/signetd/signet/keys"
)

// A signer makes and signs access tokens.
type signer struct {
	identifier      string
	keys            *keys.Manager
	cache           cache
	now             func() time.Time // the store's clock
	issued          func(call, algorithm string)
	issuedFromCache func(call, algorithm string)
}

// sign makes an access token for a target. The subject is that of the grant. A
// token without a refresh token has a grant without an id, which is not stored.
// call is the name of the call for the observer.
func (s *signer) sign(
	call string, at *client.Snapshot, g grant.Grant, t client.Target, claims map[string]any,
) (string, time.Duration, error) {
	key, err := s.keys.Signer(t.Algorithm)
	if err != nil {
		return "", 0, oauth.Unavailable(err)
	}
	access := s.access(at, g, t, claims)
	signed, err := s.signAccess(call, key, access)
	return signed, access.ExpiresAt.Sub(access.IssuedAt), err
}

// access returns the claims of an access token that is issued now.
func (s *signer) access(at *client.Snapshot, g grant.Grant, t client.Target, claims map[string]any) token.Access {
	now := s.now()
	issued, lifetime := now.Truncate(time.Second), t.Lifetime
	access := token.Access{
		Issuer: s.identifier, Subject: g.UserID, Audience: t.Audience, ClientID: g.ClientID, Scope: t.Scope,
		IssuedAt: issued, AuthTime: g.AuthTime, ID: token.NewID(), AMR: g.AMR, ACR: oauth.ACR(g.AMR), Claims: claims,
	}
	if g.ID != (oauth.GrantID{}) { // no access token outlives its grant's absolute lifetime
		access.GrantID, lifetime = g.ID.String(), min(lifetime, g.ExpiresAt.Sub(now))
	}
	lifetime = max(lifetime.Truncate(time.Second), time.Second)
	access.ExpiresAt = issued.Add(lifetime)
	return access
}

func (s *signer) signAccess(call string, key keys.Signer, access token.Access) (string, error) {
	signed, err := token.SignAccess(key, access)
	switch {
	case errors.Is(err, token.ErrTooLong):
		return "", oauth.Wrap(oauth.InvalidRequest, "The token would have more than 8 KiB; ask for less.", err)
	case err != nil:
		return "", oauth.Refused(oauth.ServerError, err)
	}
	s.issued(call, key.Algorithm)
	return signed, nil
}

// signOwn makes an access token in the client's own name. If all its audiences
// allow the token cache, it may return a cached token with the same claims, and
// the rest of its lifetime. It gets the signing key first: without one, it
// returns no cached token, and it does not reuse a token of another key.
func (s *signer) signOwn(
	call string, at *client.Snapshot, clientID string, t client.Target,
) (string, time.Duration, error) {
	own := grant.Grant{UserID: clientID, ClientID: clientID}
	if !t.ReuseTokens {
		return s.sign(call, at, own, t, nil)
	}
	key, err := s.keys.Signer(t.Algorithm)
	if err != nil {
		return "", 0, oauth.Unavailable(err)
	}

	access := s.access(at, own, t, nil)
	in := newCacheKey(at.Version(), key.KeyID, access)
	entry, cached := s.cache.get(in, s.now, newCacheEntry(access, func() (string, error) {
		return s.signAccess(call, key, access)
	}))
	signed, err := entry.sign()
	switch {
	case err != nil:
		s.cache.remove(in, entry)
		return "", 0, err
	case !cached:
		return signed, access.ExpiresAt.Sub(access.IssuedAt), nil
	}
	s.issuedFromCache(call, t.Algorithm)
	return signed, max(entry.expires.Sub(s.now()), 0), nil
}
