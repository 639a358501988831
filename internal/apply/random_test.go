package apply_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/signetd/signet/internal/admin"
	"github.com/signetd/signet/internal/apply"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
)

// TestApply_AnyFile: after a file has been applied, the store has exactly the
// records of the file, and the same file changes nothing. Each file follows
// another one in the same store.
func TestApply_AnyFile(t *testing.T) {
	f := newFixture(t)
	keys, err := admin.ReadClientKeys([]byte(`{"keys": [
		{"kty": "OKP", "crv": "Ed25519", "kid": "1", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
		{"kty": "EC", "crv": "P-256", "kid": "yes", "x": "EnRxnGck-We3fLl09ivvaEKeCU9kJ0_mEh21eJd8q6o",
			"y": "o9mg_lhWUhYzyyCa1ONLyXOlVQ_PijpiUCLRO1ymomE"}]}`))
	f.must(err)
	rapid.Check(t, func(t *rapid.T) {
		want := drawDirectory(t, keys)
		text, err := apply.Export(want)
		if err != nil {
			t.Fatal(err)
		}
		f.apply(string(text), true)
		if diff := cmp.Diff(want, f.directory(), asInFile); diff != "" {
			t.Fatalf("the store has other records than the file (-file +store):\n%s\n%s", diff, text)
		}
		f.unchanged(string(text))
		exported, err := apply.Export(f.directory())
		if err != nil || string(exported) != string(text) {
			t.Fatalf("the export is %v\n%s\nwant\n%s", err, exported, text)
		}
	})
}

// asInFile compares what a file has.
var asInFile = cmp.Options{
	cmpopts.EquateEmpty(),
	cmpopts.IgnoreFields(client.Directory{}, "Version"),
	cmpopts.IgnoreFields(client.Client{}, "Secrets", "CreatedAt"),
	cmpopts.IgnoreFields(client.Audience{}, "PreviousAlgorithm", "CreatedAt"),
	cmp.FilterPath(
		func(p cmp.Path) bool { return p.Last().String() == ".DisabledAt" },
		cmp.Comparer(func(a, b time.Time) bool { return a.IsZero() == b.IsZero() }),
	),
}

// drawDirectory returns a valid directory. A client of an id is always of the
// same kind and has the same way. Its origin and its certificate name may have
// been those of another client in the directory before.
func drawDirectory(t *rapid.T, keys []client.Key) client.Directory {
	var d client.Directory
	for _, id := range []string{"https://api.example/?a=b#c", "007", "null", "urn:a:'b", "{x}", "-"} {
		if maybe(t, true) {
			d.Audiences = append(d.Audiences, drawAudience(t, id))
		}
	}
	names := rapid.Permutation([]string{"a", "b", "c", "d", "e", "f"}).Draw(t, "names")
	for n, id := range []string{"%2e", "*app", "~", "true", "[]", "0x10"} {
		if !maybe(t, true) {
			continue
		}
		if n%2 == 0 || len(d.Audiences) == 0 {
			d.Clients = append(d.Clients, drawConfidential(t, id, names[n], d.Audiences, keys))
			continue
		}
		id = []string{1: "one", 3: "two", 5: "three"}[n]
		d.Clients = append(d.Clients, drawInBrowser(t, id, names[n], d.Audiences[0].ID))
	}
	slices.SortFunc(d.Clients, func(a, b client.Client) int { return strings.Compare(a.ID, b.ID) })
	slices.SortFunc(d.Audiences, func(a, b client.Audience) int { return strings.Compare(a.ID, b.ID) })
	return d
}

func drawAudience(t *rapid.T, id string) client.Audience {
	return client.Audience{
		ID: id, Algorithm: rapid.SampledFrom([]string{"RS256", "ES256", "EdDSA"}).Draw(t, "alg"),
		Lifetime: maybe(t, 90*time.Second), Scope: drawScope(t), Claims: maybe(t, []string{"roles", "e-mail"}),
		ReuseTokens: maybe(t, true), DisabledAt: drawDisabled(t),
	}
}

func drawConfidential(t *rapid.T, id, name string, audiences []client.Audience, keys []client.Key) client.Client {
	return client.Client{
		ID: id, Name: rapid.String().Filter(client.ValidName).Draw(t, "name"), Scope: drawScope(t),
		Audiences: drawAudiences(t, audiences), IntrospectAudiences: drawAudiences(t, audiences),
		RefreshIdle: maybe(t, time.Hour), RefreshAbsolute: maybe(t, 1500*time.Millisecond),
		Leeway: maybe(t, new(time.Duration)), RetryWindow: maybe(t, new(time.Duration)),
		GrantsPerUser: maybe(t, new(int)),
		MintSubjects:  maybe(t, true), CertSANs: maybe(t, []string{"dns:" + name + ".example", "uri:spiffe://" + name}),
		Keys: keys[rapid.IntRange(0, 2).Draw(t, "keys"):], DisabledAt: drawDisabled(t),
	}
}

func drawInBrowser(t *rapid.T, id, name, audience string) client.Client {
	return client.Client{
		ID: id, Public: true, Audiences: []string{audience}, DisabledAt: drawDisabled(t),
		Browser: &client.Browser{
			Way:       client.WaySession,
			Origins:   []string{"https://" + name + ".example"},
			LoginPath: rapid.SampledFrom([]string{"/login", "/in"}).Draw(t, "path"),
		},
		CORSOrigins: maybe(t, []string{"https://" + name + ".example"}),
	}
}

// maybe returns the value, or the zero value.
func maybe[T any](t *rapid.T, value T) T {
	var zero T
	if rapid.Bool().Draw(t, "set") {
		return value
	}
	return zero
}

func drawScope(t *rapid.T) oauth.Scope {
	token := rapid.SampledFrom([]string{"read", "on", "null", "~", "1", "#x", "a:b"})
	return oauth.NewScope(rapid.SliceOfN(token, 0, 4).Draw(t, "scope")...)
}

func drawAudiences(t *rapid.T, audiences []client.Audience) []string {
	var ids []string
	for _, a := range audiences {
		if maybe(t, true) {
			ids = append(ids, a.ID)
		}
	}
	return ids
}

func drawDisabled(t *rapid.T) time.Time { return maybe(t, time.Unix(1, 0)) }
