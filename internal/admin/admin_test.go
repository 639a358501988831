package admin_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signetd/signet/internal/admin"
	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/password"
	"github.com/signetd/signet/internal/sqlite"
	"github.com/signetd/signet/keys"
)

const (
	identifier = "https://issuer.example"
	api        = "https://api.example"
	secret     = "correct horse battery staple"
	skew       = 2 * time.Minute
)

var by = audit.Actor{Name: "operator:test", RequestID: "r1"}

// A fixture is an Admin on a SQLite file, and the events that it wrote.
type fixture struct {
	*admin.Admin
	store  *sqlite.Store
	events []audit.Event
	// options are those of the Admin.
	options admin.Options
	// auditError is what writing an event returns.
	auditError error
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	return newFixtureAt(t, time.Now)
}

// newFixtureAt returns a fixture whose store has that clock, too.
func newFixtureAt(t *testing.T, now func() time.Time) *fixture {
	t.Helper()
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "signet.db"), sqlite.Options{Now: now})
	must(t, err)
	t.Cleanup(func() { must(t, store.Close()) })
	must(t, store.Migrate(t.Context()))
	passwords, err := password.New(password.Options{Params: password.MinParams()})
	must(t, err)
	f := &fixture{store: store}
	f.options = admin.Options{
		Issuer: identifier, Store: store, Passwords: passwords, Now: now, ClockSkew: skew,
		Limits: admin.Limits{MaxAccess: time.Hour, MaxRefresh: 90 * 24 * time.Hour},
		Audit:  func(_ context.Context, e audit.Event) error { f.events = append(f.events, e); return f.auditError },
	}
	f.Admin = admin.New(f.options)
	return f
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantCode(t *testing.T, err error, code oauth.Code) {
	t.Helper()
	if err == nil || oauth.AsError(err).Code != code {
		t.Fatalf("got %v, want %s", err, code)
	}
}

func TestCreateUser_AllSpellingsAreOneUser(t *testing.T) {
	f := newFixture(t)
	u, err := f.CreateUser(t.Context(), by, " Ada ", secret, map[string]any{"tenant": "acme"})
	must(t, err)
	if u.Username != "ada" || !strings.HasPrefix(u.ID, "usr_") || !strings.HasPrefix(u.PasswordHash, "$argon2id$") {
		t.Errorf("user %+v", u)
	}
	_, err = f.CreateUser(t.Context(), by, "ADA", secret, nil)
	wantCode(t, err, oauth.AlreadyExists)
	again, err := f.User(t.Context(), "aDa")
	must(t, err)
	if again.ID != u.ID || again.Claims["tenant"] != "acme" {
		t.Errorf("read back %+v", again)
	}
}

func TestCreateUser_RefusesInvalidUsers(t *testing.T) {
	f := newFixture(t)
	for name, c := range map[string]struct {
		username, password string
		claims             map[string]any
	}{
		"no name":        {"", secret, nil},
		"no password":    {"ada", "", nil},
		"too long":       {"ada", strings.Repeat("x", 1025), nil},
		"reserved claim": {"ada", secret, map[string]any{"Sub": "x"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := f.CreateUser(t.Context(), by, c.username, c.password, c.claims)
			wantCode(t, err, oauth.InvalidRequest)
		})
	}
	if users, err := f.Users(t.Context(), "", 10); err != nil || len(users) != 0 || len(f.events) != 0 {
		t.Errorf("%d users, %d events, %v: want none", len(users), len(f.events), err)
	}
}

func TestOperations_NotFound(t *testing.T) {
	f := newFixture(t)
	ctx := t.Context()
	for name, err := range map[string]error{
		"disable user":     f.DisableUser(ctx, by, "ada"),
		"enable user":      f.EnableUser(ctx, by, "ada"),
		"set password":     f.SetPassword(ctx, by, "ada", secret),
		"set claims":       f.SetClaims(ctx, by, "ada", nil),
		"unlock user":      f.UnlockUser(ctx, by, "ada"),
		"delete user":      f.DeleteUser(ctx, by, "ada"),
		"revoke grant":     f.RevokeGrant(ctx, by, oauth.GrantID{1}),
		"disable client":   f.DisableClient(ctx, by, "gateway"),
		"delete client":    f.DeleteClient(ctx, by, "gateway"),
		"update audience":  f.UpdateAudience(ctx, by, api, func(*client.Audience) {}),
		"delete audience":  f.DeleteAudience(ctx, by, api),
		"disable audience": f.DisableAudience(ctx, by, api),
	} {
		if !errors.Is(err, oauth.NotFound) {
			t.Errorf("%s: %v, want not_found", name, err)
		}
	}
	if len(f.events) != 0 {
		t.Errorf("%d events of operations that failed", len(f.events))
	}
}

