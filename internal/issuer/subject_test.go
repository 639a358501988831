package issuer_test

import (
	"context"
	"reflect"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signetd/signet/internal/admin"
	"github.com/signetd/signet/internal/app/components"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/issuertest"
	"github.com/signetd/signet/internal/login"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/keys"
)

// foreign is a subject of another issuer.
const foreign = "auth0|5f7c8ec7"

// A readCounter counts the reads of users by their ids.
type readCounter struct {
	components.ServiceStore
	reads atomic.Int64
}

func (c *readCounter) UserByID(ctx context.Context, id string) (login.User, error) {
	c.reads.Add(1)
	return c.ServiceStore.UserByID(ctx, id)
}

// Only the store knows whether a subject is a user, so each Mint for a subject
// reads it once. Tokens in the client's own name need no read.
func TestMint_ReadsASubjectOnce(t *testing.T) {
	var store readCounter
	f := issuertest.NewGateway(t, setup, func(o *components.Options) { store.ServiceStore, o.Store = o.Store, &store })
	mesh := f.Register(t, client.Client{ID: "mesh", Audiences: []string{api}, MintSubjects: true})
	u, err := f.Admin.User(t.Context(), username)
	must(t, err)
	for subject, want := range map[string]int64{"": 0, foreign: 1, u.ID: 1} {
		for name, act := range map[string]func(text string) error{
			"mint": func(string) error {
				_, err := f.Issuer.Mint(t.Context(), mesh, issuer.MintRequest{Subject: subject})
				return err
			},
			"introspect": func(text string) error {
				_, err := f.Inspector.Introspect(t.Context(), mesh, text)
				return err
			},
		} {
			r, err := f.Issuer.Mint(t.Context(), mesh, issuer.MintRequest{Subject: subject})
			must(t, err)
			before := store.reads.Load()
			must(t, act(r.Tokens[0].AccessToken))
			if got := store.reads.Load() - before; got != want {
				t.Errorf("%s, subject %q: %d reads, want %d", name, subject, got, want)
			}
		}
	}
}

// After the deletion of a user with the id of another issuer, the id is that of
// no user: the client that mints is responsible for it. Earlier tokens and
// grants stay refused.
func TestMint_SubjectOfADeletedUser(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fixture) {
		f.UpdateAudience(t, func(a *client.Audience) { a.Claims = []string{"roles"} })
		mesh := f.Register(t, client.Client{ID: "mesh", Audiences: []string{api}, MintSubjects: true})
		_, err := f.Admin.ImportUser(t.Context(), operator, admin.ImportedUser{
			Username: "bob", ID: foreign, Claims: map[string]any{"roles": "ops"},
		})
		must(t, err)
		mint := func() *issuer.MintResponse {
			t.Helper()
			r, err := f.Issuer.Mint(t.Context(), mesh, issuer.MintRequest{Subject: foreign, Refresh: true})
			must(t, err)
			return r
		}
		earlier := mint()
		got := f.read(t, earlier.Tokens[0].AccessToken).Claims
		if !reflect.DeepEqual(got, map[string]any{"roles": "ops"}) {
			t.Errorf("claims %v of the user", got)
		}
		must(t, f.Admin.DeleteUser(t.Context(), operator, "bob"))
		must(t, f.Feed.Refresh(t.Context()))
		f.Sleep(t, 7*time.Second) // as long as an entry refuses tokens that are minted after it

		if got := f.read(t, mint().Tokens[0].AccessToken).Claims; len(got) > 0 {
			t.Errorf("claims %v of a deleted user", got)
		}
		for _, text := range []string{earlier.RefreshToken, earlier.Tokens[0].AccessToken} {
			found, err := f.Inspector.Introspect(t.Context(), mesh, text)
			must(t, err)
			if found.Active {
				t.Errorf("a token of the deleted user is active: %+v", found)
			}
		}
		_, err = f.Issuer.Refresh(t.Context(), mesh, issuer.RefreshRequest{RefreshToken: earlier.RefreshToken})
		wantCode(t, err, oauth.InvalidGrant)
	})
}

// BenchmarkMintForASubject measures a token with ES256: in the client's own
// name, for a subject that is no user, and for a user.
func BenchmarkMintForASubject(b *testing.B) {
	setup := issuertest.GatewaySetup()
	setup.Audiences[0].Algorithm = keys.ES256
	f := issuertest.NewGateway(b, setup)
	f.Run(b)
	mesh := f.Register(b, client.Client{ID: "mesh", Audiences: []string{api}, MintSubjects: true})
	u, err := f.Admin.User(b.Context(), username)
	must(b, err)
	for name, subject := range map[string]string{"own": "", "other": foreign, "user": u.ID} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := f.Issuer.Mint(b.Context(), mesh, issuer.MintRequest{Subject: subject}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
