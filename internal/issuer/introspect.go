package issuer

import (
	"context"
	"errors"
	"time"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/token"
)

// An Introspection is the state of a token (RFC 7662 §2.2). If Active is false,
// all other fields are zero.
type Introspection struct {
	Active   bool
	Scope    oauth.Scope
	ClientID string
	Subject  string
	Audience []string
	Issuer   string
	// TokenID is the jti of an access token.
	TokenID string
	GrantID string
	// TokenType is access_token or refresh_token.
	TokenType string
	ExpiresAt time.Time
	IssuedAt  time.Time
	AuthTime  time.Time
}

// An Inspector checks tokens that the issuer made: for introspection, and for
// callers of the issuer's own API.
type Inspector struct {
	identifier string
	registry   *client.Registry
	verifier   token.Verifier
	grants     *grant.Service
	subjects   subjects
	revoked    revocations
}

// NewInspector returns an Inspector. It uses the fields Identifier, Registry,
// Keys, Grants, Revocations and Subject.
func NewInspector(o Options) *Inspector {
	return &Inspector{
		identifier: o.Identifier, registry: o.Registry, verifier: o.verifier().RememberSignatures(), grants: o.Grants,
		subjects: subjects{o.Subject}, revoked: newRevocations(o.Revocations),
	}
}

// Introspect returns the state of a token to the client that it was issued to,
// and that of an access token also to its audiences, see client.MayIntrospect.
// For every other caller, and for a token that is not valid, the result is not
// active. If Introspect cannot decide whether the token is valid, it returns
// temporarily_unavailable. It reads the grant from the store, so a revocation
// has effect at once. It also refuses what verifiers refuse, see
// Options.Revocations.
func (i *Inspector) Introspect(ctx context.Context, caller client.Caller, text string) (Introspection, error) {
	s, err := i.registry.Snapshot()
	if err != nil {
		return Introspection{}, err
	}
	var found Introspection
	if token.HasRefreshPrefix(text) {
		found, err = i.introspectRefresh(ctx, s, caller, text)
	} else {
		found, err = i.introspectAccess(ctx, s, caller, text)
	}
	if errors.Is(err, oauth.InvalidGrant) {
		return Introspection{}, nil
	}
	return found, err
}

func (i *Inspector) introspectAccess(
	ctx context.Context, s *client.Snapshot, caller client.Caller, text string,
) (Introspection, error) {
	access, err := i.verifier.Access(ctx, text)
	if err != nil {
		return Introspection{}, token.Refusal(oauth.InvalidGrant, err)
	}
	if access.ClientID != caller.Client.ID && !caller.Client.MayIntrospect(access.Audience) {
		return Introspection{}, oauth.Refused(oauth.InvalidGrant, grant.ErrNotCallers)
	}
	if err := i.checkActive(ctx, s, access); err != nil {
		return Introspection{}, err
	}
	return Introspection{
		Active: true, Scope: access.Scope, ClientID: access.ClientID, Subject: access.Subject,
		Audience: access.Audience, Issuer: access.Issuer, TokenID: access.ID, GrantID: access.GrantID,
		TokenType: "access_token", ExpiresAt: access.ExpiresAt, IssuedAt: access.IssuedAt, AuthTime: access.AuthTime,
	}, nil
}

// checkActive returns nil if the grant of an access token is active. For a
// token without a grant it returns nil if the client is enabled, and the
// subject too if that is a user. Otherwise, and for a token that the revocation
// log refuses, it returns invalid_grant.
func (i *Inspector) checkActive(ctx context.Context, s *client.Snapshot, access token.Access) error {
	if err := i.revoked.check(access); err != nil {
		return err
	}
	if access.GrantID == "" {
		enabled, err := i.registry.ClientEnabled(ctx, s, access.ClientID)
		if err != nil {
			return err
		}
		if !enabled {
			return oauth.Refused(oauth.InvalidGrant, errors.New("the client is disabled or deleted"))
		}
		if access.Subject != access.ClientID { // no id is that of a client and of a user
			_, err = i.subjects.enabled(ctx, access.Subject)
		}
		return err
	}
	id, err := oauth.ParseGrantID(access.GrantID)
	if err != nil {
		return oauth.Refused(oauth.InvalidGrant, err)
	}
	_, err = i.grants.GetActive(ctx, s, id)
	return err
}

var (
	errPublicClient         = errors.New("a public client introspects a refresh token")
	errExpiredBeforeRestore = errors.New("the grant is expired for a token that is not newer than the restored store")
)

// introspectRefresh introspects a refresh token. Only the current token of the
// grant is active. For a public client no token is active: otherwise a thief
// could send its id to check whether a stolen token is still valid. A thief who
// uses the token reveals the theft.
func (i *Inspector) introspectRefresh(
	ctx context.Context, s *client.Snapshot, caller client.Caller, text string,
) (Introspection, error) {
	if caller.Client.Public {
		return Introspection{}, oauth.Refused(oauth.InvalidGrant, errPublicClient)
	}

	r, err := i.grants.OpenToken(ctx, text)
	if err != nil {
		return Introspection{}, err
	}
	if err := i.revoked.checkGrant(r.Handle.GrantID()); err != nil {
		return Introspection{}, err
	}
	g, err := i.grants.GetActive(ctx, s, r.Handle.GrantID())
	if err != nil {
		return Introspection{}, err
	}
	if g.ClientID != caller.Client.ID || g.Generation > r.Generation {
		return Introspection{}, oauth.Refused(oauth.InvalidGrant, grant.ErrNotCallers)
	}
	now := i.registry.Now()
	if g.Generation == r.Generation {
		if g = g.AsStored(); g.State(now) != grant.StateActive {
			return Introspection{}, oauth.Refused(oauth.InvalidGrant, errExpiredBeforeRestore)
		}
	}

	return Introspection{
		Active: true, Scope: g.Scope, ClientID: g.ClientID, Subject: g.UserID, Audience: g.Audience,
		Issuer: i.identifier, GrantID: g.ID.String(), TokenType: "refresh_token",
		ExpiresAt: now.Add(g.ExpiresIn(now)), IssuedAt: g.RotatedAt, AuthTime: g.AuthTime,
	}, nil
}
