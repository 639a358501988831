package admin_test

import (
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
	api    = "https://api.example"
	secret = "correct horse battery staple"
)

var by = audit.Actor{Name: "operator:test", RequestID: "r1"}

// An office is an Admin on a real SQLite file, and the events that it wrote.
type office struct {
	*admin.Admin
	store  *sqlite.Store
	events []audit.Event
	// auditError is what writing an event returns.
	auditError error
}

func newOffice(t *testing.T) *office {
	t.Helper()
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "signet.db"), sqlite.Options{})
	must(t, err)
	t.Cleanup(func() { must(t, store.Close()) })
	must(t, store.Migrate(t.Context()))
	passwords, err := password.New(password.Options{Params: password.MinParams()})
	must(t, err)
	o := &office{store: store}
	o.Admin = admin.New(admin.Options{
		Store: store, Passwords: passwords, Now: time.Now,
		Limits: admin.Limits{MaxAccess: time.Hour, MaxRefresh: 90 * 24 * time.Hour},
		Audit:  func(e audit.Event) error { o.events = append(o.events, e); return o.auditError },
	})
	return o
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

func TestUsersHaveOneSpelling(t *testing.T) {
	o := newOffice(t)
	u, err := o.CreateUser(t.Context(), by, " Ada ", secret, map[string]any{"tenant": "acme"})
	must(t, err)
	if u.Username != "ada" || !strings.HasPrefix(u.ID, "usr_") || !strings.HasPrefix(u.PasswordHash, "$argon2id$") {
		t.Errorf("user %+v", u)
	}
	_, err = o.CreateUser(t.Context(), by, "ADA", secret, nil)
	wantCode(t, err, oauth.AlreadyExists)
	again, err := o.User(t.Context(), "aDa")
	must(t, err)
	if again.ID != u.ID || again.Claims["tenant"] != "acme" {
		t.Errorf("read back %+v", again)
	}
}

func TestUsersThatCannotBe(t *testing.T) {
	o := newOffice(t)
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
			_, err := o.CreateUser(t.Context(), by, c.username, c.password, c.claims)
			wantCode(t, err, oauth.InvalidRequest)
		})
	}
	if users, err := o.Users(t.Context(), "", 10); err != nil || len(users) != 0 || len(o.events) != 0 {
		t.Errorf("%d users, %d events, %v: want nothing", len(users), len(o.events), err)
	}
}

func TestVerbsOnWhoIsNotThere(t *testing.T) {
	o := newOffice(t)
	ctx := t.Context()
	for name, err := range map[string]error{
		"disable user":     o.DisableUser(ctx, by, "ada"),
		"enable user":      o.EnableUser(ctx, by, "ada"),
		"set password":     o.SetPassword(ctx, by, "ada", secret),
		"set claims":       o.SetClaims(ctx, by, "ada", nil),
		"unlock user":      o.UnlockUser(ctx, by, "ada"),
		"delete user":      o.DeleteUser(ctx, by, "ada"),
		"revoke grant":     o.RevokeGrant(ctx, by, oauth.GrantID{1}),
		"disable client":   o.DisableClient(ctx, by, "gateway"),
		"delete client":    o.DeleteClient(ctx, by, "gateway"),
		"update audience":  o.UpdateAudience(ctx, by, api, func(*client.Audience) {}),
		"delete audience":  o.DeleteAudience(ctx, by, api),
		"disable audience": o.DisableAudience(ctx, by, api),
	} {
		if !errors.Is(err, oauth.NotFound) {
			t.Errorf("%s: %v, want not_found", name, err)
		}
	}
	if len(o.events) != 0 {
		t.Errorf("%d events of what did not happen", len(o.events))
	}
}

