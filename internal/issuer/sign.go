package issuer

import (
	"context"
	"errors"
	"time"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/token"
	"github.com/signetd/signet/keys"
)

// fillTimeout bounds the wait for the signature of a cached token.
const fillTimeout = 10 * time.Second

// A signer makes and signs access tokens.
type signer struct {
	identifier      string
	keys            *keys.Manager
	cache           cache
	now             func() time.Time // the store's clock
	issued          func(call, algorithm string)
	issuedFromCache func(call, algorithm string)
}

// An accessPlan is what an access token is for, and the user's claims in it.
type accessPlan struct {
	target client.Target
	claims map[string]any
}

// sign makes an access token. The subject is that of the grant. A token without
// a refresh token has a grant without an id, which is not stored. call is the
// name of the call for the observer. The caller has a place for the signature.
func (s *signer) sign(call string, g grant.Grant, p accessPlan) (string, time.Duration, error) {
	key, err := s.keys.Signer(p.target.Algorithm)
	if err != nil {
		return "", 0, oauth.Unavailable(err)
	}
	access := s.access(g, p)
	signed, err := s.signAccess(call, key, access)
	return signed, access.ExpiresAt.Sub(access.IssuedAt), err
}

// check returns the error of sign for a token that may not be issued: one that
// is too long, for example. It signs nothing.
func (s *signer) check(g grant.Grant, p accessPlan) error {
	key, err := s.keys.Signer(p.target.Algorithm)
	if err != nil {
		return oauth.Unavailable(err)
	}
	return signError(token.CheckAccess(key, s.access(g, p)))
}

// access returns the claims of an access token that is issued now.
func (s *signer) access(g grant.Grant, p accessPlan) token.Access {
	now, t := s.now(), p.target
	issued, lifetime := now.Truncate(time.Second), t.Lifetime
	access := token.Access{
		Issuer: s.identifier, Subject: g.UserID, Audience: t.Audience, ClientID: g.ClientID, Scope: t.Scope,
		IssuedAt: issued, AuthTime: g.AuthTime, ID: token.NewID(), AMR: g.AMR, ACR: oauth.ACR(g.AMR), Claims: p.claims,
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
	if err != nil {
		return "", signError(err)
	}
	s.issued(call, key.Algorithm)
	return signed, nil
}

// signError returns the error for the caller for an error of token.SignAccess.
func signError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, token.ErrTooLong):
		return oauth.Wrap(oauth.InvalidRequest, "The token would have more than 8 KiB; ask for less.", err)
	}
	return oauth.Refused(oauth.ServerError, err)
}

// signOwn makes an access token in the client's own name. If all its audiences
// allow the token cache, it may return a cached token with the same claims, and
// the rest of its lifetime. It gets the signing key first: without one, it
// returns no cached token, and it does not reuse a token of another key.
func (s *signer) signOwn(
	ctx context.Context, call string, at *client.Snapshot, clientID string, t client.Target,
) (string, time.Duration, error) {
	own := grant.Grant{UserID: clientID, ClientID: clientID}
	if !t.ReuseTokens {
		var p place
		defer p.release()
		if err := p.take(ctx, s.keys, t.Algorithm); err != nil {
			return "", 0, err
		}
		return s.sign(call, own, accessPlan{target: t})
	}
	if err := ctx.Err(); err != nil {
		return "", 0, oauth.Unavailable(err)
	}
	key, err := s.keys.Signer(t.Algorithm)
	if err != nil {
		return "", 0, oauth.Unavailable(err)
	}

	access := s.access(own, accessPlan{target: t})
	in := newCacheKey(at.Version(), key.KeyID, access)
	entry, cached := s.cache.get(in, s.now, newCacheEntry(access))
	if !cached {
		go s.fill(context.WithoutCancel(ctx), call, key, access, in, entry)
	}
	signed, err := entry.wait(ctx)
	switch {
	case err != nil:
		return "", 0, err
	case !cached:
		return signed, access.ExpiresAt.Sub(access.IssuedAt), nil
	}
	s.issuedFromCache(call, t.Algorithm)
	return signed, max(entry.expires.Sub(s.now()), 0), nil
}

// fill signs the token of a new cache entry. Its context is not that of one
// request, because all requests with the same claims wait for the entry.
func (s *signer) fill(
	ctx context.Context, call string, key keys.Signer, access token.Access, in cacheKey, entry *cacheEntry,
) {
	ctx, cancel := context.WithTimeout(ctx, fillTimeout)
	defer cancel()
	var p place
	defer p.release()
	signed, err := "", p.take(ctx, s.keys, key.Algorithm)
	if err == nil {
		signed, err = s.signAccess(call, key, access)
	}
	if err != nil {
		s.cache.remove(in, entry)
	}
	entry.finish(signed, err)
}
