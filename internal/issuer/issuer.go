package issuer

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/password"
	"github.com/signetd/signet/keys"
)

// Options is what an Issuer is made of. Every field is needed but Log, Audit and Watch.
type Options struct {
	// Identifier is the issuer identifier (RFC 8414 §2), from the configuration only.
	Identifier string
	Store      Store
	// Directory is the snapshot of clients and audiences; somebody else runs it.
	Directory *Directory
	Keys      *keys.Manager
	Passwords *password.Hasher
	// Policy is what new passwords must be.
	Policy    password.Policy
	Lifetimes Lifetimes
	// AddressPerHour is how many logins from one address may fail in an hour, throttle.MinPerHour to throttle.MaxPerHour.
	AddressPerHour int
	// Now is the wall clock.
	Now func() time.Time
	// Log gets what the operator should know beside the audit events; nil means slog.Default.
	Log *slog.Logger
	// Audit writes a security event before the answer is given; its error refuses the answer. nil means no audit.
	Audit func(audit.Event) error
	// Watch is who counts and times what is done.
	Watch Watch
}

// A Watch is told what an operator counts and times. A nil field means that nobody does.
type Watch struct {
	// Refreshed gets what became of a presented refresh token: an grant.Outcome, or one of the words of this room for what
	// reached no store.
	Refreshed func(outcome string)
	// Issued gets the call for which an access token was signed, and the algorithm.
	Issued func(call, algorithm string)
	// Repeated gets them when a token that was signed before is given again.
	Repeated func(call, algorithm string)
	// Span begins the part of a call that the name tells, and returns what ends it.
	Span func(ctx context.Context, name string) (context.Context, func())
}

// filled returns the watch with something to call in every field.
func (w Watch) filled() Watch {
	if w.Refreshed == nil {
		w.Refreshed = func(string) {}
	}
	if w.Issued == nil {
		w.Issued = func(string, string) {}
	}
	if w.Repeated == nil {
		w.Repeated = func(string, string) {}
	}
	if w.Span == nil {
		w.Span = func(ctx context.Context, _ string) (context.Context, func()) { return ctx, func() {} }
	}
	return w
}

// The outcomes of a refresh that are none of the store's: the token is not one of ours, it names no key of ours, or the store
// or the keys could not answer.
const (
	OutcomeInvalid     = "invalid"
	OutcomeUnknownKey  = "unknown_key"
	OutcomeUnavailable = "unavailable"
)

// Lifetimes are the issuer's defaults and caps.
type Lifetimes struct {
	// Access is how long an access token lives if its audience does not say; MaxAccess caps every audience.
	Access    time.Duration
	MaxAccess time.Duration
	// Idle and Absolute bound a grant's life if its client does not say; MaxAbsolute caps every client.
	Idle        time.Duration
	Absolute    time.Duration
	MaxAbsolute time.Duration
	// Leeway is how long a second tab may present the token before last if its client does not say.
	Leeway time.Duration
}

// An Issuer has the verbs on tokens and grants.
type Issuer struct {
	identifier string
	store      Store
	directory  *Directory
	keys       *keys.Manager
	passwords  *password.Hasher
	policy     password.Policy
	lifetimes  Lifetimes
	perHour    int
	lanes      lanes
	repeats    repeats
	now        func() time.Time
	log        *slog.Logger
	audit      func(audit.Event) error
	watch      Watch
}

// New returns an Issuer.
func New(o Options) *Issuer {
	i := &Issuer{
		identifier: o.Identifier, store: o.Store, directory: o.Directory, keys: o.Keys, passwords: o.Passwords, policy: o.Policy,
		lifetimes: o.Lifetimes, perHour: o.AddressPerHour, now: o.Now, log: o.Log, audit: o.Audit, watch: o.Watch.filled(),
	}
	if i.log == nil {
		i.log = slog.Default()
	}
	if i.audit == nil {
		i.audit = func(audit.Event) error { return nil }
	}
	return i
}

// A Caller is who asks: a client that has been authenticated, and the request it came with.
type Caller struct {
	Client    client.Client
	RequestID string
	// Subject is whom the access token was made for that the client came with; empty if it came by itself.
	Subject string
	// Admin administers the issuer, and may act on every client's grants.
	Admin bool
	// Address is where the request came from, without a zone, IPv4 in four bytes; the zero address if that is not known.
	Address netip.Addr
}

// Actor returns the caller as the audit log names it.
func (c Caller) Actor() audit.Actor {
	return audit.Actor{Name: cmp.Or(c.Subject, c.Client.ID), RequestID: c.RequestID}
}

// record writes an event of the caller; if it cannot be written, the caller gets no answer.
func (i *Issuer) record(caller Caller, e audit.Event) error {
	e.Time, e.Actor = i.now(), caller.Actor()
	if err := i.audit(e); err != nil {
		return oauth.Unavailable(err)
	}
	return nil
}

// storeDeadline returns the moment, in store time, after which nobody waits for the answer.
func (i *Issuer) storeDeadline(ctx context.Context, arrived time.Time) time.Time {
	deadline, ok := ctx.Deadline()
	if !ok {
		return arrived.Add(defaultDeadline)
	}
	return arrived.Add(time.Until(deadline)).Truncate(time.Microsecond)
}

// errNotOurs is said, in the log only, of tokens that are not the caller's or not ours at all.
var errNotOurs = errors.New("the token is not the caller's")

// defaultDeadline is what a call without a deadline gets.
const defaultDeadline = 10 * time.Second
