package issuer

import (
	"context"
	"errors"
	"time"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/revocation"
	"github.com/signetd/signet/internal/token"
	"github.com/signetd/signet/keys"
)

// maxSignDelay is how long after its moment a token may be signed. A verifier
// does not use the moment in a jti that is far from iat, see
// revocation.MintedAt: then the token would count as newer than it is.
const maxSignDelay = 45 * time.Second

var errSlow = errors.New("the call took so long that its token may not be signed any more")

// fillTimeout bounds the wait for the signature of a cached token.
const fillTimeout = 10 * time.Second

// A signer makes and signs access tokens.
type signer struct {
	identifier      string
	keys            *keys.Manager
	revoked         revocations
	cache           cache
	now             func() time.Time // the store's clock
	issued          func(call, algorithm string)
	issuedFromCache func(call, algorithm string)
}

// An accessPlan is what an access token is for, and the user's claims in it.
type accessPlan struct {
	target client.Target
	claims map[string]any
	// minted is the moment of the token, see revocation.NewTokenID: by the
	// store's clock, and before the store decides that the token may be issued.
	minted time.Time
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
	if access.IssuedAt.Sub(p.minted) > maxSignDelay {
		return "", 0, oauth.Unavailable(errSlow)
	}
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

// access returns the claims of an access token that is issued now. Its jti has
// the moment of the plan.
func (s *signer) access(g grant.Grant, p accessPlan) token.Access {
	now, t := s.now(), p.target
	issued, lifetime := now.Truncate(time.Second), t.Lifetime
	access := token.Access{
		Issuer: s.identifier, Subject: g.UserID, Audience: t.Audience, ClientID: g.ClientID, Scope: t.Scope,
		IssuedAt: issued, AuthTime: g.AuthTime, ID: revocation.NewTokenID(p.minted), AMR: g.AMR,
		ACR: oauth.ACR(g.AMR), Claims: p.claims,
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
//
// It returns the error of checkRevoked for a token that would be refused.
func (s *signer) signOwn(
	ctx context.Context, call string, at *client.Snapshot, clientID string, p accessPlan,
) (string, time.Duration, error) {
	own, t := grant.Grant{UserID: clientID, ClientID: clientID}, p.target
	access := s.access(own, p)
	if err := s.checkRevoked(access); err != nil {
		return "", 0, err
	}
	if !t.ReuseTokens {
		var signing place
		defer signing.release()
		if err := signing.take(ctx, s.keys, t.Algorithm); err != nil {
			return "", 0, err
		}
		return s.sign(call, own, p)
	}
	if err := ctx.Err(); err != nil {
		return "", 0, oauth.Unavailable(err)
	}
	key, err := s.keys.Signer(t.Algorithm)
	if err != nil {
		return "", 0, oauth.Unavailable(err)
	}

	access.KeyID = key.KeyID
	in, fresh := newCacheKey(at.Version(), key.KeyID, access), newCacheEntry(access)
	entry, cached := s.cache.get(in, s.now, fresh)
	if cached && s.revoked.refuse(entry.access) {
		s.cache.remove(in, entry)
		entry, cached = s.cache.get(in, s.now, fresh)
	}
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
	return signed, max(entry.access.ExpiresAt.Sub(s.now()), 0), nil
}

// checkRevoked returns temporarily_unavailable for a new token that verifiers
// would refuse for its whole lifetime: for a few seconds after a user, a client
// or an audience was disabled and enabled again. A refresh does not call it,
// because its caller must get the refresh token.
func (s *signer) checkRevoked(access token.Access) error {
	if s.revoked.refuse(access) {
		return oauth.Unavailable(ErrRevoked)
	}
	return nil
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