func TestRotateSecret(t *testing.T) {
	f := newFixture(t)
	c, first, err := f.CreateClient(t.Context(), by, client.Client{Name: "Gateway"}, "")
	must(t, err)
	if !strings.HasPrefix(c.ID, "cli_") || !strings.HasPrefix(first, "sgs_") {
		t.Errorf("id %q, secret %q", c.ID, first)
	}
	second, err := f.RotateSecret(t.Context(), by, c.ID)
	must(t, err)
	f.wantSecrets(t, first, second)
	third, err := f.RotateSecret(t.Context(), by, c.ID)
	must(t, err)
	f.wantSecrets(t, second, third)

	public, none, err := f.CreateClient(t.Context(), by, client.Client{ID: "spa", Public: true}, "")
	must(t, err)
	if none != "" || len(public.Secrets) != 0 {
		t.Error("a public client got a secret")
	}
	_, err = f.RotateSecret(t.Context(), by, "spa")
	wantCode(t, err, oauth.FailedPrecondition)
}

// wantSecrets wants the first client to have these secrets and no others.
func (f *fixture) wantSecrets(t *testing.T, secrets ...string) {
	t.Helper()
	d, err := f.Directory(t.Context())
	must(t, err)
	if len(d.Clients[0].Secrets) != len(secrets) {
		t.Fatalf("%d secrets, want %d", len(d.Clients[0].Secrets), len(secrets))
	}
	for _, s := range secrets {
		if !d.Clients[0].SecretMatches(s) {
			t.Errorf("a current secret does not match")
		}
	}
}

func TestCreateClient_RefusesInvalidClients(t *testing.T) {
	f := newFixture(t)
	_, err := f.CreateAudience(t.Context(), by, client.Audience{ID: "known"})
	must(t, err)
	tooLong, negative := 61*time.Second, -time.Second
	tooLate, tooMany, tooFew := 24*time.Hour+1, 10_001, -1
	for name, c := range map[string]struct {
		client client.Client
		code   oauth.Code
	}{
		"malformed id":      {client.Client{ID: "a b"}, oauth.InvalidRequest},
		"unknown audience":  {client.Client{ID: "a", Audiences: []string{api}}, oauth.FailedPrecondition},
		"idle too long":     {client.Client{ID: "a", RefreshIdle: 91 * 24 * time.Hour}, oauth.InvalidRequest},
		"absolute too long": {client.Client{ID: "a", RefreshAbsolute: 91 * 24 * time.Hour}, oauth.InvalidRequest},
		"idle too short":    {client.Client{ID: "a", RefreshIdle: time.Millisecond}, oauth.InvalidRequest},
		"leeway too long":   {client.Client{ID: "a", Leeway: &tooLong}, oauth.InvalidRequest},
		"leeway negative":   {client.Client{ID: "a", Leeway: &negative}, oauth.InvalidRequest},
		"window too long":   {client.Client{ID: "a", RetryWindow: &tooLate}, oauth.InvalidRequest},
		"window negative":   {client.Client{ID: "a", RetryWindow: &negative}, oauth.InvalidRequest},
		"too many grants":   {client.Client{ID: "a", GrantsPerUser: &tooMany}, oauth.InvalidRequest},
		"negative grants":   {client.Client{ID: "a", GrantsPerUser: &tooFew}, oauth.InvalidRequest},
		"malformed scope":   {client.Client{ID: "a", Scope: oauth.Scope{"a b\n"}}, oauth.InvalidScope},
		"a user's id":       {client.Client{ID: "usr_a"}, oauth.InvalidRequest},
		"long name":         {client.Client{ID: "a", Name: strings.Repeat("a", 257)}, oauth.InvalidRequest},
		"name with escape":  {client.Client{ID: "a", Name: "a\x1b[2J"}, oauth.InvalidRequest},
		"many audiences":    {client.Client{ID: "a", Audiences: make([]string, 257)}, oauth.InvalidRequest},
		"public minter":     {client.Client{ID: "a", Public: true, MintSubjects: true}, oauth.InvalidRequest},
		"public with a SAN": {
			client.Client{ID: "a", Public: true, CertSANs: []string{"dns:a.example"}}, oauth.InvalidRequest,
		},
		"introspects an unknown audience": {
			client.Client{ID: "a", IntrospectAudiences: []string{api}}, oauth.FailedPrecondition,
		},
		"public, introspects": {
			client.Client{ID: "a", Public: true, IntrospectAudiences: []string{"known"}}, oauth.InvalidRequest,
		},
		"introspects too many": {
			client.Client{ID: "a", IntrospectAudiences: slices.Repeat([]string{"known"}, 257)}, oauth.InvalidRequest,
		},
		"malformed SAN": {client.Client{ID: "a", CertSANs: []string{"a.example"}}, oauth.InvalidRequest},
		"too many SANs": {
			client.Client{ID: "a", CertSANs: slices.Repeat([]string{"dns:a.example"}, 17)}, oauth.InvalidRequest,
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := f.CreateClient(t.Context(), by, c.client, "")
			wantCode(t, err, c.code)
		})
	}
}

