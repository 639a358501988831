package components_test

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/signetd/signet/internal/admin"
	"github.com/signetd/signet/internal/app/components"
	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/certtest"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/issuertest"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/password"
	"github.com/signetd/signet/internal/pgtest"
	"github.com/signetd/signet/internal/postgres"
	"github.com/signetd/signet/internal/seal"
	"github.com/signetd/signet/internal/sqlite"
	"github.com/signetd/signet/keys"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m, nil)) }

// A store is one of the two stores.
type store interface {
	components.ServiceStore
	admin.Store
	Migrate(ctx context.Context) error
	Close() error
}

// onBothStores runs a test on SQLite and on Postgres, with the options of a
// server and its wall clock.
func onBothStores(t *testing.T, test func(t *testing.T, o components.Options, wall *issuertest.Clock)) {
	t.Run("sqlite", func(t *testing.T) {
		wall := new(issuertest.Clock)
		s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "signet.db"), sqlite.Options{Now: wall.Now})
		must(t, err)
		o := newOptions(t, s)
		o.UseClock = s.UseClock
		test(t, o, wall)
	})
	t.Run("postgres", func(t *testing.T) { test(t, postgresOptions(t), new(issuertest.Clock)) })
}

// postgresOptions returns the options of servers on a new database.
func postgresOptions(t *testing.T) components.Options {
	t.Helper()
	s, err := postgres.Open(t.Context(), postgres.Options{URL: pgtest.Empty(t), MaxConns: 4})
	must(t, err)
	o := newOptions(t, s)
	o.Keys.StoreClock = true
	return o
}

// newOptions returns the options of servers on an empty store.
func newOptions(t *testing.T, s store) components.Options {
	t.Helper()
	t.Cleanup(func() { must(t, s.Close()) })
	must(t, s.Migrate(t.Context()))
	keks, err := seal.Create(filepath.Join(t.TempDir(), "kek"))
	must(t, err)
	passwords, err := password.New(password.Options{
		Params: issuertest.InexpensiveParams, MinParams: issuertest.InexpensiveParams,
	})
	must(t, err)
	t.Cleanup(passwords.Close)
	return components.Options{
		Issuer: "https://issuer.example", Store: s, Passwords: passwords, Limits: components.Limits{AddressPerHour: 100},
		Keys: keys.Options{KEKs: keks, Policy: keys.Policy{
			MaxAge: 5 * time.Minute, PublishAhead: time.Hour, RotateEvery: 720 * time.Hour,
			PollInterval: 2 * time.Second, ClockSkew: 2 * time.Minute,
			MaxLifetime: time.Hour, MaxRefreshLifetime: 720 * time.Hour, RSABits: 2048,
		}},
		AccessLifetimes: client.Lifetimes{Default: 10 * time.Minute, Max: time.Hour},
		GrantLifetimes:  grant.Lifetimes{Idle: time.Hour, Absolute: 720 * time.Hour, Max: 720 * time.Hour},
		Log:             slog.New(slog.DiscardHandler),
	}
}

// register creates the audience, the client and the user. It returns the
// client's secret.
func register(t *testing.T, o components.Options) (secret string) {
	t.Helper()
	a := admin.New(admin.Options{
		Store: o.Store.(store), Passwords: o.Passwords, Now: time.Now,
		Limits: admin.Limits{MaxAccess: time.Hour, MaxRefresh: 720 * time.Hour},
	})
	by := issuertest.Operator
	_, err := a.CreateAudience(t.Context(), by, client.Audience{ID: issuertest.API, Algorithm: keys.ES256})
	must(t, err)
	_, secret, err = a.CreateClient(t.Context(), by, client.Client{
		ID: "gateway", Audiences: []string{issuertest.API}, CertSANs: []string{"dns:gateway.example"},
	}, "")
	must(t, err)
	_, err = a.CreateUser(t.Context(), by, issuertest.Username, issuertest.Password, nil)
	must(t, err)
	return secret
}

// A server is the components of a server.
type server struct{ *issuertest.Gateway }

func newServer(t *testing.T, o components.Options, secret string, wall *issuertest.Clock) server {
	t.Helper()
	f := &issuertest.Fixture{
		Clock: wall, Events: new(issuertest.Events), Secrets: map[string]string{"gateway": secret},
	}
	o.Keys.Now, o.Audit = f.Clock.Now, f.Events.Record
	var err error
	f.Components, err = components.Open(t.Context(), o)
	must(t, err)
	return server{&issuertest.Gateway{Fixture: f, Caller: f.Caller(t, "gateway")}}
}

