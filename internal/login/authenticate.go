package login

import (
	"context"
	"errors"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/password"
	"github.com/signetd/signet/internal/throttle"
)

// An Authentication is the result of a login: who authenticated, how and when.
type Authentication struct {
	// Subject is the id of the user.
	Subject string
	// AMR are the methods (RFC 8176).
	AMR []string
	// ACR is the level of assurance.
	ACR string
	// AuthTime is when the user authenticated, by the store's clock.
	AuthTime time.Time
	// Epoch is the user's epoch before the authentication. A grant is created
	// only if the user still has it.
	Epoch int64
}

// Authenticate verifies the password of a user. Every refusal is the same
// invalid_grant and costs one hash, whether the user is unknown or disabled,
// the account is over its limit, or the password is wrong. If the password is
// valid but the account has too many successful logins, it returns slow_down.
//
// Without an error the caller must call release when it has answered the login.
// Until then the login has its place in the queue for hashing, so that a slow
// store does not make the server accept more and more logins.
func (s *Service) Authenticate(ctx context.Context, a Attempt) (_ Authentication, release func(), err error) {
	if err := s.o.Available(); err != nil {
		return Authentication{}, nil, err
	}
	ctx, release, err = s.reservePlace(ctx, a)
	if err != nil {
		return Authentication{}, nil, err
	}

	user, rehash, err := s.verify(ctx, a)
	if err == nil {
		err = s.countLogin(ctx, user, a)
	}
	if err != nil {
		release()
		return Authentication{}, nil, err
	}
	if rehash {
		s.rehash(ctx, user, a.Password)
	}

	amr := []string{oauth.AMRPassword}
	return Authentication{
		Subject: user.ID, AMR: amr, ACR: oauth.ACR(amr), AuthTime: s.o.Now(), Epoch: user.Epoch,
	}, release, nil
}

// reservePlace reserves a place in the queue for hashing. The context that it
// returns ends if the place is refused before the hash.
func (s *Service) reservePlace(ctx context.Context, a Attempt) (context.Context, func(), error) {
	c := password.Caller{Client: a.Client}
	if a.Address.IsValid() {
		c.Address = throttle.Block(a.Address)
	}
	ctx, release, err := s.o.Passwords.Reserve(ctx, c)
	if err != nil {
		return nil, nil, hashError(err)
	}
	return ctx, release, nil
}

// verify returns the user of an attempt whose password is valid. rehash reports
// whether the caller should hash the password again.
//
// Neither the response nor its time reveals whether the user exists: an unknown
// name costs the same statements as a known one, and one hash that costs as
// much as that of a user. An attempt over a limit costs the same as one below
// it, but it fails even if its password is valid.
func (s *Service) verify(ctx context.Context, a Attempt) (user User, rehash bool, err error) {
	defer func() {
		if refused := context.Cause(ctx); isBusy(refused) {
			err = hashError(refused) // not the error of the step that it interrupted
		}
	}()

	if user, err = s.find(ctx, a.Username); err != nil {
		return user, false, err
	}
	r, err := s.reserve(ctx, user, a)
	if err != nil {
		return user, false, err
	}
	defer r.release()

	hash := user.PasswordHash
	if dummy := s.dummies.of(countedName(a.Username)); hash == "" {
		hash = dummy
	}
	hashing, done := s.o.Span(ctx, "password.verify")
	valid, rehash, err := s.o.Passwords.Verify(hashing, hash, a.Password)
	done()

	reason := r.throttled
	switch {
	case err != nil:
		r.refund(ctx)
		return user, false, hashError(err)
	case reason != "":
	case user.ID == "":
		reason = audit.UnknownUser
	case !valid || user.PasswordHash == "":
		reason = audit.WrongPassword
	case !user.DisabledAt.IsZero():
		reason = audit.DisabledUser
	default:
		r.refund(ctx)
		return user, rehash, nil
	}
	return user, false, s.refuse(ctx, user.ID, a, reason)
}

// find returns the user of that name, or the zero User if there is none. The
// number of statements depends only on the name, not on whether the user
// exists.
func (s *Service) find(ctx context.Context, username string) (User, error) {
	names, err := StoredUsernames(username)
	if err != nil {
		return User{}, nil // An invalid name is an unknown one.
	}
	var found []User
	for _, name := range names {
		user, err := s.o.Store.User(ctx, name)
		switch {
		case err == nil:
			found = append(found, user)
		case !errors.Is(err, oauth.NotFound):
			return User{}, oauth.FromStore(err)
		}
	}
	if len(found) == 0 {
		return User{}, nil
	}
	if len(found) > 1 {
		s.o.Log.Warn("two users have names that differ only in case", "sub", found[0].ID, "other_sub", found[1].ID)
	}
	return found[0], nil
}

// rehash stores a hash of the password with the current parameters. If that
// fails, it logs the error, and the login succeeds.
func (s *Service) rehash(ctx context.Context, user User, secret string) {
	next, err := s.o.Passwords.Hash(ctx, secret)
	if err == nil {
		err = s.o.Store.Rehash(ctx, user.ID, user.PasswordHash, next)
	}
	if err != nil {
		s.o.Log.Warn("cannot rehash password", "sub", user.ID, "error", err)
	}
}

// isBusy reports whether err means that a password was not hashed because of
// overload.
func isBusy(err error) bool {
	_, busy := errors.AsType[*password.BusyError](err)
	return busy
}

// hashError returns the error for a request whose password could not be hashed.
func hashError(err error) error {
	if busy, ok := errors.AsType[*password.BusyError](err); ok {
		return tooBusy(err, busy.RetryAfter)
	}
	if errors.Is(err, password.ErrTooLong) {
		return oauth.Fail(oauth.InvalidRequest, "The password is too long.")
	}
	return oauth.Refused(oauth.ServerError, err)
}
