package grant

import (
	"context"
	"errors"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/revocation"
	"github.com/signetd/signet/internal/token"
)

// RevokeToken revokes the grant that a token belongs to (RFC 7009 §2). An
// access token without a grant is revoked itself, by an entry in the revocation
// log. For a token that is unknown, already revoked or of another client,
// RevokeToken changes nothing and returns nil. If it cannot decide whether the
// token is one of this issuer, it returns temporarily_unavailable. If the
// client has added too many entries to the log, it returns slow_down; the end
// of a grant is never refused. The revocation is durable on return.
func (s *Service) RevokeToken(ctx context.Context, caller client.Caller, text string) error {
	id, access, err := s.o.readRevoked(ctx, caller, text)
	if errors.Is(err, oauth.InvalidGrant) {
		return nil
	} else if err != nil {
		return err
	}
	now, err := s.o.Registry.StoreTime()
	if err != nil {
		return err
	}
	if id == (oauth.GrantID{}) {
		return s.revokeAccess(ctx, caller, access, now)
	}

	g, changed, err := s.o.Store.RevokeGrant(ctx, id, caller.Client.ID, audit.RevokedByClient, now)
	if errors.Is(err, oauth.NotFound) {
		return nil
	} else if err != nil {
		return oauth.FromStore(err)
	}
	return s.o.recordRevocation(ctx, caller, g, audit.RevokedByClient, changed)
}

// readRevoked reads a token that the caller revokes. It returns the id of the
// grant that the token belongs to, or an access token without a grant. It
// returns invalid_grant if there is nothing to revoke.
//
// It accepts tokens of a grant that are refused elsewhere: expired ones, those
// of a server whose clock is ahead, and those under a compromised or destroyed
// key. Somebody who can make such a token can only end a grant of the caller
// with it. An access token without a grant that has expired, or whose key is
// compromised or destroyed, has no effect: it would add an entry to the log
// that no verifier needs.
func (o Options) readRevoked(
	ctx context.Context, caller client.Caller, text string,
) (id oauth.GrantID, access token.Access, err error) {
	if hasHandle(text) {
		id, err := o.readHandle(ctx, text)
		if err != nil && !errors.Is(err, token.ErrRefused) {
			return id, access, token.Refusal(oauth.InvalidGrant, err)
		}
		return id, access, nil // The store compares the client.
	}

	access, err = o.verifier().Access(ctx, text)
	switch {
	case err != nil && !errors.Is(err, token.ErrRefused):
		return id, access, token.Refusal(oauth.InvalidGrant, err)
	case access.ClientID != caller.Client.ID:
		return id, access, oauth.Refused(oauth.InvalidGrant, ErrNotCallers)
	case access.GrantID != "":
		id, err = oauth.ParseGrantID(access.GrantID)
		return id, access, err
	case err != nil && !errors.Is(err, token.ErrNotYetValid):
		return id, access, token.Refusal(oauth.InvalidGrant, err)
	}
	return id, access, nil
}

// hasHandle reports whether text has the prefix of a token that is a secret of
// a grant: a refresh token or a session token.
func hasHandle(text string) bool { return token.HasRefreshPrefix(text) || token.HasSessionPrefix(text) }

// readHandle verifies a refresh token or a session token and returns the id of
// its grant. Its errors are those of token.Verifier.
func (o Options) readHandle(ctx context.Context, text string) (oauth.GrantID, error) {
	if token.HasSessionPrefix(text) {
		session, err := o.verifier().Session(ctx, text)
		return session.Handle.GrantID(), err
	}
	r, err := o.verifier().Refresh(ctx, text)
	return r.Handle.GrantID(), err
}

// revokeAccess revokes an access token that belongs to no grant. If the token
// is revoked already, it writes no entry, but the event, as recordRevocation
// does.
func (s *Service) revokeAccess(
	ctx context.Context, caller client.Caller, access token.Access, now time.Time,
) error {
	hash := revocation.Token.Hash(access.ID)
	e := audit.Event{
		Name: audit.TokenRevoked, Token: access.ID, Subject: access.Subject, Reason: audit.RevokedByClient,
	}
	if before, ok := s.o.Revocations.Get(hash); ok {
		e.Moment = time.UnixMicro(before)
		return s.o.record(ctx, caller, e)
	}
	if err := s.entries.reserve(caller.Client.ID); err != nil {
		return err
	}

	entry := Revocation{Kind: revocation.Token, Hash: hash}
	if access.IssuedAt.After(now) { // it is valid later, and so the entry must live longer
		entry.Before = access.IssuedAt
	}
	moment, err := s.o.AddRevocations(ctx, []Revocation{entry})
	if err != nil {
		return oauth.FromStore(err)
	}
	if e.Moment = entry.Before; e.Moment.IsZero() {
		e.Moment = moment
	}
	if err := s.o.record(ctx, caller, e); err != nil {
		return err
	}
	_ = s.o.ReadLog(ctx) // if it fails, the next poll reads the entry
	return nil
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
	return s.o.recordRevocation(ctx, caller, g, revokeReason(caller), changed)
}

// recordRevocation audits the revocation of a grant, even if it was revoked
// before. If the first event could not be written, the caller tries again. Then
// the second event must be in the log, because a replay restores revocations
// from the log.
func (o Options) recordRevocation(
	ctx context.Context, caller client.Caller, g Grant, reason string, changed bool,
) error {
	e := audit.Event{Name: audit.GrantRevoked, Subject: g.UserID, Grant: g.ID.String(), Reason: reason, IP: g.IP}
	if changed {
		e.Count = 1
	}
	return o.record(ctx, caller, e)
}

func revokeReason(caller client.Caller) string {
	if caller.Admin {
		return audit.RevokedByAdmin
	}
	return audit.RevokedByClient
}