func TestClientSecretsRotate(t *testing.T) {
	o := newOffice(t)
	c, first, err := o.CreateClient(t.Context(), by, client.Client{Name: "Gateway"})
	must(t, err)
	if !strings.HasPrefix(c.ID, "cli_") || !strings.HasPrefix(first, "sgs_") {
		t.Errorf("id %q, secret %q", c.ID, first)
	}
	second, err := o.RotateSecret(t.Context(), by, c.ID)
	must(t, err)
	o.wantSecrets(t, first, second)
	third, err := o.RotateSecret(t.Context(), by, c.ID)
	must(t, err)
	o.wantSecrets(t, second, third)

	public, none, err := o.CreateClient(t.Context(), by, client.Client{ID: "spa", Public: true})
	must(t, err)
	if none != "" || len(public.Secrets) != 0 {
		t.Error("a public client got a secret")
	}
	_, err = o.RotateSecret(t.Context(), by, "spa")
	wantCode(t, err, oauth.FailedPrecondition)
}

// wantSecrets fails unless these, and no others, are the secrets of the first client.
func (o *office) wantSecrets(t *testing.T, secrets ...string) {
	t.Helper()
	d, err := o.Directory(t.Context())
	must(t, err)
	if len(d.Clients[0].Secrets) != len(secrets) {
		t.Fatalf("%d secrets, want %d", len(d.Clients[0].Secrets), len(secrets))
	}
	for _, s := range secrets {
		if !d.Clients[0].SecretMatches(s) {
			t.Errorf("a live secret does not match")
		}
	}
}

func TestClientsThatCannotBe(t *testing.T) {
	o := newOffice(t)
	tooLong, negative := 61*time.Second, -time.Second
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
		"malformed scope":   {client.Client{ID: "a", Scope: oauth.Scope{"a b\n"}}, oauth.InvalidScope},
		"a user's id":       {client.Client{ID: "usr_a"}, oauth.InvalidRequest},
		"public minter":     {client.Client{ID: "a", Public: true, MintSubjects: true}, oauth.InvalidRequest},
		"public with a SAN": {client.Client{ID: "a", Public: true, CertSANs: []string{"dns:a.example"}}, oauth.InvalidRequest},
		"malformed SAN":     {client.Client{ID: "a", CertSANs: []string{"a.example"}}, oauth.InvalidRequest},
		"too many SANs":     {client.Client{ID: "a", CertSANs: slices.Repeat([]string{"dns:a.example"}, 17)}, oauth.InvalidRequest},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := o.CreateClient(t.Context(), by, c.client)
			wantCode(t, err, c.code)
		})
	}
}

// TestRule69_NoClientIsAnotherActor: what a client does stands in the audit log under its id.
func TestRule69_NoClientIsAnotherActor(t *testing.T) {
	o := newOffice(t)
	for _, id := range []string{"server", "operator:root", "operator:", "usr_a"} {
		_, _, err := o.CreateClient(t.Context(), by, client.Client{ID: id})
		wantCode(t, err, oauth.InvalidRequest)
	}
}

func TestNoTwoClientsShareACertificateName(t *testing.T) {
	o := newOffice(t)
	_, _, err := o.CreateClient(t.Context(), by, client.Client{ID: "a", CertSANs: []string{"dns:a.example"}})
	must(t, err)
	_, _, err = o.CreateClient(t.Context(), by, client.Client{ID: "b", CertSANs: []string{"dns:a.example"}})
	wantCode(t, err, oauth.FailedPrecondition)
	_, _, err = o.CreateClient(t.Context(), by, client.Client{ID: "b"})
	must(t, err)
	err = o.UpdateClient(t.Context(), by, "b", func(c *client.Client) { c.CertSANs = []string{"dns:b.example", "dns:a.example"} })
	wantCode(t, err, oauth.FailedPrecondition)
	must(t, o.UpdateClient(t.Context(), by, "a", func(c *client.Client) { c.Name = "keeps its own" }))
}

