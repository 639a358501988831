package issuer

import (
	"context"
	"errors"

	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/token"
)

// Revoke ends the grant that a token belongs to (RFC 7009 §2). Tokens that are unknown, ended already or another client's
// are success and change nothing; an access token that belongs to no grant is unsupported_token_type. The end is durable on
// return.
func (i *Issuer) Revoke(ctx context.Context, caller Caller, text string) error {
	id, err := i.grantOf(ctx, caller, text)
	if errors.Is(err, oauth.InvalidGrant) {
		return nil
	} else if err != nil {
		return err
	}
	s, err := i.directory.fresh()
	if err != nil {
		return err
	}
	g, changed, err := i.store.RevokeGrant(ctx, id, caller.Client.ID, oauth.RevokedByClient, i.storeTime(s))
	if errors.Is(err, oauth.NotFound) {
		return nil
	} else if err != nil {
		return oauth.FromStore(err)
	}
	if !changed {
		return nil
	}
	return i.record(caller, oauth.Event{
		Name: oauth.EventGrantRevoked, Subject: g.UserID, Grant: id.String(), Reason: oauth.RevokedByClient, IP: g.IP, Count: 1,
	})
}

// grantOf returns the grant that a token of the caller belongs to, or invalid_grant if there is none to end.
func (i *Issuer) grantOf(ctx context.Context, caller Caller, text string) (oauth.GrantID, error) {
	if token.LooksLikeRefresh(text) {
		r, err := i.openRefresh(ctx, text)
		return r.Handle.GrantID(), err
	}
	// A person who logs out with a token that has just expired means it all the same.
	access, err := token.ReadAccess(text, i.identifier, i.keys.PublicKey, i.now())
	if err != nil && !errors.Is(err, token.ErrExpired) || access.ClientID != caller.Client.ID {
		return oauth.GrantID{}, oauth.Refused(oauth.InvalidGrant, errNotOurs)
	}
	if access.GrantID == "" {
		return oauth.GrantID{}, oauth.Fail(oauth.UnsupportedTokenType, "An access token without a grant cannot be revoked.")
	}
	return oauth.ParseGrantID(access.GrantID)
}
