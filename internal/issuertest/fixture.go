package issuertest

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signetd/signet/internal/admin"
	"github.com/signetd/signet/internal/app/components"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/password"
	"github.com/signetd/signet/internal/sqlite"
	"github.com/signetd/signet/keys"
)

// A Fixture is an issuer with a store, keys, clients and users.
type Fixture struct {
	*components.Components
	Admin     *admin.Admin
	Store     *sqlite.Store
	Passwords *password.Hasher
	// Clock is the wall clock.
	Clock  *Clock
	Events *Events
	Logs   *Logs
	// Secrets are the secrets of the confidential clients, by client id.
	Secrets map[string]string

	configured components.Options
	// passed is how far Pass has set the store's clock forward.
	passed atomic.Int64
}

// New returns a fixture on a copy of the setup's store. edit changes the
// options of its components.
func New(t testing.TB, setup *Setup, edit ...func(*components.Options)) *Fixture {
	t.Helper()
	s := setup.copyOf(t)
	f := &Fixture{Clock: new(Clock), Events: new(Events), Logs: new(Logs), Secrets: s.secrets}
	f.open(t, s)
	o := f.options(t, setup, s)
	for _, e := range edit {
		e(&o)
	}
	f.start(t, o)
	return f
}

// Replica returns another server of the issuer. It shares the store, the audit
// log and the secrets with f, and has keys, a registry and a clock of its own.
// Pass sets the clock of this server alone. edit changes the options of its
// components.
func (f *Fixture) Replica(t testing.TB, edit ...func(*components.Options)) *Fixture {
	t.Helper()
	r := &Fixture{Clock: new(Clock), Store: f.Store, Events: f.Events, Logs: f.Logs, Secrets: f.Secrets}
	o := f.configured
	o.Keys.Now, o.UseClock = r.Clock.Now, nil
	for _, e := range edit {
		e(&o)
	}
	o.Store = skewedStore{o.Store, &r.passed}
	r.start(t, o)
	return r
}

// start opens the components.
func (f *Fixture) start(t testing.TB, o components.Options) {
	t.Helper()
	f.configured, f.Passwords = o, o.Passwords
	var err error
	f.Components, err = components.Open(t.Context(), o)
	must(t, err)
	f.Admin = newAdmin(o.Issuer, f.Store, o.Passwords, f.Registry.Now, f.Events.Record)
}

// options returns the options of the components, as a server's configuration
// sets them by default.
func (f *Fixture) options(t testing.TB, setup *Setup, s *state) components.Options {
	t.Helper()
	return components.Options{
		Issuer: setup.issuer(), Store: f.Store, Passwords: newHasher(t, setup.params()),
		Keys: keys.Options{KEKs: s.keks(t), Policy: policy(), Now: f.Clock.Now}, UseClock: f.useClock,
		AccessLifetimes: client.Lifetimes{Default: 10 * time.Minute, Max: maxAccess},
		GrantLifetimes: grant.Lifetimes{
			Idle: time.Hour, Absolute: 30 * 24 * time.Hour, Max: maxRefresh, Leeway: 10 * time.Second,
		},
		Limits:      components.Limits{GrantsPerUser: 200, AddressPerHour: 100},
		Revocations: components.Revocations{PollInterval: 200 * time.Millisecond, MaxWaiting: 1000},
		Log:         f.Logs.Logger(), Audit: f.Events.Record,
	}
}

// open opens the copy of the setup's store.
func (f *Fixture) open(t testing.TB, s *state) {
	t.Helper()
	var err error
	f.Store, err = sqlite.Open(t.Context(), s.file(), sqlite.Options{Now: f.Clock.Now})
	must(t, err)
	t.Cleanup(func() { _ = f.Store.Close() }) // a test may have closed it
}

// useClock sets the store's clock to now and the time that Pass has added.
func (f *Fixture) useClock(now func() time.Time) {
	f.Store.UseClock(func() time.Time { return now().Add(time.Duration(f.passed.Load())) })
}

// A skewedStore has a clock that is ahead by passed, for one server.
type skewedStore struct {
	components.ServiceStore
	passed *atomic.Int64
}

// DirectoryVersion returns the version and the time of the clock.
func (s skewedStore) DirectoryVersion(ctx context.Context) (int64, time.Time, error) {
	version, now, err := s.ServiceStore.DirectoryVersion(ctx)
	return version, now.Add(time.Duration(s.passed.Load())), err
}

// Pass sets the store's clock forward by d, which may be negative, and polls
// it. A test outside of a synctest bubble calls it to let time pass.
func (f *Fixture) Pass(t testing.TB, d time.Duration) {
	t.Helper()
	f.passed.Add(int64(d))
	must(t, f.Registry.Poll(t.Context()))
}

// Run runs the loops of a server until the test ends.
func (f *Fixture) Run(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var loops sync.WaitGroup
	loops.Go(func() { f.Registry.Run(ctx) })
	loops.Go(func() { f.Keys.Run(ctx) })
	loops.Go(func() { f.Feed.Run(ctx) })
	loops.Go(func() { f.Logins.Run(ctx) })
	t.Cleanup(func() { cancel(); loops.Wait() })
}

// Register registers a client and returns it as a caller.
func (f *Fixture) Register(t testing.TB, c client.Client) client.Caller {
	t.Helper()
	c, secret, err := f.Admin.CreateClient(t.Context(), Operator, c, "")
	must(t, err)
	must(t, f.Registry.Poll(t.Context()))
	f.Secrets[c.ID] = secret
	return f.Caller(t, c.ID)
}

// Caller returns a registered client as a caller.
func (f *Fixture) Caller(t testing.TB, id string) client.Caller {
	t.Helper()
	c, err := f.Registry.Authenticate(t.Context(), id, f.Secrets[id])
	must(t, err)
	return client.Caller{Client: c, RequestID: "r1"}
}
