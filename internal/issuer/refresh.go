package issuer

import (
	"context"
	"errors"
	"slices"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
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

// Refresh exchanges a refresh token for its successor and a new access token
// (RFC 6749 §6, RFC 9700 §4.14.2). The successor is computed, not stored, so a
// retry gets the same one. invalid_grant is final: it is never the result of a
// store or a key that is not available.
func (i *Issuer) Refresh(ctx context.Context, caller client.Caller, r RefreshRequest) (*TokenResponse, error) {
	s, err := i.registry.Snapshot()
	if err != nil {
		return nil, err
	}
	rotation, err := i.grants.BeginRotation(ctx, s, r.RefreshToken)
	if err != nil {
		return nil, err
	}
	scope, err := oauth.ParseScope(r.Scope)
	if err != nil {
		return nil, err
	}
	if err := i.checkNarrowing(ctx, s, caller.Client, rotation.GrantID(), scope, r.Audience); err != nil {
		return nil, err
	}

	g, err := rotation.Rotate(ctx, caller, r.IdempotencyKey)
	if err != nil {
		return nil, err
	}
	t, err := i.refreshTarget(s, caller.Client, g, scope, r.Audience)
	if err != nil {
		return nil, err
	}
	return i.respond(ctx, "refresh", s, g, t, rotation.Handle())
}

// checkNarrowing returns an error for a scope or an audience that the grant
// does not have, before the grant is rotated. The scope and the audience of a
// grant never change, so the result still holds when the grant is rotated. A
// request that names neither needs no read.
func (i *Issuer) checkNarrowing(
	ctx context.Context, s *client.Snapshot, c client.Client, id oauth.GrantID, scope oauth.Scope, audience []string,
) error {
	if len(scope) == 0 && len(audience) == 0 {
		return nil
	}
	g, err := i.grants.Get(ctx, id)
	if errors.Is(err, oauth.NotFound) || err == nil && g.ClientID != c.ID {
		return nil // the rotation refuses it
	}
	if err != nil {
		return err
	}
	_, err = i.refreshTarget(s, c, g, scope, audience)
	return err
}

// refreshTarget returns the target of the grant, narrowed to what the request
// names. It omits an audience or a scope value that the client may no longer
// request, unless the request names it.
func (i *Issuer) refreshTarget(
	s *client.Snapshot, c client.Client, g grant.Grant, scope oauth.Scope, audience []string,
) (client.Target, error) {
	for _, name := range audience {
		if !slices.Contains(g.Audience, name) {
			return client.Target{}, oauth.Refused(oauth.InvalidTarget, nil)
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
		return client.Target{}, oauth.Refused(oauth.InvalidScope, nil)
	}
	if len(scope) == 0 {
		scope = g.Scope
	}
	t, err := i.registry.Target(s, c, audience)
	t.Scope = scope.Intersect(t.Scope)
	return t, err
}
