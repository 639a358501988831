package browser

import (
	"context"
	"errors"
	"time"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/login"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/token"
)

// A Page is a page of an application that sends a request.
type Page struct {
	// Caller is the application's client. Its Origin is set.
	Caller client.Caller
	// Device is the device token of the browser, or empty.
	Device string
}

// A LoginRequest is what a page sends to log a user in.
type LoginRequest struct {
	Username    string
	Password    string
	DeviceLabel string
	Scope       string
	Audience    []string
	// Held is the token in the cookie that the browser had before, or empty.
	// Its grant is revoked.
	Held string
}

// A Login is a user's login in the browser: what the page or the cookie gets.
type Login struct {
	// AccessToken is empty if the client's way is client.WaySession.
	AccessToken string
	ExpiresIn   time.Duration
	// RefreshToken is the refresh token, unless the way is client.WaySession.
	RefreshToken string
	// SessionToken is set by Service.Login if the way is client.WaySession. It
	// never changes.
	SessionToken string
	// DeviceToken is set by Service.Login only.
	DeviceToken string
	Scope       oauth.Scope
	Subject     string
	GrantID     oauth.GrantID
	// IdleIn is how long the login lasts if it is not used, and EndsIn how long
	// it lasts in any case.
	IdleIn, EndsIn time.Duration
}

// Login verifies the password of a user and creates a grant, with the steps of
// the gRPC call Login. If the password is valid, it revokes the grant of the
// token that the browser had: nobody can use the login whose cookie this one
// replaces, such as one that somebody else has planted.
func (s *Service) Login(ctx context.Context, p Page, r LoginRequest) (*Login, error) {
	prepared, err := s.o.Issuer.PrepareLogin(p.Caller, r.Audience, r.Scope)
	if err != nil {
		return nil, err
	}
	address, err := p.Caller.EndUserAddress(client.EndUser{})
	if err != nil {
		return nil, err
	}

	who, release, err := s.o.Logins.Authenticate(ctx, login.Attempt{
		Actor: p.Caller.Actor(), Client: p.Caller.Client.ID, Address: address,
		Username: r.Username, Password: r.Password, DeviceToken: p.Device,
	})
	if err != nil {
		return nil, err
	}
	defer release()

	// It comes before the new grant: if it fails, there is nothing to undo.
	if err := s.Logout(ctx, p, r.Held, false); err != nil {
		return nil, err
	}
	response, err := s.o.Issuer.Login(ctx, p.Caller, prepared, issuer.LoginRequest{
		Subject: who.Subject, AMR: who.AMR, AuthTime: who.AuthTime, Epoch: who.Epoch,
		Address: address, DeviceLabel: r.DeviceLabel,
	})
	if err != nil {
		return nil, err
	}
	return newLogin(response), nil
}

// Refresh renews a login. held is the refresh token or the session token. It
// returns login_required if the login has ended, and never because the server
// cannot decide. key is the idempotency key of the browser. A session token
// gets no access token: Refresh extends its idle time.
func (s *Service) Refresh(ctx context.Context, p Page, held, key string) (*Login, error) {
	if p.Caller.Client.Way() == client.WaySession {
		l, err := s.extend(ctx, p, held)
		return l, loginRequired(err)
	}
	response, err := s.o.Issuer.Refresh(ctx, p.Caller, issuer.RefreshRequest{RefreshToken: held, IdempotencyKey: key})
	if err != nil {
		return nil, loginRequired(err)
	}
	return newLogin(response), nil
}

var (
	errOtherClient = errors.New("the session token belongs to another client")
	errExpired     = errors.New("the grant is expired for a session token, which is not newer than the restored store")
)

// extend extends the idle time of a session.
func (s *Service) extend(ctx context.Context, p Page, held string) (*Login, error) {
	session, err := s.o.Grants.OpenSession(ctx, held)
	if err != nil {
		return nil, err
	}
	snapshot, err := s.o.Registry.Snapshot()
	if err != nil {
		return nil, err
	}
	g, err := s.o.Grants.GetActive(ctx, snapshot, session.Handle.GrantID())
	switch {
	case err != nil:
		return nil, err
	case g.ClientID != p.Caller.Client.ID:
		return nil, oauth.Refused(oauth.InvalidGrant, errOtherClient)
	}

	// A restore of the store does not extend a session.
	now := s.o.Registry.Now()
	if g = g.AsStored(); g.State(now) != grant.StateActive {
		return nil, oauth.Refused(oauth.InvalidGrant, errExpired)
	}
	if err := s.o.Grants.Touch(ctx, g.ID, now); err != nil {
		return nil, err
	}
	if now.After(g.RotatedAt) {
		g.RotatedAt = now
	}
	return &Login{
		Scope: g.Scope, Subject: g.UserID, GrantID: g.ID,
		IdleIn: g.ExpiresIn(now), EndsIn: max(g.ExpiresAt.Sub(now), 0),
	}, nil
}

// Logout revokes the grant of the token that the browser holds. If everywhere
// is true, it revokes all grants of the user to the client. A token that is
// empty or not valid changes nothing, and is no error. If Logout returns an
// error, the user may still be logged in.
func (s *Service) Logout(ctx context.Context, p Page, held string, everywhere bool) error {
	if p.Caller.Client.Way() == client.WaySession && !token.HasSessionPrefix(held) ||
		p.Caller.Client.Way() != client.WaySession && !token.HasRefreshPrefix(held) {
		return nil
	}
	if everywhere {
		_, err := s.o.Grants.RevokeAllByToken(ctx, p.Caller, held)
		return err
	}
	return s.o.Grants.RevokeToken(ctx, p.Caller, held)
}

// loginRequired returns login_required for invalid_grant, and any other error
// as it is.
func loginRequired(err error) error {
	if errors.Is(err, oauth.InvalidGrant) {
		return oauth.Refused(oauth.LoginRequired, err)
	}
	return err
}

func newLogin(r *issuer.TokenResponse) *Login {
	return &Login{
		AccessToken: r.AccessToken, ExpiresIn: r.ExpiresIn, RefreshToken: r.RefreshToken,
		SessionToken: r.SessionToken, DeviceToken: r.DeviceToken, Scope: r.Scope,
		Subject: r.Subject, GrantID: r.GrantID, IdleIn: r.RefreshExpiresIn, EndsIn: r.GrantEndsIn,
	}
}
