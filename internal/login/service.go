package login

import (
	"context"
	"log/slog"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/password"
	"github.com/signetd/signet/internal/throttle"
)

// Store stores the users and the counters of login attempts. Every method is
// one whole state change or one consistent read. An error that is an oauth.Code
// is an answer of the store. Every other error means that the store did not
// answer.
type Store interface {
	// User returns the user of that canonical name, or oauth.NotFound.
	User(ctx context.Context, username string) (User, error)
	// Rehash replaces the user's password hash if it is still old. Otherwise it
	// does nothing. It does not change the grants and the epoch.
	Rehash(ctx context.Context, userID, old, next string) error
	// ChangePassword replaces the user's password hash if the user is enabled
	// and the hash is still old. It increases the epoch and revokes the user's
	// grants, except the grant whose id is except, with the reason
	// audit.RevokedByPassword. If the user is not enabled or the hash is not
	// old, it returns oauth.InvalidGrant and writes nothing. The change is
	// durable on return, also on a replicated cluster. actor is the name of the
	// actor in the audit event. live is how many live grants it revoked, as
	// grant.Ended says. at is the time of the change, by the store's clock.
	ChangePassword(ctx context.Context, userID, old, next string, except oauth.GrantID, actor string) (
		live int, at time.Time, err error)
	// ReserveAttempt adds one attempt to each counter, in order, until a
	// counter rejects it. It returns how many counters accepted it. Each
	// counter decides as throttle.Counter.Reserve does. Attempts at one counter
	// are serialized: a counter never accepts more concurrent attempts than it
	// has left. There are one to three counters, and every attempt has them in
	// the same order: an address at a client, the address at all clients, an
	// account; or a device, all devices of the account.
	ReserveAttempt(ctx context.Context, counters []throttle.Counter, now time.Time) (accepted int, err error)
	// RefundAttempt removes the attempt that ReserveAttempt added at now, from
	// the counters that still exist. If there was no later attempt, the next
	// wait begins at the attempt before it.
	RefundAttempt(ctx context.Context, counters []throttle.Counter, now time.Time) error
	// PasswordHashes returns the password hashes of a sample of the users, by
	// id: of the limit lowest ids, of the limit lowest ids from
	// oauth.UserIDPrefix on, and of the limit highest ids. Most ids are random.
	// Those of imported users may be in the order of their creation, and all
	// before those that Signet makes. It does not read the other users.
	PasswordHashes(ctx context.Context, limit int) ([]StoredHash, error)
}

// Options configures a Service. Every field is required, except where its
// comment says what nil means.
type Options struct {
	Store     Store
	Passwords *password.Hasher
	// Policy is what new passwords must satisfy.
	Policy password.Policy
	// AddressPerHour is the maximum number of failed logins from one address
	// through one client in an hour: throttle.MinPerHour to
	// throttle.MaxPerHour.
	AddressPerHour int
	// KnownDevice reports whether a device token was made for the user. It
	// returns false for a token that the issuer did not make, or whose MAC key
	// does not exist any more.
	KnownDevice func(ctx context.Context, deviceToken, userID string) (bool, error)
	// UnknownNameKey returns the secret key under which attempts at unknown
	// user names are counted.
	UnknownNameKey func() ([]byte, error)
	// Now is the store's clock.
	Now func() time.Time
	// Monotonic is a clock that does not follow a jump of the wall clock until
	// the jump is confirmed, such as keys.Manager.Now. The counters of attempts
	// use it.
	Monotonic func() time.Time
	// Available returns temporarily_unavailable if the store has not confirmed
	// its clock recently.
	Available func() error
	// Log receives messages for the operator, in addition to the audit events.
	// nil means slog.Default.
	Log *slog.Logger
	// Audit writes an event before the server answers. If it returns an error,
	// the request fails. nil means no audit log.
	Audit func(context.Context, audit.Event) error
	// Span starts a trace span of that name. It returns the function that ends
	// the span. nil means no traces.
	Span func(ctx context.Context, name string) (context.Context, func())
}

// A Service authenticates users by their passwords and changes passwords.
type Service struct {
	o       Options
	limiter accountLimiter
	dummies dummies
}

// New returns a Service. Poll must follow before the first login, and again
// every minute, as Run does.
func New(o Options) *Service {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Audit == nil {
		o.Audit = func(context.Context, audit.Event) error { return nil }
	}
	if o.Span == nil {
		o.Span = func(ctx context.Context, _ string) (context.Context, func()) { return ctx, func() {} }
	}
	return &Service{o: o}
}

// record audits an event of the actor. If that fails, it returns
// temporarily_unavailable.
func (s *Service) record(ctx context.Context, by audit.Actor, e audit.Event) error {
	e.Time, e.Actor = s.o.Now(), by
	if err := s.o.Audit(ctx, e); err != nil {
		return oauth.Unavailable(err)
	}
	return nil
}