// Rule 69: the audit log names each actor. Clients are named by their ids, so
// no client may have the name of another actor.
func TestRule69_NoClientIsAnotherActor(t *testing.T) {
	f := newFixture(t)
	for _, id := range []string{"server", "operator:root", "operator:", "usr_a"} {
		_, _, err := f.CreateClient(t.Context(), by, client.Client{ID: id}, "")
		wantCode(t, err, oauth.InvalidRequest)
	}
}

func TestClients_CertificateNamesAreUnique(t *testing.T) {
	f := newFixture(t)
	_, _, err := f.CreateClient(t.Context(), by, client.Client{ID: "a", CertSANs: []string{"dns:a.example"}}, "")
	must(t, err)
	_, _, err = f.CreateClient(t.Context(), by, client.Client{ID: "b", CertSANs: []string{"dns:a.example"}}, "")
	wantCode(t, err, oauth.FailedPrecondition)
	_, _, err = f.CreateClient(t.Context(), by, client.Client{ID: "b"}, "")
	must(t, err)
	err = f.UpdateClient(t.Context(), by, "b", func(c *client.Client) {
		c.CertSANs = []string{"dns:b.example", "dns:a.example"}
	})
	wantCode(t, err, oauth.FailedPrecondition)
	must(t, f.UpdateClient(t.Context(), by, "a", func(c *client.Client) { c.Name = "keeps its own" }))
}

func TestUpdateClient_KeepsTheOtherFields(t *testing.T) {
	f := newFixture(t)
	_, err := f.CreateAudience(t.Context(), by, client.Audience{ID: api})
	must(t, err)
	c, first, err := f.CreateClient(t.Context(), by, client.Client{ID: "gateway"}, "")
	must(t, err)
	must(t, f.DisableClient(t.Context(), by, "gateway"))
	must(t, f.UpdateClient(t.Context(), by, "gateway", func(c *client.Client) {
		*c = client.Client{ID: "other", Public: true, Audiences: []string{api}}
	}))
	d, err := f.Directory(t.Context())
	must(t, err)
	got := d.Clients[0]
	if got.ID != "gateway" || got.Public || got.DisabledAt.IsZero() || !got.CreatedAt.Equal(c.CreatedAt) ||
		got.Audiences[0] != api {
		t.Errorf("after the update: %+v", got)
	}
	f.wantSecrets(t, first)
	err = f.UpdateClient(t.Context(), by, "gateway", func(c *client.Client) { c.RefreshIdle = -1 })
	wantCode(t, err, oauth.InvalidRequest)
	must(t, f.EnableClient(t.Context(), by, "gateway"))
	if d, _ = f.Directory(t.Context()); !d.Clients[0].DisabledAt.IsZero() || d.Clients[0].RefreshIdle != 0 {
		t.Errorf("after enabling: %+v", d.Clients[0])
	}
}

