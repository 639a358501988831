package issuer

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/login"
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

// prove returns the user whose password was presented, and whether it should be hashed anew. Login and ChangePassword prove
// alike. Nobody learns from an answer, or from how long it takes, whether there is such a user: a name that no account has
// costs the same statements as one that has, and one hash like any other. So does a guess too many, the right password
// included: it is held against a hash that no password has, never against the user's.
func (i *Issuer) prove(ctx context.Context, caller Caller, g guess) (user login.User, rehash bool, err error) {
	user, err = i.named(ctx, g.username)
	if err != nil {
		return user, false, err
	}
	a, err := i.allow(ctx, caller, user, g)
	if err != nil {
		return user, false, err
	}
	defer a.leave()
	hash := user.PasswordHash
	if a.throttled != "" {
		hash = ""
	}
	verifying, done := i.watch.Span(ctx, "password.verify")
	right, rehash, err := i.passwords.Verify(verifying, hash, g.password)
	done()
	reason := a.throttled
	switch {
	case err != nil:
		a.giveBack(ctx)
		return user, false, hashFault(err)
	case reason != "":
	case user.ID == "":
		reason = audit.UnknownUser
	case !right:
		reason = audit.WrongPassword
	case !user.DisabledAt.IsZero():
		reason = audit.DisabledUser
	default:
		a.giveBack(ctx)
		return user, rehash, nil
	}
	return user, false, i.refuseLogin(caller, user.ID, g.address, reason)
}

// named returns the user of that name, or the zero user.
func (i *Issuer) named(ctx context.Context, username string) (user login.User, err error) {
	name, err := login.CanonicalUsername(username)
	if err == nil {
		user, err = i.store.User(ctx, name)
	}
	if err != nil && !errors.Is(err, oauth.NotFound) && !errors.Is(err, oauth.InvalidRequest) {
		return user, oauth.FromStore(err)
	}
	return user, nil
}

func tooBusy(cause error, wait time.Duration) error {
	return &oauth.Error{Code: oauth.SlowDown, Sentence: "Too many logins at once; try again.", Cause: cause, RetryAfter: wait}
}

// hashFault says why a password was not hashed.
func hashFault(err error) error {
	if busy, ok := errors.AsType[*password.Busy](err); ok {
		return tooBusy(err, busy.RetryAfter)
	}
	if errors.Is(err, password.ErrTooLong) {
		return oauth.Fail(oauth.InvalidRequest, "The password is too long.")
	}
	return oauth.Refused(oauth.ServerError, err)
}

// refuseLogin writes why a login is refused, which its caller is not told.
func (i *Issuer) refuseLogin(caller Caller, subject string, address netip.Addr, reason string) error {
	if err := i.record(caller, audit.Event{
		Name: audit.LoginFailed, Subject: subject, Reason: reason, IP: text(address), Failed: true,
	}); err != nil {
		return err
	}
	return oauth.Refused(oauth.InvalidGrant, errors.New(reason))
}

// rehash stores the password under the present parameters. A failure is for the log: the login itself is good.
func (i *Issuer) rehash(ctx context.Context, user login.User, secret string) {
	next, err := i.passwords.Hash(ctx, secret)
	if err == nil {
		err = i.store.Rehash(ctx, user.ID, user.PasswordHash, next)
	}
	if err != nil {
		i.log.Warn("the password could not be hashed anew", "sub", user.ID, "error", err)
	}
}
