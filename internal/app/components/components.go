package components

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/browser"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/feed"
	"github.com/signetd/signet/internal/fresh"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/login"
	"github.com/signetd/signet/internal/password"
	"github.com/signetd/signet/internal/revocation"
	"github.com/signetd/signet/keys"
)

// ServiceStore has the methods of a store that the components of a server need.
type ServiceStore interface {
	keys.Store
	client.Store
	login.Store
	grant.Store
	grant.SweepStore
	grant.EndingStore
	grant.LogStore
	grant.VerifierStore
	// UserByID returns the user of that id, or oauth.NotFound.
	UserByID(ctx context.Context, id string) (login.User, error)
}

// Options configures the components of a server. Every field is required,
// except where its comment says what nil means.
type Options struct {
	// Issuer is the issuer identifier (RFC 8414 §2).
	Issuer string
	// Server is the name of this server in the list of verifiers.
	Server string
	Store  ServiceStore
	// Keys are the options of the key ring. OpenKeys sets Store, InUse and Log.
	Keys      keys.Options
	Passwords *password.Hasher
	// PasswordPolicy is what new passwords must satisfy.
	PasswordPolicy password.Policy
	// AccessLifetimes bound access tokens.
	AccessLifetimes client.Lifetimes
	// GrantLifetimes bound grants.
	GrantLifetimes grant.Lifetimes
	Limits         Limits
	Revocations    Revocations
	// UseClock gives the store the clock of the key ring, which ignores jumps
	// of the wall clock. It is for a store that is a file, whose clock would be
	// the wall clock. nil means that the store has a clock of its own.
	UseClock func(now func() time.Time)
	Log      *slog.Logger
	// Audit writes an event before the server answers.
	Audit func(context.Context, audit.Event) error
	// Observer counts and traces. Its fields may be nil.
	Observer Observer
}

// Limits bound what one user and one address may use.
type Limits struct {
	// GrantsPerUser is that of grant.Options.
	GrantsPerUser int
	// AddressPerHour is that of login.Options.
	AddressPerHour int
}

// Revocations configures the revocation log and its feed. Its fields are those
// of feed.Options, except where their comments say otherwise.
type Revocations struct {
	PollInterval     time.Duration
	MaxWaiting       int
	ExemptAddress    func(netip.Addr) bool
	SigningAlgorithm string
	// ClientPerHour is that of grant.Options.
	ClientPerHour int
}

// An Observer counts and traces what the components do.
type Observer struct {
	// Refreshed is grant.Options.Refreshed.
	Refreshed func(grant.Outcome)
	// Issued and IssuedFromCache are those of issuer.Options.
	Issued, IssuedFromCache func(call, algorithm string)
	// Feed is that of feed.Options.
	Feed feed.Observer
	// Checked is that of browser.CheckerOptions.
	Checked func(outcome string)
	// Span is that of grant.Options and login.Options.
	Span func(ctx context.Context, name string) (context.Context, func())
}

// Components are the parts of a server that answer requests.
type Components struct {
	Registry *client.Registry
	Keys     *keys.Manager
	// Feed reads the revocation log. It has read it once.
	Feed *feed.Feed
	// Callers are those of the feed.
	Callers   *feed.Callers
	Grants    *grant.Service
	Logins    *login.Service
	Issuer    *issuer.Issuer
	Inspector *issuer.Inspector
	Canary    *issuer.CanaryIssuer
	Browser   *browser.Service
	// Checker answers gateways.
	Checker *browser.Checker
	// Revocations has the entries of the revocation log that this server has
	// read. Only the feed writes to it.
	Revocations *revocation.Table
}

// OpenKeys opens the registry and the key ring. The registry determines the
// algorithms for which the ring has keys.
func OpenKeys(ctx context.Context, o Options) (*client.Registry, *keys.Manager, error) {
	var ring *keys.Manager
	registry := client.NewRegistry(client.Options{
		Store: o.Store, Issuer: o.Issuer, Lifetimes: o.AccessLifetimes, Log: o.Log,
		Ready: func(algorithm string) bool { return ring != nil && ring.Ready(algorithm) },
	})
	if err := registry.Poll(ctx); err != nil {
		return nil, nil, err
	}

	k := o.Keys
	k.Store, k.InUse, k.Log = o.Store, registry.Algorithms, o.Log
	var err error
	if ring, err = keys.Open(ctx, k); err == nil && o.UseClock != nil {
		o.UseClock(ring.Now)
	}
	return registry, ring, err
}

