package issuer

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/token"
)

// Introspection tells what a token is worth at this moment (RFC 7662 §2.2). All other fields are zero unless Active.
type Introspection struct {
	Active   bool
	Scope    oauth.Scope
	ClientID string
	Subject  string
	Audience []string
	Issuer   string
	// TokenID is an access token's jti.
	TokenID string
	GrantID string
	// TokenType is access_token or refresh_token.
	TokenType string
	ExpiresAt time.Time
	IssuedAt  time.Time
	AuthTime  time.Time
}

// Introspect answers the token's audience (a client whose id is in aud) and the client of its grant; to everybody else, and
// for whatever is not good now, the token is not active. It asks the store, so that a revoked grant is known at once.
func (i *Issuer) Introspect(ctx context.Context, caller Caller, text string) (Introspection, error) {
	s, err := i.directory.fresh()
	if err != nil {
		return Introspection{}, err
	}
	var found Introspection
	if token.LooksLikeRefresh(text) {
		found, err = i.introspectRefresh(ctx, s, caller, text)
	} else {
		found, err = i.introspectAccess(ctx, s, caller, text)
	}
	if errors.Is(err, oauth.InvalidGrant) {
		return Introspection{}, nil
	}
	return found, err
}

func (i *Issuer) introspectAccess(ctx context.Context, s *snapshot, caller Caller, text string) (Introspection, error) {
	access, err := token.ReadAccess(text, i.identifier, i.keys.PublicKey, i.now())
	if err != nil {
		return Introspection{}, oauth.Refused(oauth.InvalidGrant, err)
	}
	if access.ClientID != caller.Client.ID && !slices.Contains(access.Audience, caller.Client.ID) {
		return Introspection{}, oauth.Refused(oauth.InvalidGrant, errNotOurs)
	}
	if err := i.stillGood(ctx, s, access); err != nil {
		return Introspection{}, err
	}
	return Introspection{
		Active: true, Scope: access.Scope, ClientID: access.ClientID, Subject: access.Subject, Audience: access.Audience,
		Issuer: access.Issuer, TokenID: access.ID, GrantID: access.GrantID, TokenType: "access_token",
		ExpiresAt: access.ExpiresAt, IssuedAt: access.IssuedAt, AuthTime: access.AuthTime,
	}, nil
}

// stillGood returns nil if the grant of an access token is live or, for a token without one, if its client may still act and
// its subject, if that is a user of ours, is enabled; else invalid_grant.
func (i *Issuer) stillGood(ctx context.Context, s *snapshot, access token.Access) error {
	if access.GrantID == "" {
		if client, ok := s.clients[access.ClientID]; !ok || !client.DisabledAt.IsZero() {
			return oauth.Refused(oauth.InvalidGrant, errors.New("the client is disabled or deleted"))
		}
		_, err := i.enabledUser(ctx, access.Subject)
		return err
	}
	id, err := oauth.ParseGrantID(access.GrantID)
	if err != nil {
		return oauth.Refused(oauth.InvalidGrant, err)
	}
	_, err = i.liveGrant(ctx, s, id)
	return err
}

var errUnproved = errors.New("a public client asks about a refresh token")

// introspectRefresh knows only the refresh token that moves the grant on: one that was spent is not active. In the name of a
// public client a thief could ask, and learn without presenting a token, which shows a theft, whether it is still good.
func (i *Issuer) introspectRefresh(ctx context.Context, s *snapshot, caller Caller, text string) (Introspection, error) {
	if caller.Client.Public {
		return Introspection{}, oauth.Refused(oauth.InvalidGrant, errUnproved)
	}
	r, err := i.openRefresh(ctx, text)
	if err != nil {
		return Introspection{}, err
	}
	g, err := i.liveGrant(ctx, s, r.Handle.GrantID())
	if err != nil {
		return Introspection{}, err
	}
	if g.ClientID != caller.Client.ID || g.Generation > r.Generation {
		return Introspection{}, oauth.Refused(oauth.InvalidGrant, errNotOurs)
	}
	return Introspection{
		Active: true, Scope: g.Scope, ClientID: g.ClientID, Subject: g.UserID, Audience: g.Audience, Issuer: i.identifier,
		GrantID: g.ID.String(), TokenType: "refresh_token",
		ExpiresAt: i.storeTime(s).Add(refreshExpiresIn(g, i.storeTime(s))), IssuedAt: g.RotatedAt, AuthTime: g.AuthTime,
	}, nil
}

// liveGrant returns the grant if it and its client are good now; else invalid_grant.
func (i *Issuer) liveGrant(ctx context.Context, s *snapshot, id oauth.GrantID) (grant.Grant, error) {
	g, err := i.store.Grant(ctx, id)
	if errors.Is(err, oauth.NotFound) {
		return g, oauth.Refused(oauth.InvalidGrant, err)
	} else if err != nil {
		return g, oauth.FromStore(err)
	}
	client, ok := s.clients[g.ClientID]
	if !ok || !client.DisabledAt.IsZero() || g.State(i.storeTime(s)) != grant.StateActive {
		return g, oauth.Refused(oauth.InvalidGrant, errors.New("the grant is not live"))
	}
	return g, nil
}
