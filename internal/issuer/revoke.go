package issuer

import (
	"context"
	"errors"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/grant"
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
	g, changed, err := i.store.RevokeGrant(ctx, id, caller.Client.ID, audit.RevokedByClient, i.storeTime(s))
	if errors.Is(err, oauth.NotFound) {
		return nil
	} else if err != nil {
		return oauth.FromStore(err)
	}
	return i.recordEnd(caller, g, audit.RevokedByClient, changed)
}

// recordEnd writes that a grant was ended, also if it had ended before: whoever repeats that because the first time could not
// be written must not be told that all is well while the log, from which a restored store is put right, does not have it.
func (i *Issuer) recordEnd(caller Caller, g grant.Grant, reason string, changed bool) error {
	e := audit.Event{Name: audit.GrantRevoked, Subject: g.UserID, Grant: g.ID.String(), Reason: reason, IP: g.IP}
	if changed {
		e.Count = 1
	}
	return i.record(caller, e)
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
