package admin

import (
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/password"
)

// Options is what an Admin is made of. Every field is needed but Audit.
type Options struct {
	Store     Store
	Passwords *password.Hasher
	// Policy is what new passwords must be.
	Policy password.Policy
	Limits Limits
	// Now is the wall clock.
	Now func() time.Time
	// Audit writes an event before the verb returns; its error is the verb's. nil means no audit.
	Audit func(audit.Event) error
}

// Limits are the caps that the configuration sets.
type Limits struct {
	// MaxAccess caps an audience's lifetime, MaxRefresh a client's refresh lifetimes.
	MaxAccess  time.Duration
	MaxRefresh time.Duration
}

// An Admin creates, changes and deletes users, clients and audiences.
type Admin struct {
	store     Store
	passwords *password.Hasher
	policy    password.Policy
	limits    Limits
	now       func() time.Time
	audit     func(audit.Event) error
}

// New returns an Admin.
func New(o Options) *Admin {
	a := &Admin{store: o.Store, passwords: o.Passwords, policy: o.Policy, limits: o.Limits, now: o.Now, audit: o.Audit}
	if a.audit == nil {
		a.audit = func(audit.Event) error { return nil }
	}
	return a
}

// time is now in the stores' precision.
func (a *Admin) time() time.Time { return a.now().UTC().Truncate(time.Microsecond) }

// done writes the event of what was just done, or passes on why it was not.
func (a *Admin) done(by audit.Actor, e audit.Event, err error) error {
	if err != nil {
		return oauth.FromStore(err)
	}
	return a.record(by, e)
}

func (a *Admin) record(by audit.Actor, e audit.Event) error {
	e.Time, e.Actor = a.now(), by
	if err := a.audit(e); err != nil {
		return oauth.Unavailable(err)
	}
	return nil
}
