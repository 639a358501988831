package issuer

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/password"
)

// A guess is what somebody presents as the password of an account.
type guess struct {
	username    string
	password    string
	deviceToken string
	// address is the end user's, as far as it is known; see endUserAddress.
	address netip.Addr
	// at is when the guess arrived, in store time.
	at time.Time
}

// endUserAddress returns the end user's address. A public client runs on the end user's device and could report any address,
// so what counts is where it calls from. A confidential client is somebody else's machine: its own address says nothing, and
// without a report there is none.
func endUserAddress(caller Caller, u EndUser) (netip.Addr, error) {
	if caller.Client.Public {
		return caller.Address, nil
	}
	if u.IP == "" {
		return netip.Addr{}, nil
	}
	addr, err := netip.ParseAddr(u.IP)
	if err != nil {
		return addr, oauth.Fail(oauth.InvalidRequest, "end_user.ip is not an IP address.")
	}
	return addr.Unmap().WithZone(""), nil
}

// text is the address in its one spelling, or nothing.
func text(address netip.Addr) string {
	if !address.IsValid() {
		return ""
	}
	return address.String()
}

// prove returns the user whose password was presented, and whether it should be hashed anew. A name that no account has costs
// a hash like any other. Login and ChangePassword prove alike.
func (i *Issuer) prove(ctx context.Context, caller Caller, g guess) (user oauth.User, rehash bool, err error) {
	name, err := oauth.CanonicalUsername(g.username)
	if err == nil {
		user, err = i.store.User(ctx, name)
	}
	if err != nil && !errors.Is(err, oauth.NotFound) && !errors.Is(err, oauth.InvalidRequest) {
		return user, false, oauth.FromStore(err)
	}
	verifying, done := i.watch.Span(ctx, "password.verify")
	right, rehash, err := i.passwords.Verify(verifying, user.PasswordHash, g.password)
	done()
	switch {
	case err != nil:
		return user, false, hashFault(err)
	case user.ID == "":
		return user, false, i.refuseLogin(caller, "", g.address, "unknown_user")
	case !right:
		return user, false, i.refuseLogin(caller, user.ID, g.address, "wrong_password")
	case !user.DisabledAt.IsZero():
		return user, false, i.refuseLogin(caller, user.ID, g.address, "user_disabled")
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

// refuseLogin writes why a login is refused, which its caller is not told.
func (i *Issuer) refuseLogin(caller Caller, subject string, address netip.Addr, reason string) error {
	if err := i.record(caller, oauth.Event{
		Name: oauth.EventLoginFailed, Subject: subject, Reason: reason, IP: text(address), Failed: true,
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
