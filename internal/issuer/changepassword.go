package issuer

import (
	"context"
	"errors"
	"net/netip"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/login"
	"github.com/signetd/signet/internal/oauth"
)

// ChangePasswordRequest replaces a user's password by a new one.
type ChangePasswordRequest struct {
	Username    string
	OldPassword string
	NewPassword string
	EndUser     EndUser
	DeviceToken string
	// KeepGrant is the grant that the person is using now; the zero id is none.
	KeepGrant oauth.GrantID
}

// errSame is told before anything is proved: it is about the request alone.
var errSame = oauth.Fail(oauth.InvalidRequest, "The new password is the old one.")

// ChangePassword proves the old password as Login does, at the same price and with the same one refusal, sets the new one and
// revokes the user's grants, all but the one that the request keeps. Whether the new one may be is said before the old one is
// looked at, so that the answer tells nothing of the account.
func (i *Issuer) ChangePassword(ctx context.Context, caller Caller, r ChangePasswordRequest) error {
	s, err := i.directory.fresh()
	if err != nil {
		return err
	}
	address, err := i.checkChange(caller, r)
	if err != nil {
		return err
	}
	leave, err := i.passwords.Admit(ctx)
	if err != nil {
		return hashFault(err)
	}
	defer leave()
	user, _, err := i.prove(ctx, caller, guess{
		username: r.Username, password: r.OldPassword, deviceToken: r.DeviceToken, address: address,
	})
	if err != nil {
		return err
	}
	keep, err := i.ownGrant(ctx, caller, user, r.KeepGrant)
	if err != nil {
		return err
	}
	hash, err := i.passwords.Hash(ctx, r.NewPassword)
	if err != nil {
		return hashFault(err)
	}
	err = i.store.ChangePassword(ctx, user.ID, user.PasswordHash, hash, keep, i.storeTime(s))
	if errors.Is(err, oauth.InvalidGrant) {
		return i.refuseLogin(caller, user.ID, address, audit.ChangedMeanwhile)
	} else if err != nil {
		return oauth.FromStore(err)
	}
	e := audit.Event{Name: audit.PasswordSet, Subject: user.ID, IP: text(address)}
	if keep != (oauth.GrantID{}) {
		e.Kept = keep.String()
	}
	return i.record(caller, e)
}

// checkChange refuses what the request alone shows to be wrong, and returns the end user's address.
func (i *Issuer) checkChange(caller Caller, r ChangePasswordRequest) (netip.Addr, error) {
	if caller.Client.Public {
		return netip.Addr{}, oauth.Refused(oauth.UnauthorizedClient, errors.New("a public client may not change passwords"))
	}
	if r.NewPassword == r.OldPassword {
		return netip.Addr{}, errSame
	}
	if err := i.policy.Check(r.NewPassword, r.Username); err != nil {
		return netip.Addr{}, oauth.Fail(oauth.InvalidRequest, err.Error())
	}
	return endUserAddress(caller, r.EndUser)
}

// ownGrant returns the id if it is a grant of the user to the caller, else the zero id: nobody keeps another's grant alive.
func (i *Issuer) ownGrant(ctx context.Context, caller Caller, user login.User, id oauth.GrantID) (oauth.GrantID, error) {
	if id == (oauth.GrantID{}) {
		return id, nil
	}
	g, err := i.store.Grant(ctx, id)
	if err != nil && !errors.Is(err, oauth.NotFound) {
		return oauth.GrantID{}, oauth.FromStore(err)
	}
	if err != nil || g.UserID != user.ID || g.ClientID != caller.Client.ID {
		return oauth.GrantID{}, nil
	}
	return id, nil
}
