package admin

import (
	"context"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/password"
)

// Options configures an Admin. Every field is required, except where its
// comment says what nil means.
type Options struct {
	// Issuer is the issuer identifier (RFC 8414 §2).
	Issuer    string
	Store     Store
	Passwords *password.Hasher
	// Policy is what new passwords must satisfy.
	Policy password.Policy
	Limits Limits
	// Now is the store's clock.
	Now func() time.Time
	// ClockSkew is how far the times in an audit log may differ from the
	// store's clock.
	ClockSkew time.Duration
	// Audit writes an event before a method returns. If it fails, the method
	// fails. nil means no audit log.
	Audit func(context.Context, audit.Event) error
}

// Limits are the caps that the configuration sets.
type Limits struct {
	// MaxAccess caps the lifetime of an audience's access tokens.
	MaxAccess time.Duration
	// MaxRefresh caps the lifetimes of a client's grants.
	MaxRefresh time.Duration
}

// An Admin has the operations of all its parts.
type Admin struct {
	*Accounts
	*Clients
	*Audiences
	*Directories
	*Revocations
	*Verifiers
	*Replayer
}

// New returns an Admin.
func New(o Options) *Admin {
	if o.Audit == nil {
		o.Audit = func(context.Context, audit.Event) error { return nil }
	}
	r := recorder{clock: o.Now, write: o.Audit}
	a := &Admin{
		Accounts:  &Accounts{store: o.Store, passwords: o.Passwords, policy: o.Policy, events: r},
		Clients:   &Clients{store: o.Store, maxRefresh: o.Limits.MaxRefresh, events: r},
		Audiences: &Audiences{store: o.Store, maxAccess: o.Limits.MaxAccess, events: r},
	}
	a.Directories = &Directories{store: o.Store, users: o.Store, clients: a.Clients, audiences: a.Audiences, events: r}
	a.Revocations = &Revocations{
		issuer: o.Issuer, keep: grant.RevocationKeep(o.Limits.MaxAccess),
		store: o.Store, clients: a.Clients, users: o.Store, events: r,
	}
	a.Verifiers = &Verifiers{store: o.Store, now: o.Now}
	a.Replayer = &Replayer{
		store: o.Store, accounts: a.Accounts, clients: a.Clients, revocations: a.Revocations, events: r,
		skew: o.ClockSkew,
	}
	return a
}
