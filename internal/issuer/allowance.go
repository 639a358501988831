package issuer

import (
	"context"
	"errors"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/login"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/throttle"
	"github.com/signetd/signet/internal/token"
	"github.com/signetd/signet/keys"
)

// giveBackTimeout bounds giving a guess back, which outlives its request.
const giveBackTimeout = 2 * time.Second

// An allowance is the guess that the counters have let somebody make, or have not.
type allowance struct {
	issuer   *Issuer
	counters []throttle.Counter
	// at is when it was counted, by a clock that does not jump when the machine's does.
	at time.Time
	// throttled is why the guess may not be made; empty if it may.
	throttled string
	// leave lets the next guess at the same account begin.
	leave func()
}

// allow counts the guess before it is made, so that of any number at once no more are made than are left. An address that
// has none left is told so, which says nothing about accounts; whether the account has some left, nobody is told.
func (i *Issuer) allow(ctx context.Context, caller Caller, user login.User, g guess) (allowance, error) {
	a := allowance{issuer: i, at: i.keys.Now()}
	known, err := i.knows(ctx, user, g.deviceToken)
	if err != nil {
		return a, err
	}
	if a.counters, err = i.countersOf(user, known, g); err != nil {
		return a, err
	}
	last := len(a.counters) - 1
	if a.leave, err = i.lanes.enter(ctx, a.counters[last].Key); err != nil {
		return a, tooBusy(err, time.Second)
	}
	taken, err := i.store.ReserveAttempt(ctx, a.counters, a.at)
	if err == nil && taken > last {
		return a, nil
	}
	a.leave() // a guess that is not made holds up nobody
	switch {
	case err != nil:
		return a, oauth.FromStore(err)
	case known:
		a.throttled = audit.ThrottledDevice
	case taken == last:
		a.throttled = audit.ThrottledAccount
	default:
		return a, i.refuseAddress(caller, user, g, a.counters[0])
	}
	return a, nil
}

// refuseAddress tells how long the address must wait at most.
func (i *Issuer) refuseAddress(caller Caller, user login.User, g guess, c throttle.Counter) error {
	err := i.refuseLogin(caller, user.ID, g.address, audit.ThrottledAddress)
	if !errors.Is(err, oauth.InvalidGrant) {
		return err
	}
	return &oauth.Error{
		Code: oauth.SlowDown, Sentence: "Too many failed logins from this address; try again later.",
		Cause: errors.Unwrap(err), RetryAfter: c.Leak(),
	}
}

// countersOf returns what counts the guess. A device that the account knows has an allowance of its own, which neither those
// who attack the account nor those who share the device's address can use up.
func (i *Issuer) countersOf(user login.User, known bool, g guess) ([]throttle.Counter, error) {
	if known {
		return throttle.Device(user.ID, g.deviceToken), nil
	}
	_, secret, err := i.keys.CurrentMAC() // for users too, so that whoever asks is told the same
	if err != nil {
		return nil, oauth.Unavailable(err)
	}
	var counters []throttle.Counter
	if g.address.IsValid() {
		counters = append(counters, throttle.Address(g.address, i.perHour))
	}
	if user.ID != "" {
		return append(counters, throttle.Account(user.ID)), nil
	}
	name, err := login.CanonicalUsername(g.username)
	if err != nil {
		name = g.username
	}
	return append(counters, throttle.Nobody(secret, name)), nil
}

// knows says whether the device token was made for the user. One of a key that is unknown, gone or compromised says nothing.
func (i *Issuer) knows(ctx context.Context, user login.User, deviceToken string) (bool, error) {
	device, err := token.ParseDevice(deviceToken)
	if err != nil {
		return false, nil // none, or none of ours
	}
	secret, err := i.keys.MAC(ctx, device.Key)
	if keys.Gone(err) {
		return false, nil
	} else if err != nil {
		return false, oauth.Unavailable(err)
	}
	return device.Of(user.ID, secret) && user.ID != "", nil
}

// giveBack undoes the count of a guess that was right, or was not made after all. Earlier failures stay counted until they
// have leaked away: else each login of the owner would give a thief a new allowance. If it fails, the account has a guess
// less for a while, and that is for the log.
func (a allowance) giveBack(ctx context.Context) {
	if a.throttled != "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), giveBackTimeout)
	defer cancel()
	if err := a.issuer.store.RefundAttempt(ctx, a.counters, a.at); err != nil {
		a.issuer.log.Warn("a login that was right stays counted as a failed one", "error", err)
	}
}
