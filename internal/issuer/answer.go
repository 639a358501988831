package issuer

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/login"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/token"
	"github.com/signetd/signet/keys"
)

// answer makes both tokens of a grant: an access token for the target, and the refresh token of the grant's generation. It
// is the same refresh token however often it is made.
func (i *Issuer) answer(ctx context.Context, call string, s *snapshot, g grant.Grant, t target, handle oauth.Handle) (*TokenResponse, error) {
	refresh, err := i.refreshToken(ctx, g, handle)
	if err != nil {
		return nil, err
	}
	claims, err := i.grantClaims(ctx, g, t.claims)
	if err != nil {
		return nil, err
	}
	signed, lifetime, err := i.sign(call, s, g, t, claims)
	if err != nil {
		return nil, err
	}
	return &TokenResponse{
		AccessToken: signed, ExpiresIn: lifetime, RefreshToken: refresh, RefreshExpiresIn: refreshExpiresIn(g, i.storeTime(s)),
		Scope: t.scope, Subject: g.UserID, GrantID: g.ID,
	}, nil
}

func (i *Issuer) refreshToken(ctx context.Context, g grant.Grant, handle oauth.Handle) (string, error) {
	secret, err := i.keys.MAC(ctx, g.MACKey)
	if err != nil {
		return "", oauth.Unavailable(err)
	}
	text, err := token.Refresh{Key: g.MACKey, Handle: handle, Generation: g.Generation}.Encode(secret)
	if err != nil {
		return "", oauth.Refused(oauth.ServerError, err)
	}
	return text, nil
}

// sign makes an access token for a target: the grant says for whom. What is minted without a refresh token has a grant with
// no id, which is never stored and never ends. call is what the operator's count knows it by.
func (i *Issuer) sign(call string, s *snapshot, g grant.Grant, t target, claims map[string]any) (string, time.Duration, error) {
	signer, err := i.keys.Signer(t.algorithm)
	if err != nil {
		return "", 0, oauth.Unavailable(err)
	}
	access := i.access(s, g, t, claims)
	signed, err := i.signAccess(call, signer, access)
	return signed, access.ExpiresAt.Sub(access.IssuedAt), err
}

// access is what such a token says. It begins to live now.
func (i *Issuer) access(s *snapshot, g grant.Grant, t target, claims map[string]any) token.Access {
	now, lifetime := i.now().Truncate(time.Second), t.lifetime
	access := token.Access{
		Issuer: i.identifier, Subject: g.UserID, Audience: t.audience, ClientID: g.ClientID, Scope: t.scope,
		IssuedAt: now, AuthTime: g.AuthTime, ID: token.NewID(), AMR: g.AMR, Claims: claims,
	}
	if g.ID != (oauth.GrantID{}) { // no access token outlives its grant's absolute lifetime
		access.GrantID, lifetime = g.ID.String(), min(lifetime, g.ExpiresAt.Sub(i.storeTime(s)))
	}
	lifetime = max(lifetime.Truncate(time.Second), time.Second)
	access.ExpiresAt = now.Add(lifetime)
	if slices.Contains(g.AMR, amrPassword) {
		access.ACR = acrPassword
	}
	return access
}

func (i *Issuer) signAccess(call string, signer keys.Signer, access token.Access) (string, error) {
	signed, err := token.SignAccess(signer, access)
	switch {
	case errors.Is(err, token.ErrTooLong):
		return "", oauth.Because(oauth.InvalidRequest, "The token would have more than 8 KiB; ask for less.", err)
	case err != nil:
		return "", oauth.Refused(oauth.ServerError, err)
	}
	i.watch.Issued(call, signer.Algorithm)
	return signed, nil
}

// refreshExpiresIn is how long the grant's refresh token can still be used.
func refreshExpiresIn(g grant.Grant, now time.Time) time.Duration {
	return max(g.EndsAt().Sub(now), 0)
}

// grantClaims returns those claims of the grant and of its user that the audiences ask for. Only then is the user read; a
// subject that is none of ours has no other claims than the grant's.
func (i *Issuer) grantClaims(ctx context.Context, g grant.Grant, names []string) (map[string]any, error) {
	if len(names) == 0 {
		return nil, nil
	}
	user, err := i.userOf(ctx, g.UserID)
	if err != nil {
		return nil, err
	}
	return pick(names, g.Claims, user.Claims), nil
}

// userOf returns the user that the subject is, none if it is not one of ours, or invalid_grant if the user was deleted.
func (i *Issuer) userOf(ctx context.Context, subject string) (login.User, error) {
	if !strings.HasPrefix(subject, oauth.UserIDPrefix) {
		return login.User{}, nil
	}
	user, err := i.store.UserByID(ctx, subject)
	if errors.Is(err, oauth.NotFound) {
		return user, oauth.Refused(oauth.InvalidGrant, err)
	}
	return user, oauth.FromStore(err)
}

// enabledUser does it for what is not held by a grant, which would be suspended: a user who is disabled is invalid_grant too.
func (i *Issuer) enabledUser(ctx context.Context, subject string) (login.User, error) {
	user, err := i.userOf(ctx, subject)
	if err == nil && !user.DisabledAt.IsZero() {
		err = oauth.Refused(oauth.InvalidGrant, errors.New(audit.DisabledUser))
	}
	return user, err
}

// pick returns the claims of those names; a later source goes before an earlier one.
func pick(names []string, sources ...map[string]any) map[string]any {
	picked := make(map[string]any, len(names))
	for _, claims := range sources {
		for _, name := range names {
			if v, ok := claims[name]; ok {
				picked[name] = v
			}
		}
	}
	return picked
}
