package issuer

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/password"
	"github.com/signetd/signet/internal/token"
)

// LoginRequest asks for a grant by user name and password.
type LoginRequest struct {
	Username    string
	Password    string
	Audience    []string
	Scope       string
	EndUser     EndUser
	DeviceToken string
}

// EndUser is what the client says of the person's device.
type EndUser struct {
	IP          string
	UserAgent   string
	DeviceLabel string
}

// TokenResponse is the answer to Login and Refresh (RFC 6749 §5.1).
type TokenResponse struct {
	AccessToken      string
	ExpiresIn        time.Duration
	RefreshToken     string
	RefreshExpiresIn time.Duration
	Scope            oauth.Scope
	Subject          string
	GrantID          oauth.GrantID
	// DeviceToken is set by Login only.
	DeviceToken string
}

// What a password login says in the access token: the methods of RFC 8176, and the assurance level 1 of ISO/IEC 29115.
const (
	amrPassword = "pwd"
	acrPassword = "1"
)

// Login proves a user's password and creates a grant. Whatever is wrong with the user or the password, the answer is the
// same invalid_grant and costs one hash.
func (i *Issuer) Login(ctx context.Context, caller Caller, r LoginRequest) (*TokenResponse, error) {
	s, err := i.directory.fresh()
	if err != nil {
		return nil, err
	}
	t, err := i.loginTarget(s, caller.Client, r)
	if err != nil {
		return nil, err
	}
	ip, err := endUserIP(caller.Client, r.EndUser)
	if err != nil {
		return nil, err
	}
	// The keys come before any write: what cannot be signed is not begun.
	if _, err := i.keys.Signer(t.algorithm); err != nil {
		return nil, oauth.Unavailable(err)
	}
	mac, secret, err := i.keys.CurrentMAC()
	if err != nil {
		return nil, oauth.Unavailable(err)
	}
	leave, err := i.passwords.Admit(ctx)
	if err != nil {
		return nil, hashFault(err)
	}
	defer leave()
	user, rehash, err := i.prove(ctx, caller, r, ip)
	if err != nil {
		return nil, err
	}
	if rehash {
		i.rehash(ctx, user, r.Password)
	}
	handle := token.NewHandle()
	g := i.newGrant(s, caller.Client, user, handle.GrantID())
	g.MACKey, g.Scope, g.Audience, g.DeviceLabel, g.IP = mac, t.scope, t.audience, r.EndUser.DeviceLabel, ip
	if err := i.store.CreateGrant(ctx, g, user.Epoch); err != nil {
		if errors.Is(err, oauth.InvalidGrant) {
			return nil, i.refuseLogin(caller, user.ID, ip, "changed_meanwhile")
		}
		return nil, oauth.FromStore(err)
	}
	if err := i.record(caller, oauth.Event{
		Name: oauth.EventLoginSucceeded, Subject: user.ID, Grant: g.ID.String(), IP: ip,
	}); err != nil {
		return nil, err
	}
	answer, err := i.answer(ctx, s, g, t, handle)
	if err != nil {
		return nil, err
	}
	answer.DeviceToken, err = token.EncodeDevice(mac, secret, user.ID)
	return answer, err
}

// loginTarget narrows what the client may have to what the request names.
func (i *Issuer) loginTarget(s *snapshot, client oauth.Client, r LoginRequest) (target, error) {
	names := r.Audience
	if len(names) == 0 && len(client.Audiences) > 0 {
		names = client.Audiences[:1]
	}
	t, err := i.target(s, client, names)
	if err != nil {
		return t, err
	}
	scope, err := oauth.ParseScope(r.Scope)
	if err != nil {
		return t, err
	}
	if !scope.Within(t.scope) {
		return t, oauth.Refused(oauth.InvalidScope, nil)
	}
	if len(scope) > 0 {
		t.scope = scope
	}
	return t, nil
}

