package login

import (
	"context"
	"errors"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/oauth"
)

// A PasswordChange replaces a user's password.
type PasswordChange struct {
	// Attempt has the current password.
	Attempt Attempt
	// NewPassword is the new password.
	NewPassword string
	// Keep is the id of a grant of the calling client that the change does not
	// revoke. The zero id means that all grants are revoked.
	Keep oauth.GrantID
	// KeepSubject is the subject of that grant. ChangePassword ignores Keep if
	// this is not the user.
	KeepSubject string
}

// errSamePassword is the error for a new password that is the current one. It
// depends on the request alone, so ChangePassword returns it before it verifies
// anything.
var errSamePassword = oauth.Fail(oauth.InvalidRequest, "The new password must differ from the old one.")

// checkChange returns invalid_request for a new password that the policy
// rejects. It depends on the request alone, so the error reveals nothing about
// the account.
func (s *Service) checkChange(c PasswordChange) error {
	if c.NewPassword == c.Attempt.Password {
		return errSamePassword
	}
	if err := s.o.Policy.Check(c.NewPassword, c.Attempt.Username); err != nil {
		return oauth.Fail(oauth.InvalidRequest, err.Error())
	}
	return nil
}

// ChangePassword verifies the current password as Authenticate does, at the
// same cost and with the same refusal. It sets the new password and revokes the
// user's grants, except the grant c.Keep.
func (s *Service) ChangePassword(ctx context.Context, c PasswordChange) error {
	clock, err := s.o.StoreClock()
	if err != nil {
		return err
	}
	if err := s.checkChange(c); err != nil {
		return err
	}
	release, err := s.o.Passwords.Reserve(ctx)
	if err != nil {
		return hashError(err)
	}
	defer release()

	user, _, err := s.verify(ctx, c.Attempt)
	if err != nil {
		return err
	}

	keep := c.Keep
	if c.KeepSubject != user.ID {
		keep = oauth.GrantID{}
	}
	hash, err := s.o.Passwords.Hash(ctx, c.NewPassword)
	if err != nil {
		return hashError(err)
	}
	err = s.o.Store.ChangePassword(ctx, user.ID, user.PasswordHash, hash, keep, clock())
	if errors.Is(err, oauth.InvalidGrant) {
		return s.refuse(user.ID, c.Attempt, audit.ChangedMeanwhile)
	} else if err != nil {
		return oauth.FromStore(err)
	}

	e := audit.Event{Name: audit.PasswordSet, Subject: user.ID, IP: audit.IP(c.Attempt.Address)}
	if keep != (oauth.GrantID{}) {
		e.KeptGrant = keep.String()
	}
	return s.record(c.Attempt.Actor, e)
}
