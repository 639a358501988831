package issuer_test

import (
	"context"
	"testing"
	"time"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/revocation"
)

// revoke adds an entry to the table of the issuer, as the feed does. Its moment
// is now.
func (f *fixture) revoke(h revocation.Hash) {
	f.Revocations.Merge([]revocation.Entry{{Hash: h, Before: f.Registry.Now().UnixMicro()}})
}

// active introspects a token.
func (f *fixture) active(t *testing.T, text string) bool {
	t.Helper()
	found, err := f.Inspector.Introspect(t.Context(), f.Caller, text)
	must(t, err)
	return found.Active
}

// Introspection refuses what verifiers refuse, and what is minted afterwards is
// active, although the row of the grant is active all the time.
func TestIntrospect_RefusesWhatVerifiersRefuse(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fixture) {
		refresh := ""
		next := func() string {
			t.Helper()
			f.Sleep(t, time.Second)
			r := f.MustRefresh(t, refresh, "")
			refresh = r.RefreshToken
			return r.AccessToken
		}
		login := f.MustLogin(t)
		refresh = login.RefreshToken
		for name, h := range map[string]revocation.Hash{
			"subject":               revocation.Subject.Hash(login.Subject),
			"subject at the client": revocation.HashSubjectAtClient(login.Subject, "gateway"),
			"client":                revocation.Client.Hash("gateway"),
			"audience":              revocation.Audience.Hash(api),
			"all":                   revocation.All.Hash(identifier),
		} {
			text := next()
			if !f.active(t, text) {
				t.Errorf("%s: not active before the revocation", name)
			}
			time.Sleep(time.Microsecond)
			f.revoke(h)
			if f.active(t, text) {
				t.Errorf("%s: active after the revocation", name)
			}
			if !f.active(t, next()) || !f.active(t, refresh) {
				t.Errorf("%s: a token that was minted afterwards, or the refresh token, is not active", name)
			}
		}

		text := next()
		access := f.read(t, text)
		f.revoke(revocation.Token.Hash(access.ID))
		if f.active(t, text) {
			t.Error("active after the revocation of its jti")
		}
		text = next()
		f.revoke(revocation.Grant.Hash(access.GrantID))
		if f.active(t, text) || f.active(t, refresh) {
			t.Error("active after the revocation of its grant")
		}
		text = f.mintOwn(t, f.Caller, "").AccessToken
		f.revoke(revocation.Key.Hash(access.KeyID))
		if f.active(t, text) {
			t.Error("active after the compromise of its key")
		}
	})
}

// Introspection refuses a token that was signed after the revocation, because
// the store had decided before it.
func TestIntrospect_RefusesTokenThatWasSignedAfterTheRevocation(t *testing.T) {
	inFlakyBubble(t, func(t *testing.T, f *flaky) {
		in := f.login(t, api)
		f.store.onRefresh = func(context.Context) error {
			time.Sleep(time.Second)
			f.Revocations.Merge([]revocation.Entry{
				{Hash: revocation.Subject.Hash(in.Subject), Before: f.Registry.Now().UnixMicro()},
			})
			time.Sleep(time.Second)
			return nil
		}
		text := f.MustRefresh(t, in.RefreshToken, "").AccessToken
		found, err := f.Inspector.Introspect(t.Context(), f.Caller, text)
		must(t, err)
		if found.Active {
			t.Error("active, want the token of before the revocation refused")
		}
	})
}

// Administration refuses a token that the revocation log refuses.
func TestBearer_RefusesWhatVerifiersRefuse(t *testing.T) {
	f := newFixture(t)
	bearer := administrator(t, f.Gateway, f.Fixture)
	text := bearer()
	_, err := f.Inspector.Bearer(t.Context(), text)
	must(t, err)
	f.revoke(revocation.Client.Hash("ops"))
	_, err = f.Inspector.Bearer(t.Context(), text)
	wantCode(t, err, oauth.InvalidClient)
	_, err = f.Inspector.Bearer(t.Context(), bearer())
	must(t, err)
}