// endUserIP returns the address that the client reports, in its one spelling. A public client could say anything, so it is
// not believed.
func endUserIP(client oauth.Client, u EndUser) (string, error) {
	if u.IP == "" || client.Public {
		return "", nil
	}
	addr, err := netip.ParseAddr(u.IP)
	if err != nil {
		return "", oauth.Fail(oauth.InvalidRequest, "end_user.ip is not an IP address.")
	}
	return addr.Unmap().WithZone("").String(), nil
}

// prove returns the user whose password this is, and whether it should be hashed anew. A name that no account has costs a
// hash like any other. Login and ChangePassword prove alike.
func (i *Issuer) prove(ctx context.Context, caller Caller, r LoginRequest, ip string) (user oauth.User, rehash bool, err error) {
	name, err := oauth.CanonicalUsername(r.Username)
	if err == nil {
		user, err = i.store.User(ctx, name)
	}
	if err != nil && !errors.Is(err, oauth.NotFound) && !errors.Is(err, oauth.InvalidRequest) {
		return user, false, oauth.FromStore(err)
	}
	right, rehash, err := i.passwords.Verify(ctx, user.PasswordHash, r.Password)
	switch {
	case err != nil:
		return user, false, hashFault(err)
	case user.ID == "":
		return user, false, i.refuseLogin(caller, "", ip, "unknown_user")
	case !right:
		return user, false, i.refuseLogin(caller, user.ID, ip, "wrong_password")
	case !user.DisabledAt.IsZero():
		return user, false, i.refuseLogin(caller, user.ID, ip, "user_disabled")
	}
	return user, rehash, nil
}

// hashFault says why a password was not hashed.
func hashFault(err error) error {
	if busy, ok := errors.AsType[*password.Busy](err); ok {
		return &oauth.Error{
			Code: oauth.SlowDown, Sentence: "Too many logins at once; try again.", Cause: err, RetryAfter: busy.RetryAfter,
		}
	}
	if errors.Is(err, password.ErrTooLong) {
		return oauth.Fail(oauth.InvalidRequest, "The password is too long.")
	}
	return oauth.Refused(oauth.ServerError, err)
}

func (i *Issuer) refuseLogin(caller Caller, subject, ip, reason string) error {
	if err := i.record(caller, oauth.Event{
		Name: oauth.EventLoginFailed, Subject: subject, Reason: reason, IP: ip, Failed: true,
	}); err != nil {
		return err
	}
	return oauth.Refused(oauth.InvalidGrant, errors.New(reason))
}

// rehash stores the password under the present parameters. A failure is for the log: the login itself is good.
func (i *Issuer) rehash(ctx context.Context, user oauth.User, secret string) {
	next, err := i.passwords.Hash(ctx, secret)
	if err == nil {
		err = i.store.Rehash(ctx, user.ID, user.PasswordHash, next)
	}
	if err != nil {
		i.log.Warn("the password could not be hashed anew", "sub", user.ID, "error", err)
	}
}

func (i *Issuer) newGrant(s *snapshot, client oauth.Client, user oauth.User, id oauth.GrantID) oauth.Grant {
	now := i.storeTime(s)
	idle := min(orDefault(client.RefreshIdle, i.lifetimes.Idle), i.lifetimes.MaxAbsolute)
	absolute := min(orDefault(client.RefreshAbsolute, i.lifetimes.Absolute), i.lifetimes.MaxAbsolute)
	return oauth.Grant{
		ID: id, UserID: user.ID, ClientID: client.ID, MovedAt: now, IdleLifetime: idle.Truncate(time.Second),
		ExpiresAt: now.Add(absolute), AuthTime: now, AMR: []string{amrPassword}, CreatedAt: now,
	}
}

// storeTime is the store's clock as the snapshot knows it, in microseconds.
func (i *Issuer) storeTime(s *snapshot) time.Time {
	return i.now().Add(s.offset).UTC().Truncate(time.Microsecond)
}
