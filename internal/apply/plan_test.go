package apply_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/signetd/signet/internal/apply"
	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
)

func TestMake_WritesEventsOfEachReason(t *testing.T) {
	f := newFixture(t)
	f.apply("audiences: [{id: api}, {id: old}]\n"+
		"clients: [{id: app, cert_sans: ['dns:app.example']}, {id: gone}]", false)
	f.events = nil
	f.write("app.secret", "a-secret-of-another-issuer-0123456789\n", 0o600)
	f.apply("audiences: [{id: api, lifetime: 1m, disabled: true}]\n"+
		"clients: [{id: app, name: App, disabled: true, secret_file: app.secret}]", true)
	type event struct{ name, target, reason string }
	var got []event
	for _, e := range f.events {
		if e.Actor != by || e.Time.IsZero() {
			t.Errorf("the event is %+v", e)
		}
		got = append(got, event{e.Name, e.Audience + e.Client, e.Reason})
	}
	want := []event{
		{audit.AudienceUpdated, "api", audit.Disabled},
		{audit.AudienceUpdated, "api", audit.SettingsChanged},
		{audit.AudienceDeleted, "old", ""},
		{audit.ClientUpdated, "app", audit.Disabled},
		{audit.ClientUpdated, "app", audit.SecretRotated},
		{audit.ClientUpdated, "app", audit.SettingsChanged},
		{audit.ClientDeleted, "gone", ""},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(event{})); diff != "" {
		t.Errorf("unexpected events (-want +got):\n%s", diff)
	}

	f.events = nil
	f.apply("audiences: [{id: api, lifetime: 1m}]\nclients: [{id: app, name: App}]", true)
	if len(f.events) != 2 || f.events[0].Reason != audit.Enabled || f.events[1].Reason != audit.Enabled {
		t.Errorf("the events are %+v", f.events)
	}
}

// If only the audit log fails, the changes are made, and the caller learns
// both.
func TestMake_ReportsAFailedAuditLog(t *testing.T) {
	f := newFixture(t)
	plan, err := f.compare("audiences: [{id: a}, {id: b}]", false)
	f.must(err)
	f.auditError = errors.New("the disk is full")
	made, err := plan.Make(t.Context(), f.Admin, by)
	if !made || err == nil || len(f.events) != 2 || len(f.directory().Audiences) != 2 {
		t.Errorf("made %v, %v; %d events", made, err, len(f.events))
	}
}

// Changes that are valid only together are made: an origin and a certificate
// name go from one client to another.
func TestMake_ChangesThatNeedEachOther(t *testing.T) {
	f := newFixture(t)
	const file = `
audiences: [{id: api}]
clients:
  - {id: a, public: true, audience: [api], browser: {way: page, origins: [https://%s.example]}}
  - {id: b, public: true, audience: [api], browser: {way: page, origins: [https://%s.example]}}
  - {id: %s, cert_sans: ["dns:mesh.example"]}
`
	f.apply(fmt.Sprintf(file, "one", "two", "mesh"), true)
	f.apply(fmt.Sprintf(file, "two", "one", "renamed"), true)
	if got := f.client("a").Browser.Origins; !slices.Equal(got, []string{"https://two.example"}) {
		t.Errorf("the origins of a are %v", got)
	}
	if got := f.client("renamed").CertSANs; !slices.Equal(got, []string{"dns:mesh.example"}) {
		t.Errorf("the certificate names of the renamed client are %v", got)
	}
	f.refused(fmt.Sprintf(file, "one", "one", "renamed"),
		"4: client a: Another client has this origin.", "5: client b: Another client has this origin.")
}

// A plan of an older directory changes nothing.
func TestMake_IsRacedByOtherChanges(t *testing.T) {
	f := newFixture(t)
	const file = "clients: [{id: app, name: App}]"
	plan, err := f.compare(file, true)
	f.must(err)
	_, _, err = f.CreateClient(t.Context(), by, client.Client{ID: "other"}, "")
	f.must(err)
	if made, err := plan.Make(t.Context(), f.Admin, by); made || !errors.Is(err, client.ErrRaced) {
		t.Errorf("made %v, %v", made, err)
	}
	if _, exists := f.directory().Client("app"); exists {
		t.Error("the client was created")
	}
}

