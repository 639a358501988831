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
	// KeptGrant returns the id of the grant of that user that the change does
	// not revoke, or the zero id. ChangePassword calls it after it has verified
	// the current password. nil means that all grants are revoked.
	KeptGrant func(ctx context.Context, userID string) (oauth.GrantID, error)
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
// user's grants, except the one that c.KeptGrant returns.
func (s *Service) ChangePassword(ctx context.Context, c PasswordChange) error {
	if err := s.o.Available(); err != nil {
		return err
	}
	if err := s.checkChange(c); err != nil {
		return err
	}
	ctx, release, err := s.reservePlace(ctx, c.Attempt)
	if err != nil {
		return err
	}
	defer release()

	user, _, err := s.verify(ctx, c.Attempt)
	if err != nil {
		return err
	}

	var keep oauth.GrantID
	if c.KeptGrant != nil {
		if keep, err = c.KeptGrant(ctx, user.ID); err != nil {
			return err
		}
	}
	hash, err := s.o.Passwords.Hash(ctx, c.NewPassword)
	if err != nil {
		return hashError(err)
	}
	live, at, err := s.o.Store.ChangePassword(ctx, user.ID, user.PasswordHash, hash, keep, c.Attempt.Actor.Name)
	if errors.Is(err, oauth.InvalidGrant) {
		return s.refuse(ctx, user.ID, c.Attempt, audit.ChangedMeanwhile)
	} else if err != nil {
		return oauth.FromStore(err)
	}

	e := audit.Event{
		Name: audit.PasswordSet, Subject: user.ID, IP: audit.IP(c.Attempt.Address), Count: live, Moment: at,
	}
	if keep != (oauth.GrantID{}) {
		e.KeptGrant = keep.String()
	}
	return s.record(ctx, c.Attempt.Actor, e)
}
