package issuer

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/token"
)

// A PreparedLogin is a login for which PrepareLogin found the target and the
// keys.
type PreparedLogin struct {
	target client.Target
	macKey string
	secret []byte
}

var errNoPage = errors.New("the client's logins are in cookies, and the caller is not a page of its application")

// checkOrigin returns unauthorized_client if the client's logins are in cookies
// and the caller is not a page of its application. Otherwise a script could get
// the tokens that the cookies hide from it.
func checkOrigin(caller client.Caller) error {
	if caller.Client.UsesCookies() && caller.Origin == "" {
		return oauth.Refused(oauth.UnauthorizedClient, errNoPage)
	}
	return nil
}

// PrepareLogin checks the audience and the scope of a login, and that the keys
// for its tokens are available. It runs before the password is verified and
// before anything is written. It refuses a client whose logins are in cookies,
// unless the caller is a page of its application.
func (i *Issuer) PrepareLogin(caller client.Caller, audience []string, scope string) (PreparedLogin, error) {
	var p PreparedLogin
	if err := checkOrigin(caller); err != nil {
		return p, err
	}
	s, err := i.registry.Snapshot()
	if err != nil {
		return p, err
	}
	if p.macKey, p.secret, err = i.keys.CurrentMAC(); err != nil {
		return p, oauth.Unavailable(err)
	}
	if caller.Client.Way() == client.WaySession { // it signs nothing
		p.target, err = s.SessionTarget(caller.Client, audience, scope)
		return p, err
	}
	if p.target, err = i.registry.RequestedTarget(s, caller.Client, audience, scope); err != nil {
		return p, err
	}
	if _, err := i.keys.Signer(p.target.Algorithm); err != nil {
		return p, oauth.Unavailable(err)
	}
	return p, nil
}

// A LoginRequest is a login whose user has authenticated.
type LoginRequest struct {
	// Subject is the id of the user.
	Subject string
	// AMR is how the user authenticated (RFC 8176).
	AMR []string
	// AuthTime is when the user authenticated, by the store's clock.
	AuthTime time.Time
	// Epoch is the user's epoch before the authentication.
	Epoch int64
	// Address is the address of the end user, the zero address if it is not
	// known.
	Address     netip.Addr
	DeviceLabel string
}

// Login issues the tokens of a user who has authenticated, and creates the
// grant. It signs the tokens before it stores the grant, so that a failure to
// sign stores no grant. If the user has changed since the authentication, it
// returns the same invalid_grant as for a wrong password. A client whose way is
// client.WaySession gets a session token and no other token.
func (i *Issuer) Login(
	ctx context.Context, caller client.Caller, p PreparedLogin, r LoginRequest,
) (*TokenResponse, error) {
	handle := token.NewHandle()
	g := i.grants.New(caller.Client, r.Subject, handle.GrantID(), r.AuthTime)
	g.MACKey, g.Scope, g.Audience = p.macKey, p.target.Scope, p.target.Audience
	g.AuthTime, g.AMR, g.DeviceLabel, g.IP = r.AuthTime, r.AMR, r.DeviceLabel, audit.IP(r.Address)

	sign := i.signLogin
	if caller.Client.Way() == client.WaySession {
		sign = i.openSession
	}
	response, err := sign(ctx, p, g, handle, i.registry.Now())
	if err != nil {
		return nil, err
	}
	if err := i.createGrant(ctx, caller, g, r); err != nil {
		return nil, err
	}
	return response, nil
}

// signLogin makes the tokens of a login. minted is the moment of the access
// token: after the user was read, and before the grant is stored.
func (i *Issuer) signLogin(
	ctx context.Context, p PreparedLogin, g grant.Grant, handle oauth.Handle, minted time.Time,
) (*TokenResponse, error) {
	refreshToken, err := i.grants.Token(ctx, g, handle)
	if err != nil {
		return nil, err
	}
	deviceToken, err := token.EncodeDevice(p.macKey, p.secret, g.UserID)
	if err != nil {
		return nil, err
	}
	claims, err := i.subjects.claims(ctx, g, p.target.Claims)
	if err != nil {
		return nil, err
	}

	plan := accessPlan{p.target, claims, minted}
	if err := i.signer.checkRevoked(i.signer.access(g, plan)); err != nil {
		return nil, err
	}

	var signing place
	defer signing.release()
	if err := signing.take(ctx, i.keys, p.target.Algorithm); err != nil {
		return nil, err
	}
	response, err := i.respond("login", g, plan, refreshToken)
	if err != nil {
		return nil, err
	}
	response.DeviceToken = deviceToken
	return response, nil
}

// openSession makes the tokens of a login that is a session cookie. The access
// tokens of the session are signed later. minted is as for signLogin.
func (i *Issuer) openSession(
	ctx context.Context, p PreparedLogin, g grant.Grant, handle oauth.Handle, minted time.Time,
) (*TokenResponse, error) {
	sessionToken, err := i.grants.SessionToken(ctx, g, handle)
	if err != nil {
		return nil, err
	}
	deviceToken, err := token.EncodeDevice(p.macKey, p.secret, g.UserID)
	if err != nil {
		return nil, err
	}
	if err := i.signer.checkRevoked(i.signer.access(g, accessPlan{target: p.target, minted: minted})); err != nil {
		return nil, err
	}

	now := i.registry.Now()
	return &TokenResponse{
		SessionToken: sessionToken, DeviceToken: deviceToken,
		RefreshExpiresIn: g.ExpiresIn(now), GrantEndsIn: max(g.ExpiresAt.Sub(now), 0),
		Scope: p.target.Scope, Subject: g.UserID, GrantID: g.ID,
	}, nil
}

// createGrant stores the grant of a login and writes the audit event.
func (i *Issuer) createGrant(ctx context.Context, caller client.Caller, g grant.Grant, r LoginRequest) error {
	err := i.grants.Create(ctx, caller, g, r.Epoch)
	if errors.Is(err, oauth.InvalidGrant) {
		e := audit.Event{
			Name: audit.LoginFailed, Subject: r.Subject, Reason: audit.ChangedMeanwhile, IP: g.IP, Failed: true,
		}
		if err := i.record(ctx, caller, e); err != nil {
			return err
		}
		return oauth.Refused(oauth.InvalidGrant, errors.New(audit.ChangedMeanwhile))
	} else if err != nil {
		return err
	}
	return i.recordGrant(ctx, caller, audit.LoginSucceeded, g)
}