// The secret that was made for a plan that was raced is that of the client
// after the next attempt.
func TestMake_KeepsTheSecretOfARacedAttempt(t *testing.T) {
	f := newFixture(t)
	in := strings.NewReader("clients: [{id: a}, {id: b, secret_file: b.secret}]")
	file, err := apply.Read(f.path("clients.yaml"), in)
	f.must(err)
	var printed string
	for attempt := range 2 {
		plan, err := file.Compare(f.directory(), apply.Options{Admin: f.Admin, Now: time.Now()})
		f.must(err)
		if attempt == 0 {
			_, _, err := f.CreateClient(t.Context(), by, client.Client{ID: "other"}, "")
			f.must(err)
		}
		_, err = plan.Make(t.Context(), f.Admin, by)
		if raced := errors.Is(err, client.ErrRaced); raced != (attempt == 0) {
			t.Fatalf("attempt %d: %v", attempt, err)
		}
		printed = plan.Steps[0].ClientSecret
	}
	if !f.client("a").SecretMatches(printed) || !f.client("b").SecretMatches(f.read("b.secret")) {
		t.Errorf("the secrets are %q and %q", printed, f.read("b.secret"))
	}
	if a, b := f.client("a").Secrets, f.client("b").Secrets; len(a) != 1 || len(b) != 1 {
		t.Errorf("the clients have the secrets %v and %v", a, b)
	}
}

// Of two jobs that apply the same file, one creates the client and has its
// secret. The other one adds none: a client has two secrets, so a few more jobs
// would make that secret invalid.
func TestMake_AddsNoSecretToAClientThatAnotherJobHasCreated(t *testing.T) {
	f := newFixture(t)
	const text = "clients: [{id: app}]"
	file, err := apply.Read(f.path("clients.yaml"), strings.NewReader(text))
	f.must(err)
	options := apply.Options{Admin: f.Admin, Now: time.Now()}
	plan, err := file.Compare(f.directory(), options)
	f.must(err)
	first := f.apply(text, false)
	if _, err := plan.Make(t.Context(), f.Admin, by); !errors.Is(err, client.ErrRaced) {
		t.Fatal(err)
	}

	plan, err = file.Compare(f.directory(), options)
	f.must(err)
	if len(plan.Steps) > 0 {
		t.Errorf("the second job would make the changes %+v", plan.Steps)
	}
	if c := f.client("app"); len(c.Secrets) != 1 || !c.SecretMatches(first.Steps[0].ClientSecret) {
		t.Errorf("the client has the secrets %v", c.Secrets)
	}
}