func TestUpdateKeepsWhatIsNotToBeChanged(t *testing.T) {
	o := newOffice(t)
	_, err := o.CreateAudience(t.Context(), by, client.Audience{ID: api})
	must(t, err)
	c, first, err := o.CreateClient(t.Context(), by, client.Client{ID: "gateway"})
	must(t, err)
	must(t, o.DisableClient(t.Context(), by, "gateway"))
	must(t, o.UpdateClient(t.Context(), by, "gateway", func(c *client.Client) {
		*c = client.Client{ID: "other", Public: true, Audiences: []string{api}}
	}))
	d, err := o.Directory(t.Context())
	must(t, err)
	got := d.Clients[0]
	if got.ID != "gateway" || got.Public || got.DisabledAt.IsZero() || !got.CreatedAt.Equal(c.CreatedAt) || got.Audiences[0] != api {
		t.Errorf("after the update: %+v", got)
	}
	o.wantSecrets(t, first)
	err = o.UpdateClient(t.Context(), by, "gateway", func(c *client.Client) { c.RefreshIdle = -1 })
	wantCode(t, err, oauth.InvalidRequest)
	must(t, o.EnableClient(t.Context(), by, "gateway"))
	if d, _ = o.Directory(t.Context()); !d.Clients[0].DisabledAt.IsZero() || d.Clients[0].RefreshIdle != 0 {
		t.Errorf("after enabling: %+v", d.Clients[0])
	}
}

func TestAudiences(t *testing.T) {
	o := newOffice(t)
	a, err := o.CreateAudience(t.Context(), by, client.Audience{ID: api})
	must(t, err)
	if a.Algorithm != keys.RS256 {
		t.Errorf("algorithm %q, want RS256 unless said otherwise", a.Algorithm)
	}
	_, err = o.CreateAudience(t.Context(), by, client.Audience{ID: api})
	wantCode(t, err, oauth.AlreadyExists)
	must(t, o.UpdateAudience(t.Context(), by, api, func(a *client.Audience) { a.Algorithm = keys.EdDSA }))
	d, err := o.Directory(t.Context())
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
		"negative":         {ID: "a", Lifetime: -time.Second},
		"part of a second": {ID: "a", Lifetime: time.Millisecond},
	} {
		if _, err := o.CreateAudience(t.Context(), by, x); !errors.Is(err, oauth.InvalidRequest) {
			t.Errorf("%s: %v, want invalid_request", name, err)
		}
	}
	must(t, o.DeleteAudience(t.Context(), by, api))
}

func TestEveryVerbIsAudited(t *testing.T) {
	o := newOffice(t)
	ctx := t.Context()
	_, err := o.CreateAudience(ctx, by, client.Audience{ID: api})
	must(t, err)
	_, _, err = o.CreateClient(ctx, by, client.Client{ID: "gateway"})
	must(t, err)
	u, err := o.CreateUser(ctx, by, "ada", secret, nil)
	must(t, err)
	must(t, o.DisableUser(ctx, by, "ada"))
	must(t, o.EnableUser(ctx, by, "ada"))
	must(t, o.UnlockUser(ctx, by, " ADA "))
	must(t, o.SetPassword(ctx, by, "ada", "another password"))
	must(t, o.SetClaims(ctx, by, "ada", map[string]any{"tenant": "acme"}))
	_, err = o.RevokeGrants(ctx, by, "ada")
	must(t, err)
	must(t, o.DeleteUser(ctx, by, "ada"))
	must(t, o.DisableAudience(ctx, by, api))
	must(t, o.EnableAudience(ctx, by, api))
	must(t, o.DeleteClient(ctx, by, "gateway"))
	var names []string
	for _, e := range o.events {
		names = append(names, e.Name)
		if e.Actor != by || e.Target() == "" || e.Time.IsZero() {
			t.Errorf("event %+v lacks who, what or when", e)
		}
		if strings.HasPrefix(e.Name, "user.") && e.Subject != u.ID {
			t.Errorf("event %+v names another user", e)
		}
	}
	want := "audience.created client.created user.created user.disabled user.enabled user.unlocked user.password_set user.claims_set " +
		"grant.revoked user.deleted audience.updated audience.updated client.deleted"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("events\n%s, want\n%s", got, want)
	}
}

func TestAuditErrorIsTheVerbsError(t *testing.T) {
	o := newOffice(t)
	o.auditError = errors.New("disk full")
	_, err := o.CreateUser(t.Context(), by, "ada", secret, nil)
	wantCode(t, err, oauth.TemporarilyUnavailable)
}