// A token without a grant of a deleted client stays refused when another client
// of that id is created.
func TestIntrospect_RecreatedClientDoesNotReviveTokens(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fixture) {
		worker := client.Client{ID: "worker", Audiences: []string{api}}
		caller := f.Register(t, worker)
		f.Caller = caller
		text := f.mintOwn(t, caller, "").AccessToken
		must(t, f.Admin.DeleteClient(t.Context(), operator, "worker"))
		f.Sleep(t, grant.MintLag+time.Second)
		f.Caller = f.Register(t, worker)
		must(t, f.Feed.Refresh(t.Context()))
		if f.active(t, text) {
			t.Error("a token of the deleted client is active")
		}
		if !f.active(t, f.mintOwn(t, f.Caller, "").AccessToken) {
			t.Error("a token of the new client is not active")
		}
	})
}

// The cache drops a token as soon as an entry refuses it. All callers share the
// new one.
func TestCache_DropsRevokedTokens(t *testing.T) {
	inBubbleWithCache(t, func(t *testing.T, f *fixture) {
		credentials := func() string { return f.credentials(t) }
		for name, h := range map[string]func(string) revocation.Hash{
			"token":    func(text string) revocation.Hash { return revocation.Token.Hash(f.read(t, text).ID) },
			"client":   func(string) revocation.Hash { return revocation.Client.Hash("gateway") },
			"audience": func(string) revocation.Hash { return revocation.Audience.Hash(api) },
			"all":      func(string) revocation.Hash { return revocation.All.Hash(identifier) },
		} {
			first := credentials()
			time.Sleep(time.Second)
			if credentials() != first {
				t.Fatalf("%s: the token is not reused before the revocation", name)
			}
			f.revoke(h(first))
			second := credentials()
			if second == first || f.active(t, first) || !f.active(t, second) {
				t.Errorf("%s: reused %v, the first is active: %v, the second: %v",
					name, second == first, f.active(t, first), f.active(t, second))
			}
			if !same(credentials) {
				t.Errorf("%s: the new token is not reused", name)
			}
		}
	})
}

// Who was enabled a moment after being disabled gets no token that verifiers
// would refuse for the whole lifetime of the token, and nothing is stored. A
// refresh is not refused: its caller needs the refresh token.
func TestIssuer_SignsNoTokenThatIsRefused(t *testing.T) {
	for name, request := range map[string]func(context.Context, *testing.T, *flaky) (string, error){
		"login": func(ctx context.Context, _ *testing.T, f *flaky) (string, error) {
			return accessToken(f.Login(ctx, f.Caller, valid))
		},
		"mint": func(ctx context.Context, _ *testing.T, f *flaky) (string, error) {
			return mint(ctx, f, issuer.MintRequest{})
		},
		"mint for a subject": func(ctx context.Context, _ *testing.T, f *flaky) (string, error) {
			return mint(ctx, f, issuer.MintRequest{Subject: "customer 7", Refresh: true})
		},
		"from the cache": func(ctx context.Context, t *testing.T, f *flaky) (string, error) {
			f.updateAudience(t, api, allowReuse)
			return mint(ctx, f, issuer.MintRequest{})
		},
	} {
		t.Run(name, func(t *testing.T) {
			inFlakyBubble(t, func(t *testing.T, f *flaky) {
				in := f.login(t, api)
				f.Revocations.Merge([]revocation.Entry{{
					Hash: revocation.Client.Hash("gateway"), Before: f.Registry.Now().Add(grant.MintLag).UnixMicro(),
				}})
				_, err := request(t.Context(), t, f)
				if e := oauth.AsError(err); e.Code != oauth.TemporarilyUnavailable || e.RetryAfter <= 0 {
					t.Errorf("%v, want temporarily_unavailable and when to try again", err)
				}
				for _, subject := range []string{in.Subject, "customer 7"} {
					page, err := f.Store.Grants(t.Context(), grant.Filter{Subject: subject, Limit: 10})
					must(t, err)
					if n := len(page.Grants); subject == in.Subject && n != 1 || subject != in.Subject && n != 0 {
						t.Errorf("%s has %d grants", subject, n)
					}
				}
				f.MustRefresh(t, in.RefreshToken, "")

				f.Sleep(t, grant.MintLag)
				text, err := request(t.Context(), t, f)
				must(t, err)
				found, err := f.Inspector.Introspect(t.Context(), f.Caller, text)
				must(t, err)
				if !found.Active {
					t.Error("the token is not active afterwards")
				}
			})
		})
	}
}