// Rule 74: verdicts ignore a jump of the wall clock, before and after the next
// poll.
func TestRule74_VerdictsIgnoreJumpsOfTheWallClock(t *testing.T) {
	onBothStores(t, func(t *testing.T, o components.Options, wall *issuertest.Clock) {
		s := newServer(t, o, register(t, o), wall)
		for _, jump := range []time.Duration{2 * time.Hour, 30 * time.Minute, 48 * time.Hour, -2 * time.Hour} {
			in := s.MustLogin(t)
			s.Clock.Set(jump)
			in = s.checkVerdicts(t, in)
			must(t, s.Registry.Poll(t.Context()))
			must(t, s.Keys.Poll(t.Context()))
			must(t, s.Registry.Poll(t.Context()))
			in = s.checkVerdicts(t, in)

			// With a leeway of zero, a used token is reuse at once.
			s.MustRefresh(t, in.RefreshToken, "key")
			s.Clock.Set(0)
			if _, err := s.Refresh(t.Context(), in.RefreshToken, ""); oauth.AsError(err).Code != oauth.InvalidGrant {
				t.Errorf("%s: the use of a stolen token after the jump: %v", jump, err)
			}
			if s.Events.Last().Name != audit.RefreshReused {
				t.Errorf("%s: the last event is %+v", jump, s.Events.Last())
			}
		}
	})
}

// checkVerdicts introspects, authenticates with a certificate, refreshes and
// logs in. It returns the response to the refresh.
func (s server) checkVerdicts(t *testing.T, in *issuer.TokenResponse) *issuer.TokenResponse {
	t.Helper()
	jump := time.Until(s.Clock.Now()).Round(time.Minute)
	_, err := s.Registry.AuthenticateCertificate(t.Context(), "", certificate(t))
	if err != nil {
		t.Errorf("%s: a certificate that is valid for a day: %v", jump, err)
	}
	next, err := s.Refresh(t.Context(), in.RefreshToken, "")
	if err != nil {
		t.Fatalf("%s: refresh: %v", jump, err)
	}
	for _, text := range []string{in.AccessToken, next.AccessToken, next.RefreshToken, s.MustLogin(t).AccessToken} {
		found, err := s.Inspector.Introspect(t.Context(), s.Caller, text)
		must(t, err)
		issued, left := time.Since(found.IssuedAt), time.Until(found.ExpiresAt)
		if !found.Active || issued.Abs() > time.Minute || left > 2*time.Hour {
			t.Errorf("%s: introspection returns %+v", jump, found)
		}
	}
	if e := s.Events.Last(); time.Since(e.Time).Abs() > time.Minute {
		t.Errorf("%s: the time of the event is %s", jump, e.Time)
	}
	return next
}

// certificate returns a certificate of the client.
func certificate(t *testing.T) *x509.Certificate {
	t.Helper()
	block, _ := pem.Decode(certtest.NewAuthority(t).Client(t, "gateway.example").Cert)
	c, err := x509.ParseCertificate(block.Bytes)
	must(t, err)
	return c
}

// Rule 31: the events of a server whose wall clock is behind have the store's
// time. So a replay compares them with the times of the grants that they ended.
func TestRule31_EventsOfAServerThatIsBehind(t *testing.T) {
	o := postgresOptions(t)
	secret := register(t, o)
	correct, behind := newServer(t, o, secret, new(issuertest.Clock)), newServer(t, o, secret, new(issuertest.Clock))
	behind.Clock.Set(-30 * time.Second)
	in := correct.MustLogin(t)
	_, err := behind.Grants.RevokeAll(t.Context(), behind.Caller, in.Subject, "")
	must(t, err)
	g, err := correct.Grants.Get(t.Context(), in.GrantID)
	must(t, err)
	// What a server knows of the store's clock is inexact by half of the time
	// that a read takes.
	if e := behind.Events.Last(); e.Name != audit.GrantRevoked || e.Time.Before(g.CreatedAt.Add(-5*time.Second)) {
		t.Errorf("the event %+v, of a grant that was created at %s", e, g.CreatedAt)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
