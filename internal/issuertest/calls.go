package issuertest

import (
	"context"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/login"
	"github.com/signetd/signet/internal/oauth"
)

// A LoginRequest is what a client sends to log a user in.
type LoginRequest struct {
	Username    string
	Password    string
	Audience    []string
	Scope       string
	EndUser     client.EndUser
	DeviceToken string
}

func (r LoginRequest) attempt(caller client.Caller) (login.Attempt, error) {
	address, err := caller.EndUserAddress(r.EndUser)
	return login.Attempt{
		Actor: caller.Actor(), Client: caller.Client.ID, Address: address,
		Username: r.Username, Password: r.Password, DeviceToken: r.DeviceToken,
	}, err
}

// Login logs a user in with the steps of the gRPC call.
func (f *Fixture) Login(ctx context.Context, caller client.Caller, r LoginRequest) (*issuer.TokenResponse, error) {
	prepared, err := f.Issuer.PrepareLogin(caller, r.Audience, r.Scope)
	if err != nil {
		return nil, err
	}
	attempt, err := r.attempt(caller)
	if err != nil {
		return nil, err
	}

	a, release, err := f.Logins.Authenticate(ctx, attempt)
	if err != nil {
		return nil, err
	}
	defer release()
	return f.Issuer.Login(ctx, caller, prepared, issuer.LoginRequest{
		Subject: a.Subject, AMR: a.AMR, AuthTime: a.AuthTime, Epoch: a.Epoch, Address: attempt.Address,
		DeviceLabel: r.EndUser.DeviceLabel,
	})
}

// ChangePassword changes the password of the user in r, with the steps of the
// gRPC call. keep is a grant that is not revoked.
func (f *Fixture) ChangePassword(
	ctx context.Context, caller client.Caller, r LoginRequest, newPassword string, keep oauth.GrantID,
) error {
	if caller.Client.Public {
		return oauth.Refused(oauth.UnauthorizedClient, nil)
	}
	attempt, err := r.attempt(caller)
	if err != nil {
		return err
	}
	return f.Logins.ChangePassword(ctx, login.PasswordChange{
		Attempt: attempt, NewPassword: newPassword,
		KeptGrant: func(ctx context.Context, userID string) (oauth.GrantID, error) {
			return f.Grants.Owned(ctx, caller, userID, keep)
		},
	})
}
