package grant

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/revocation"
	"github.com/signetd/signet/keys"
)

// Options configures a Service. Every field is required, except where its
// comment says what nil means.
type Options struct {
	// Issuer is the issuer identifier (RFC 8414 §2).
	Issuer   string
	Store    Store
	Registry *client.Registry
	Keys     *keys.Manager
	// Lifetimes are the defaults and caps of grants.
	Lifetimes Lifetimes
	// GrantsPerUser is the maximum number of live grants of one user at one
	// client, if the client has none. Zero means no limit.
	GrantsPerUser int
	// AddRevocations is that of LogStore.
	AddRevocations func(context.Context, []Revocation) (time.Time, error)
	// Revocations has the entries of the revocation log that this server has
	// read. The service only reads it. nil means no entries.
	Revocations *revocation.Table
	// ReadLog returns when Revocations has the entries that were in the log
	// before the call. nil means that nobody waits for that.
	ReadLog func(context.Context) error
	// EntriesPerHour is how many entries one client may add to the revocation
	// log at once, and then in every hour, except for the ends of single
	// grants. Zero means 10,000.
	EntriesPerHour int
	// Log receives messages for the operator, in addition to the audit events.
	// nil means slog.Default.
	Log *slog.Logger
	// Audit writes an event before the server answers. If it returns an error,
	// the request fails. nil means no audit log.
	Audit func(context.Context, audit.Event) error
	// Refreshed is called with the outcome of every refresh attempt. nil means
	// no observer.
	Refreshed func(Outcome)
	// Span starts a trace span of that name. It returns the function that ends
	// the span. nil means no traces.
	Span func(ctx context.Context, name string) (context.Context, func())
}

// A Service creates, rotates, revokes and lists grants.
type Service struct {
	o          Options
	unanswered unansweredKeys
	entries    entryLimiter
	// unaudited has the ids of the grants with which RevokeAllByToken failed
	// last at this server.
	unaudited sync.Map
}

// New returns a Service.
func New(o Options) *Service {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Audit == nil {
		o.Audit = func(context.Context, audit.Event) error { return nil }
	}
	if o.Refreshed == nil {
		o.Refreshed = func(Outcome) {}
	}
	if o.Span == nil {
		o.Span = func(ctx context.Context, _ string) (context.Context, func()) { return ctx, func() {} }
	}
	if o.Revocations == nil {
		o.Revocations = new(revocation.Table)
	}
	if o.ReadLog == nil {
		o.ReadLog = func(context.Context) error { return nil }
	}
	return &Service{o: o, entries: entryLimiter{perHour: cmp.Or(o.EntriesPerHour, defaultEntriesPerHour)}}
}

// ErrNotCallers is the cause of the error for a token that is not the caller's,
// or that the issuer did not make. It is only logged.
var ErrNotCallers = errors.New("the token is not the caller's")

// Get returns the grant of that id, or oauth.NotFound.
func (s *Service) Get(ctx context.Context, id oauth.GrantID) (Grant, error) {
	g, err := s.o.Store.Grant(ctx, id)
	return g, oauth.FromStore(err)
}

// GetActive returns the grant of that id if it is active and its client is
// enabled. Otherwise it returns invalid_grant.
func (s *Service) GetActive(ctx context.Context, snapshot *client.Snapshot, id oauth.GrantID) (Grant, error) {
	g, err := s.o.Store.Grant(ctx, id)
	if errors.Is(err, oauth.NotFound) {
		return g, oauth.Refused(oauth.InvalidGrant, err)
	} else if err != nil {
		return g, oauth.FromStore(err)
	}
	enabled, err := s.o.Registry.ClientEnabled(ctx, snapshot, g.ClientID)
	if err != nil {
		return g, err
	}
	if !enabled || g.State(s.o.Registry.Now()) != StateActive {
		return g, oauth.Refused(oauth.InvalidGrant, errors.New("the grant is not active"))
	}
	return g, nil
}

// Touch records that an active grant was used at that time, by the store's
// clock, so that its idle lifetime begins again. It is for a grant with a
// session token: a refresh token dates its leeway by the same time.
func (s *Service) Touch(ctx context.Context, id oauth.GrantID, at time.Time) error {
	return oauth.FromStore(s.o.Store.TouchGrant(ctx, id, at))
}

// Owned returns id if it is a grant of the subject to the caller's client.
// Otherwise it returns the zero id.
func (s *Service) Owned(
	ctx context.Context, caller client.Caller, subject string, id oauth.GrantID,
) (oauth.GrantID, error) {
	if id == (oauth.GrantID{}) {
		return id, nil
	}
	g, err := s.o.Store.Grant(ctx, id)
	if err != nil && !errors.Is(err, oauth.NotFound) {
		return oauth.GrantID{}, oauth.FromStore(err)
	}
	if err != nil || g.UserID != subject || g.ClientID != caller.Client.ID {
		return oauth.GrantID{}, nil
	}
	return id, nil
}

// visibleClient returns the id of the client whose grants the caller may list
// and revoke. It is empty if the caller may act on the grants of all clients. A
// public client does not authenticate, so anyone could send its id.
func visibleClient(caller client.Caller) (clientID string, err error) {
	switch {
	case caller.Admin:
		return "", nil
	case caller.Client.Public:
		return "", oauth.Fail(oauth.UnauthorizedClient,
			"A public client may only revoke a grant by its tokens, because it does not authenticate.")
	}
	return caller.Client.ID, nil
}

// record audits an event of the caller. If that fails, it returns
// temporarily_unavailable.
func (o Options) record(ctx context.Context, caller client.Caller, e audit.Event) error {
	e.Time, e.Actor = o.Registry.Now(), caller.Actor()
	if err := o.Audit(ctx, e); err != nil {
		return oauth.Unavailable(err)
	}
	return nil
}
