package grant

import (
	"context"
	"errors"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/token"
)

// RevokeToken revokes the grant that a token belongs to (RFC 7009 §2). For a
// token that is unknown, already revoked or of another client, it changes
// nothing and returns nil. For an access token without a grant, it returns
// unsupported_token_type. If it cannot decide whether the token is one of this
// issuer, it returns temporarily_unavailable. The revocation is durable on
// return.
func (s *Service) RevokeToken(ctx context.Context, caller client.Caller, text string) error {
	id, err := s.grantOf(ctx, caller, text)
	if errors.Is(err, oauth.InvalidGrant) {
		return nil
	} else if err != nil {
		return err
	}
	now, err := s.o.Registry.StoreTime()
	if err != nil {
		return err
	}

	g, changed, err := s.o.Store.RevokeGrant(ctx, id, caller.Client.ID, audit.RevokedByClient, now)
	if errors.Is(err, oauth.NotFound) {
		return nil
	} else if err != nil {
		return oauth.FromStore(err)
	}
	return s.recordRevocation(ctx, caller, g, audit.RevokedByClient, changed)
}

// grantOf returns the id of the grant that a token of the caller belongs to. It
// returns invalid_grant if there is none to revoke.
//
// It accepts tokens that are refused elsewhere: expired ones, those of a server
// whose clock is ahead, and those under a compromised or destroyed key. Whoever
// can make such a token can only end a grant of the caller with it.
func (s *Service) grantOf(ctx context.Context, caller client.Caller, text string) (oauth.GrantID, error) {
	if token.HasRefreshPrefix(text) {
		r, err := s.verifier().Refresh(ctx, text)
		if err != nil && !errors.Is(err, token.ErrRefused) {
			return oauth.GrantID{}, token.Refusal(oauth.InvalidGrant, err)
		}
		return r.Handle.GrantID(), nil // The store compares the client.
	}

	access, err := s.verifier().Access(ctx, text)
	switch {
	case err != nil && !errors.Is(err, token.ErrRefused):
		return oauth.GrantID{}, token.Refusal(oauth.InvalidGrant, err)
	case access.ClientID != caller.Client.ID:
		return oauth.GrantID{}, oauth.Refused(oauth.InvalidGrant, ErrNotCallers)
	case access.GrantID == "":
		return oauth.GrantID{}, oauth.Fail(oauth.UnsupportedTokenType,
			"An access token without a grant cannot be revoked.")
	}
	return oauth.ParseGrantID(access.GrantID)
}

// Revoke revokes one grant of the caller. It returns not_found for a missing
// grant and for a grant of another client. The revocation is durable on return.
func (s *Service) Revoke(ctx context.Context, caller client.Caller, grant string) error {
	now, err := s.o.Registry.StoreTime()
	if err != nil {
		return err
	}
	clientID, err := visibleClient(caller)
	if err != nil {
		return err
	}
	id, err := oauth.ParseGrantID(grant)
	if err != nil {
		return err
	}

	g, changed, err := s.o.Store.RevokeGrant(ctx, id, clientID, revokeReason(caller), now)
	if err != nil {
		return oauth.FromStore(err)
	}
	return s.recordRevocation(ctx, caller, g, revokeReason(caller), changed)
}

// recordRevocation audits the revocation of a grant, even if it was revoked
// before. If the first event could not be written, the caller tries again. Then
// the second event must be in the log, because a replay restores revocations
// from the log.
func (s *Service) recordRevocation(
	ctx context.Context, caller client.Caller, g Grant, reason string, changed bool,
) error {
	e := audit.Event{Name: audit.GrantRevoked, Subject: g.UserID, Grant: g.ID.String(), Reason: reason, IP: g.IP}
	if changed {
		e.Count = 1
	}
	return s.record(ctx, caller, e)
}

// RevokeAll revokes all grants of a subject that belong to the caller, except
// the grant with the id except, which may be empty. It returns the number of
// live grants that it revoked, counted to at most MaxCounted. If the caller may
// act on the grants of all clients, a login of the subject that is in progress
// does not create a grant.
func (s *Service) RevokeAll(ctx context.Context, caller client.Caller, subject, except string) (int, error) {
	e := Ending{Subject: subject, Reason: revokeReason(caller), Actor: caller.Actor().Name}
	var err error
	if e.ClientID, err = visibleClient(caller); err != nil {
		return 0, err
	}
	if !oauth.ValidSubject(subject) {
		return 0, oauth.ErrSubject
	}
	if except != "" {
		if e.Except, err = oauth.ParseGrantID(except); err != nil {
			return 0, err
		}
	}

	ended, err := s.o.Store.RevokeGrants(ctx, e)
	if err != nil {
		return 0, oauth.FromStore(err)
	}
	return ended.Live, s.record(ctx, caller, audit.Event{
		Name: audit.GrantRevoked, Subject: subject, Reason: e.Reason, Count: ended.Live, KeptGrant: except,
		Moment: ended.At,
	})
}

func revokeReason(caller client.Caller) string {
	if caller.Admin {
		return audit.RevokedByAdmin
	}
	return audit.RevokedByClient
}
