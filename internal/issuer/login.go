package issuer

import (
	"context"
	"errors"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
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
	t, err := i.narrowed(s, caller.Client, r.Audience, r.Scope)
	if err != nil {
		return nil, err
	}
	address, err := endUserAddress(caller, r.EndUser)
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
	user, rehash, err := i.prove(ctx, caller, guess{
		username: r.Username, password: r.Password, deviceToken: r.DeviceToken, address: address,
	})
	if err != nil {
		return nil, err
	}
	if rehash {
		i.rehash(ctx, user, r.Password)
	}
	handle := token.NewHandle()
	g := i.newGrant(s, caller.Client, user.ID, handle.GrantID())
	g.MACKey, g.Scope, g.Audience, g.DeviceLabel, g.IP = mac, t.scope, t.audience, r.EndUser.DeviceLabel, text(address)
	if err := i.createGrant(ctx, g, user.Epoch); err != nil {
		if errors.Is(err, oauth.InvalidGrant) {
			return nil, i.refuseLogin(caller, user.ID, address, audit.ChangedMeanwhile)
		}
		return nil, oauth.FromStore(err)
	}
	if err := i.record(caller, audit.Event{
		Name: audit.LoginSucceeded, Subject: user.ID, Grant: g.ID.String(), IP: text(address),
	}); err != nil {
		return nil, err
	}
	answer, err := i.answer(ctx, "login", s, g, t, handle)
	if err != nil {
		return nil, err
	}
	answer.DeviceToken, err = token.EncodeDevice(mac, secret, user.ID)
	return answer, err
}

func (i *Issuer) createGrant(ctx context.Context, g grant.Grant, epoch int64) error {
	ctx, done := i.watch.Span(ctx, "store.create_grant")
	defer done()
	return i.store.CreateGrant(ctx, g, epoch)
}

func (i *Issuer) newGrant(s *snapshot, c client.Client, subject string, id oauth.GrantID) grant.Grant {
	now := i.storeTime(s)
	idle := min(orDefault(c.RefreshIdle, i.lifetimes.Idle), i.lifetimes.MaxAbsolute)
	absolute := min(orDefault(c.RefreshAbsolute, i.lifetimes.Absolute), i.lifetimes.MaxAbsolute)
	return grant.Grant{
		ID: id, UserID: subject, ClientID: c.ID, RotatedAt: now, IdleLifetime: idle.Truncate(time.Second),
		ExpiresAt: now.Add(absolute), AuthTime: now, AMR: []string{amrPassword}, CreatedAt: now,
	}
}

// storeTime is the store's clock as the snapshot knows it, in microseconds.
func (i *Issuer) storeTime(s *snapshot) time.Time {
	return i.now().Add(s.offset).UTC().Truncate(time.Microsecond)
}
