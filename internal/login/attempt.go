package login

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/throttle"
)

// refundTimeout is the time limit of a refund. A refund continues after its
// request has ended.
const refundTimeout = 2 * time.Second

// An Attempt is an attempt to authenticate as a user with a password.
type Attempt struct {
	// Actor is the caller that makes the attempt, and Client is the id of its
	// client.
	Actor  audit.Actor
	Client string
	// Address is the address of the end user, the zero address if it is not
	// known.
	Address     netip.Addr
	Username    string
	Password    string
	DeviceToken string
}

// AttemptOwner returns the owner of all counters of login attempts of a user.
func AttemptOwner(userID string) [16]byte { return throttle.Owner(userID) }

// A reservation is an attempt that the counters have accepted or rejected.
type reservation struct {
	service  *Service
	counters []throttle.Counter
	// at is when the attempt was counted, by Options.Monotonic.
	at time.Time
	// throttled is the reason why the counters rejected the attempt. It is
	// empty if they accepted it.
	throttled string
	// release must be called when the attempt is finished. Then the next
	// attempt at the account can begin.
	release func()
}

// reserve counts the attempt before the password is verified, so that
// concurrent attempts cannot exceed a limit.
//
// If the address is over its limit, reserve returns slow_down, which reveals
// nothing about accounts. If the account or the device is over its limit,
// reserve returns a reservation with throttled set, because the response must
// not reveal that.
func (s *Service) reserve(ctx context.Context, user User, a Attempt) (reservation, error) {
	r := reservation{service: s, at: s.o.Monotonic()}
	known, err := s.knownDevice(ctx, user, a)
	if err != nil {
		return r, err
	}
	if r.counters, err = s.counters(user, known, a); err != nil {
		return r, err
	}
	last := len(r.counters) - 1
	if r.release, err = s.limiter.acquire(ctx, slotKey{r.counters[last].Key, a.Client}); err != nil {
		return r, tooBusy(err, time.Second)
	}

	accepted, err := s.o.Store.ReserveAttempt(ctx, r.counters, r.at)
	if err == nil && accepted > last {
		return r, nil
	}
	r.release() // this attempt cannot succeed, so the next one need not wait
	switch {
	case err != nil:
		return r, oauth.FromStore(err)
	case known:
		r.throttled = audit.ThrottledDevice
	case accepted == last:
		r.throttled = audit.ThrottledAccount
	default:
		return r, s.slowDown(ctx, user, a, audit.ThrottledAddress, tooManyFailures, r.counters[accepted])
	}
	return r, nil
}

// countLogin counts a login whose password is valid. If the account has too
// many successful logins, it returns slow_down.
func (s *Service) countLogin(ctx context.Context, user User, a Attempt) error {
	c := throttle.Logins(user.ID)
	accepted, err := s.o.Store.ReserveAttempt(ctx, []throttle.Counter{c}, s.o.Monotonic())
	if err != nil {
		return oauth.FromStore(err)
	}
	if accepted == 0 {
		return s.slowDown(ctx, user, a, audit.ThrottledLogins, tooManyLogins, c)
	}
	return nil
}

// The descriptions of the errors for attempts over a limit.
const (
	tooManyFailures = "Too many failed logins from this address; try again later."
	tooManyLogins   = "Too many logins to this account; use its refresh token, or try again later."
)

// slowDown audits an attempt that is over the limit of the counter. It returns
// slow_down with the longest time until the counter accepts an attempt.
func (s *Service) slowDown(
	ctx context.Context, user User, a Attempt, reason, sentence string, c throttle.Counter,
) error {
	err := s.refuse(ctx, user.ID, a, reason)
	if !errors.Is(err, oauth.InvalidGrant) {
		return err
	}
	return &oauth.Error{
		Code: oauth.SlowDown, Sentence: sentence, Cause: errors.Unwrap(err), RetryAfter: c.Leak(),
	}
}

// counters returns the counters of the attempt. A known device has a counter of
// its own, which attackers of the account and other users of the same address
// cannot use up.
func (s *Service) counters(user User, known bool, a Attempt) ([]throttle.Counter, error) {
	if known {
		return throttle.Device(user.ID, a.DeviceToken), nil
	}

	// Known names need the key, too: an error must not show which names exist.
	secret, err := s.o.UnknownNameKey()
	if err != nil {
		return nil, err
	}

	var counters []throttle.Counter
	if a.Address.IsValid() {
		counters = append(counters, throttle.Address(a.Address, a.Client, s.o.AddressPerHour)...)
	}
	if user.ID != "" {
		return append(counters, throttle.Account(user.ID)), nil
	}

	return append(counters, throttle.UnknownUser(secret, countedName(a.Username))), nil
}

// knownDevice reports whether the device token was made for the user.
func (s *Service) knownDevice(ctx context.Context, user User, a Attempt) (bool, error) {
	known, err := s.o.KnownDevice(ctx, a.DeviceToken, user.ID)
	return known && user.ID != "", err
}

// refund removes an attempt from the counters: its password was valid, or no
// hash was computed. Earlier failures stay counted until they have leaked out.
// Otherwise an attacker would get new attempts with each login of the owner. If
// the refund fails, refund logs the error, and the attempt stays counted.
func (r reservation) refund(ctx context.Context) {
	if r.throttled != "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), refundTimeout)
	defer cancel()
	if err := r.service.o.Store.RefundAttempt(ctx, r.counters, r.at); err != nil {
		r.service.o.Log.Warn("cannot refund login attempt; it stays counted", "error", err)
	}
}

// refuse audits the reason of the refusal and returns invalid_grant. The
// response does not contain the reason.
func (s *Service) refuse(ctx context.Context, subject string, a Attempt, reason string) error {
	e := audit.Event{Name: audit.LoginFailed, Subject: subject, Reason: reason, IP: audit.IP(a.Address), Failed: true}
	if err := s.record(ctx, a.Actor, e); err != nil {
		return err
	}
	return oauth.Refused(oauth.InvalidGrant, errors.New(reason))
}

// tooBusy returns the error for a login that the server has no capacity for.
// The caller may try again after wait.
func tooBusy(cause error, wait time.Duration) error {
	return &oauth.Error{
		Code: oauth.SlowDown, Sentence: "Too many logins at once; try again.", Cause: cause, RetryAfter: wait,
	}
}
