package grant

import (
	"context"
	"errors"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/token"
)

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
	return s.revokeAll(ctx, caller, e, except)
}

// revokeAll passes an ending to the store and audits it. except is the id of
// the grant that it excepts, or empty.
func (s *Service) revokeAll(ctx context.Context, caller client.Caller, e Ending, except string) (int, error) {
	if !caller.Admin {
		if err := s.entries.reserve(caller.Client.ID); err != nil {
			return 0, err
		}
	}

	ended, err := s.o.Store.RevokeGrants(ctx, e)
	if err != nil {
		return 0, oauth.FromStore(err)
	}
	return ended.Live, s.o.record(ctx, caller, audit.Event{
		Name: audit.GrantRevoked, Subject: e.Subject, Reason: e.Reason, Count: ended.Live, KeptGrant: except,
		Moment: ended.At,
	})
}

// RevokeAllByToken revokes all grants to the caller's client of the subject
// whose refresh token or session token the caller shows. The token authorizes
// it, so a public client may call it. It returns the number of live grants that
// it revoked, counted to at most MaxCounted.
//
// If the grant of the token is not active, or the token was made with a key
// that is compromised or destroyed, RevokeAllByToken revokes that grant only,
// as RevokeToken does, and returns 0. For a token that is unknown or of another
// client, it changes nothing and returns 0. It returns temporarily_unavailable
// and slow_down like RevokeToken.
func (s *Service) RevokeAllByToken(ctx context.Context, caller client.Caller, text string) (int, error) {
	if !hasHandle(text) {
		return 0, nil
	}
	id, err := s.o.readHandle(ctx, text)
	switch {
	case errors.Is(err, token.ErrInvalid):
		return 0, nil
	case errors.Is(err, token.ErrRefused):
		return 0, s.RevokeToken(ctx, caller, text)
	case err != nil:
		return 0, oauth.Unavailable(err)
	}

	now, err := s.o.Registry.StoreTime()
	if err != nil {
		return 0, err
	}
	g, err := s.Get(ctx, id)
	switch {
	case errors.Is(err, oauth.NotFound):
		return 0, nil
	case err != nil:
		return 0, err
	case g.ClientID != caller.Client.ID:
		return 0, nil
	}
	// If the event of an act could not be written, the caller tries again. The
	// act has revoked the grant, but its event must be in the log, see
	// recordRevocation.
	_, unaudited := s.unaudited.Load(id)
	if g.State(now) != StateActive && !unaudited {
		return 0, s.RevokeToken(ctx, caller, text)
	}

	e := Ending{
		Subject: g.UserID, ClientID: g.ClientID, Reason: audit.RevokedByClient, Actor: caller.Actor().Name,
	}
	n, err := s.revokeAll(ctx, caller, e, "")
	switch {
	case err == nil:
		s.unaudited.Delete(id)
	case !errors.Is(err, oauth.SlowDown): // the act may be in the store
		s.unaudited.Store(id, true)
	}
	return n, err
}