// If the store does not answer, the secret is in its file, and the next run
// uses it.
func TestMake_KeepsTheSecretIfTheStoreDoesNotAnswer(t *testing.T) {
	f := newFixture(t)
	const file = "clients: [{id: app, secret_file: app.secret}]"
	plan, err := f.compare(file, true)
	f.must(err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if made, err := plan.Make(ctx, f.Admin, by); made || !errors.Is(err, oauth.TemporarilyUnavailable) {
		t.Fatalf("made %v, %v", made, err)
	}
	secret := f.read("app.secret")
	f.apply(file, true)
	if !f.client("app").SecretMatches(secret) || f.read("app.secret") != secret {
		t.Error("the client has another secret")
	}
}

// fullFile has a value for every field.
const fullFile = `
audiences:
  - {id: api, alg: ES256, lifetime: 1m, scope: r w, claims: [roles], repeat_tokens: true, disabled: true}
clients:
  - id: app
    name: App
    audience: [api]
    scope: r
    introspect_audiences: [api]
    refresh_idle: 1h
    refresh_absolute: 2h
    leeway: 1s
    retry_window: 1m
    grants_per_user: 3
    mint_subjects: true
    cert_sans: ["dns:app.example"]
    jwks: ` + jwks + `
    disabled: true
  - id: shop
    public: true
    audience: [api]
    browser: {way: page, origins: [https://shop.example], login_path: /in}
    cors_origins: [https://spa.example]
`

const jwks = `{keys: [{kty: OKP, crv: Ed25519, kid: "1", x: 11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo}]}`

// A file can have every field of the records, apart from those that the store
// keeps. Otherwise a file would reset a field that it cannot have.
func TestRead_EveryFieldOfTheRecords(t *testing.T) {
	f := newFixture(t)
	f.apply(fullFile, true)
	f.unchanged(fullFile)
	app, shop := f.client("app"), f.client("shop")
	for _, c := range []struct {
		records []any
		kept    []string
	}{
		{[]any{f.directory().Audiences[0]}, []string{"PreviousAlgorithm"}},
		{[]any{app, shop}, []string{"Secrets"}},
		{[]any{*shop.Browser}, nil},
	} {
		for i := range reflect.TypeOf(c.records[0]).NumField() {
			name := reflect.TypeOf(c.records[0]).Field(i).Name
			set := slices.ContainsFunc(c.records, func(r any) bool { return !reflect.ValueOf(r).Field(i).IsZero() })
			if set == slices.Contains(c.kept, name) {
				t.Errorf("%T.%s: the file sets it: %v", c.records[0], name, set)
			}
		}
	}
	f.apply("audiences: [{id: api}]\nclients: [{id: app}, {id: shop, public: true, audience: [api], "+
		"browser: {way: page, origins: [https://shop.example]}}]", true)
	want := client.Client{ID: "app", CreatedAt: app.CreatedAt}
	if diff := cmp.Diff(want, f.client("app"), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("a field that is missing is not the default (-want +got):\n%s", diff)
	}
	a := f.directory().Audiences[0]
	if a.Algorithm != "RS256" || a.PreviousAlgorithm != "ES256" || !a.DisabledAt.IsZero() {
		t.Errorf("the audience is %+v", a)
	}
}

// The times of a record stay when another field changes.
func TestMake_KeepsTheTimes(t *testing.T) {
	f := newFixture(t)
	f.apply("audiences: [{id: api, disabled: true}]\nclients: [{id: app, disabled: true}]", true)
	before := f.directory()
	f.apply("audiences: [{id: api, disabled: true, scope: r}]\nclients: [{id: app, disabled: true, name: App}]", true)
	want := before
	want.Version++
	want.Audiences[0].Scope, want.Clients[0].Name = oauth.NewScope("r"), "App"
	if diff := cmp.Diff(want, f.directory(), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("unexpected directory (-want +got):\n%s", diff)
	}
}

func TestCompare_FieldsThatAreFixed(t *testing.T) {
	const wayFixed = "The way of the logins in the browser is fixed when a client is created; create another client."
	f := newFixture(t)
	f.apply(fullFile, true)
	f.refused(`
audiences: [{id: api}]
clients:
  - {id: app, public: true}
  - {id: shop, public: true, audience: [api], browser: {way: session, origins: [https://shop.example]}}`,
		"4: client app: Whether a client is public is fixed when it is created; create another client.",
		"5: client shop: "+wayFixed)
	f.refused("clients: [{id: shop, public: true, audience: [api]}]",
		"1: client shop: "+wayFixed)
}

// Prune deletes only in the lists that the file has.
func TestCompare_PruneConcernsTheListsOfTheFile(t *testing.T) {
	f := newFixture(t)
	f.apply("audiences: [{id: a}, {id: b}]\nclients: [{id: app, audience: [a]}]", true)
	f.apply("audiences: [{id: a}]", true)
	if d := f.directory(); len(d.Clients) != 1 || len(d.Audiences) != 1 {
		t.Errorf("the directory is %+v", d)
	}
	f.apply("clients: []", true)
	if d := f.directory(); len(d.Clients) != 0 || len(d.Audiences) != 1 {
		t.Errorf("the directory is %+v", d)
	}
	// A client may not keep an audience that the file deletes.
	f.refused("audiences: []\nclients: [{id: app, audience: [a]}]",
		"2: client app: The audience a is not in the file and does not exist.")
	if plan, err := f.compare("audiences: []\nclients: []", false); err != nil || plan.Unlisted != 1 {
		t.Errorf("%d records are not in the file, %v", plan.Unlisted, err)
	}
}