func TestAudiences(t *testing.T) {
	f := newFixture(t)
	a, err := f.CreateAudience(t.Context(), by, client.Audience{ID: api})
	must(t, err)
	if a.Algorithm != keys.RS256 {
		t.Errorf("algorithm %q, want RS256 by default", a.Algorithm)
	}
	_, err = f.CreateAudience(t.Context(), by, client.Audience{ID: api})
	wantCode(t, err, oauth.AlreadyExists)
	must(t, f.UpdateAudience(t.Context(), by, api, func(a *client.Audience) { a.Algorithm = keys.EdDSA }))
	d, err := f.Directory(t.Context())
	must(t, err)
	if got := d.Audiences[0]; got.Algorithm != keys.EdDSA || got.PreviousAlgorithm != keys.RS256 {
		t.Errorf("after the change: %+v", got)
	}
	for name, x := range map[string]client.Audience{
		"malformed id":     {ID: "a b"},
		"algorithm":        {ID: "a", Algorithm: "none"},
		"MAC algorithm":    {ID: "a", Algorithm: keys.MAC},
		"lifetime":         {ID: "a", Lifetime: 2 * time.Hour},
		"reserved claim":   {ID: "a", Claims: []string{"sid"}},
		"many claims":      {ID: "a", Claims: slices.Repeat([]string{"roles"}, 33)},
		"negative":         {ID: "a", Lifetime: -time.Second},
		"part of a second": {ID: "a", Lifetime: time.Millisecond},
	} {
		if _, err := f.CreateAudience(t.Context(), by, x); !errors.Is(err, oauth.InvalidRequest) {
			t.Errorf("%s: %v, want invalid_request", name, err)
		}
	}
	must(t, f.DeleteAudience(t.Context(), by, api))
}

// Rule 69: Each operation has one whole audit record before its response.
func TestRule69_EveryOperationIsAudited(t *testing.T) {
	f := newFixture(t)
	ctx := t.Context()
	_, err := f.CreateAudience(ctx, by, client.Audience{ID: api})
	must(t, err)
	_, _, err = f.CreateClient(ctx, by, client.Client{ID: "gateway"}, "")
	must(t, err)
	u, err := f.CreateUser(ctx, by, "ada", secret, nil)
	must(t, err)
	must(t, f.DisableUser(ctx, by, "ada"))
	must(t, f.EnableUser(ctx, by, "ada"))
	must(t, f.UnlockUser(ctx, by, " ADA "))
	must(t, f.SetPassword(ctx, by, "ada", "another password"))
	must(t, f.SetClaims(ctx, by, "ada", map[string]any{"tenant": "acme"}))
	_, err = f.RevokeGrants(ctx, by, "ada")
	must(t, err)
	_, err = f.AddRevocation(ctx, by, admin.RevokedTokens{All: true})
	must(t, err)
	must(t, f.DeleteUser(ctx, by, "ada"))
	must(t, f.DisableAudience(ctx, by, api))
	must(t, f.EnableAudience(ctx, by, api))
	must(t, f.DeleteClient(ctx, by, "gateway"))
	var names []string
	for _, e := range f.events {
		names = append(names, e.Name)
		if e.Actor != by || e.Target() == "" || e.Time.IsZero() {
			t.Errorf("event %+v has no actor, target or time", e)
		}
		if strings.HasPrefix(e.Name, "user.") && e.Subject != u.ID {
			t.Errorf("event %+v names another user", e)
		}
	}
	want := "audience.created client.created user.created user.disabled user.enabled user.unlocked " +
		"user.password_set user.claims_set grant.revoked revocation.added user.deleted audience.updated " +
		"audience.updated client.deleted"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("events\n%s, want\n%s", got, want)
	}
}

// Rule 69: an operation whose audit record cannot be written fails.
func TestRule69_OperationsFailWithTheAudit(t *testing.T) {
	f := newFixture(t)
	f.auditError = errors.New("disk full")
	_, err := f.CreateUser(t.Context(), by, "ada", secret, nil)
	wantCode(t, err, oauth.TemporarilyUnavailable)
}