// Open opens the key ring and the registry, and makes the other components.
func Open(ctx context.Context, o Options) (*Components, error) {
	registry, ring, err := OpenKeys(ctx, o)
	if err != nil {
		return nil, err
	}
	c := &Components{
		Registry: registry, Keys: ring, Canary: NewCanary(o, registry, ring), Revocations: new(revocation.Table),
	}
	c.Callers = &feed.Callers{Server: o.Server, Report: o.Store.ReportVerifiers, Now: registry.Now, Log: o.Log}
	if c.Feed, err = openFeed(ctx, o, c); err != nil {
		return nil, err
	}
	c.Grants = grant.New(grant.Options{
		Issuer: o.Issuer, Store: o.Store, Registry: registry, Keys: ring, Lifetimes: o.GrantLifetimes,
		GrantsPerUser: o.Limits.GrantsPerUser, AddRevocations: o.Store.AddRevocations, Revocations: c.Revocations,
		ReadLog:        fresh.NewReader(fresh.NewLock(), c.Feed.Refresh).Read,
		EntriesPerHour: o.Revocations.ClientPerHour, Log: o.Log, Audit: o.Audit,
		Refreshed: o.Observer.Refreshed, Span: o.Observer.Span,
	})

	tokens := issuer.Options{
		Identifier: o.Issuer, Registry: registry, Keys: ring, Grants: c.Grants, Revocations: c.Revocations,
		Subject: subjectOf(o.Store), Audit: o.Audit,
		Issued: o.Observer.Issued, IssuedFromCache: o.Observer.IssuedFromCache,
	}
	c.Issuer, c.Inspector = issuer.New(tokens), issuer.NewInspector(tokens)
	c.Checker = browser.NewChecker(browser.CheckerOptions{
		Registry: registry, Grants: c.Grants, Issuer: c.Issuer, Inspector: c.Inspector, FeedAge: c.Feed.Age,
		Checked: o.Observer.Checked,
	})

	c.Logins = login.New(login.Options{
		Store: o.Store, Passwords: o.Passwords, Policy: o.PasswordPolicy, AddressPerHour: o.Limits.AddressPerHour,
		KnownDevice: c.Issuer.KnownDevice, UnknownNameKey: c.Issuer.UnknownNameKey,
		Now: registry.Now, Monotonic: ring.Now, Available: registry.Health,
		Log: o.Log, Audit: o.Audit, Span: o.Observer.Span,
	})
	c.Browser = browser.New(browser.Options{
		Registry: registry, Logins: c.Logins, Grants: c.Grants, Issuer: c.Issuer,
	})
	c.Logins.Poll(ctx)
	return c, nil
}

// Revoked makes the components learn at once of what this server has revoked.
func (c *Components) Revoked(e audit.Event) {
	c.Checker.Ended(e)
	c.Feed.Changed()
}

// NewCanary returns what issues canary tokens under the keys of OpenKeys.
func NewCanary(o Options, registry *client.Registry, ring *keys.Manager) *issuer.CanaryIssuer {
	return &issuer.CanaryIssuer{
		Identifier: o.Issuer, Keys: ring, Directory: o.Store.Directory, Now: registry.Now, Audit: o.Audit,
	}
}

// openFeed reads the revocation log into the table.
func openFeed(ctx context.Context, o Options, c *Components) (*feed.Feed, error) {
	f := feed.New(feed.Options{
		Issuer: o.Issuer, Revocations: o.Store.Revocations, Keys: c.Keys, Table: c.Revocations,
		PollInterval: o.Revocations.PollInterval, Keep: grant.RevocationKeep(o.AccessLifetimes.Max),
		MaxWaiting: o.Revocations.MaxWaiting, ExemptAddress: o.Revocations.ExemptAddress,
		SigningAlgorithm: o.Revocations.SigningAlgorithm,
		Callers:          c.Callers, Log: o.Log, Observer: o.Observer.Feed,
	})
	// Without a key of the configured algorithm, the rest of the server works.
	if err := f.Refresh(ctx); err != nil && !errors.Is(err, keys.ErrNoKey) {
		return nil, err
	}
	return f, nil
}

// subjectOf returns a function that reads what tokens need of a user.
func subjectOf(store ServiceStore) func(ctx context.Context, id string) (issuer.Subject, error) {
	return func(ctx context.Context, id string) (issuer.Subject, error) {
		u, err := store.UserByID(ctx, id)
		return issuer.Subject{ID: u.ID, Claims: u.Claims, DisabledAt: u.DisabledAt, Epoch: u.Epoch}, err
	}
}
