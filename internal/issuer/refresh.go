package issuer

import (
	"context"
	"errors"
	"slices"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/token"
)

// A RefreshRequest is a request with a refresh token (RFC 6749 §6).
type RefreshRequest struct {
	RefreshToken string
	// Scope and Audience may narrow the new access token. The grant keeps its
	// own.
	Scope    string
	Audience []string
	// IdempotencyKey belongs to the stored refresh token. All retries with that
	// token have the same key.
	IdempotencyKey string
}

var errNotRotated = errors.New("the grant was not rotated")

// Refresh exchanges a refresh token for its successor and a new access token
// (RFC 6749 §6, RFC 9700 §4.14.2). The successor is computed, not stored, so a
// retry gets the same one. invalid_grant is final: it is never the result of a
// store or a key that is not available. Everything that can refuse the request
// comes before the rotation. An error after it is temporarily_unavailable. Like
// PrepareLogin, it refuses a client whose logins are in cookies.
func (i *Issuer) Refresh(ctx context.Context, caller client.Caller, r RefreshRequest) (*TokenResponse, error) {
	if err := checkOrigin(caller); err != nil {
		return nil, err
	}
	s, err := i.registry.Snapshot()
	if err != nil {
		return nil, err
	}
	scope, err := oauth.ParseScope(r.Scope)
	if err != nil {
		return nil, err
	}
	rotation, err := i.grants.BeginRotation(ctx, caller, r.RefreshToken, r.IdempotencyKey)
	if err != nil {
		return nil, err
	}

	f := refresh{issuer: i, snapshot: s, client: caller.Client, scope: scope, audience: r.Audience}
	defer f.place.release()
	response, err := f.run(ctx, rotation)
	return response, rotation.End(ctx, err)
}

// A refresh is a refresh request with what it needs to be answered.
type refresh struct {
	issuer   *Issuer
	snapshot *client.Snapshot
	client   client.Client
	// scope and audience are those of the request. They may be empty.
	scope    oauth.Scope
	audience []string
	// place is the place in the queue of signatures.
	place place
}

// run rotates the grant and issues the tokens. The usual request needs one call
// of the store, because none of the client's audiences needs a check. Otherwise
// run reads the grant first, and checks its token before the rotation.
func (f *refresh) run(ctx context.Context, rotation *grant.Rotation) (*TokenResponse, error) {
	audience, err := f.reserveForAll(ctx)
	if err != nil {
		return nil, err
	}
	var p *accessPlan // nil until it is known
	if len(audience) == 0 {
		g, ok, err := rotation.Grant(ctx)
		if err != nil {
			return nil, err
		}
		if ok { // else the store decides why it does not rotate a grant
			if p, err = f.check(ctx, g); err != nil {
				return nil, err
			}
			audience = g.Audience
		}
	}

	result, err := rotation.Rotate(ctx, audience)
	if err == nil && result.Outcome == grant.Unchecked {
		if p, err = f.check(ctx, result.Grant); err != nil {
			return nil, err
		}
		result, err = rotation.Rotate(ctx, result.Grant.Audience)
	}
	if err != nil {
		return nil, err
	}
	return f.respond(ctx, rotation, result, p)
}

// respond issues the tokens after the rotation. p is nil if the token needed no
// check.
func (f *refresh) respond(
	ctx context.Context, rotation *grant.Rotation, result grant.RefreshResult, p *accessPlan,
) (*TokenResponse, error) {
	var err error
	if !result.Outcome.Accepted() {
		return nil, oauth.Unavailable(errNotRotated)
	}
	if p == nil {
		if p, err = f.prepare(ctx, result.Grant); err != nil {
			return nil, err
		}
	}
	p.minted = rotation.Moment(result.Grant)
	refreshToken, err := rotation.Token(ctx, result.Grant)
	if err != nil {
		return nil, err
	}
	return f.issuer.respond("refresh", result.Grant, *p, refreshToken)
}

// reserveForAll returns audiences for which no refresh of the client can be
// refused, and takes a place for their signature. There are none if the request
// names a scope or an audience, because the grant may not have it.
func (f *refresh) reserveForAll(ctx context.Context) ([]string, error) {
	if len(f.scope) > 0 || len(f.audience) > 0 {
		return nil, nil
	}
	audience, algorithm := f.issuer.registry.PlainAudiences(f.snapshot, f.client)
	if len(audience) == 0 {
		return nil, nil
	}
	key, err := f.issuer.keys.Signer(algorithm)
	if err != nil {
		return nil, oauth.Unavailable(err)
	}
	if !token.AlwaysFits(key, f.issuer.identifier, audience, f.client.Scope) {
		return nil, nil
	}
	return audience, f.place.take(ctx, f.issuer.keys, algorithm)
}

// check is prepare for a grant that is not rotated yet. It returns an error for
// a token that could not be signed.
func (f *refresh) check(ctx context.Context, g grant.Grant) (*accessPlan, error) {
	p, err := f.prepare(ctx, g)
	if err != nil {
		return nil, err
	}
	return p, f.issuer.signer.check(g, *p)
}

// prepare determines the access token of the grant and takes a place for its
// signature. It returns an error for a token that may not be issued.
func (f *refresh) prepare(ctx context.Context, g grant.Grant) (*accessPlan, error) {
	target, err := f.issuer.refreshTarget(f.snapshot, f.client, g, f.scope, f.audience)
	if err != nil {
		return nil, err
	}
	claims, err := f.issuer.subjects.claims(ctx, g, target.Claims)
	if err != nil {
		return nil, err
	}
	return &accessPlan{target: target, claims: claims}, f.place.take(ctx, f.issuer.keys, target.Algorithm)
}

// refreshTarget returns the target of the grant, narrowed to what the request
// names. It omits an audience or a scope value that the client may no longer
// request, unless the request names it.
func (i *Issuer) refreshTarget(
	s *client.Snapshot, c client.Client, g grant.Grant, scope oauth.Scope, audience []string,
) (client.Target, error) {
	for _, name := range audience {
		if !slices.Contains(g.Audience, name) {
			return client.Target{}, oauth.RefusedAudience("The grant has no audience %s.", name, grant.ErrBeyondGrant)
		}
	}
	if len(audience) == 0 {
		lost := func(name string) bool {
			_, ok := s.Audience(c, name)
			return !ok
		}
		if audience = g.Audience; slices.ContainsFunc(audience, lost) {
			audience = slices.DeleteFunc(slices.Clone(audience), lost)
		}
	}

	if !scope.Within(g.Scope) {
		return client.Target{}, oauth.Refused(oauth.InvalidScope, grant.ErrBeyondGrant)
	}
	if len(scope) == 0 {
		scope = g.Scope
	}
	t, err := i.registry.Target(s, c, audience)
	t.Scope = scope.Intersect(t.Scope)
	return t, err
}
