package issuer_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetd/signet/internal/app/components"
	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/issuertest"
	"github.com/signetd/signet/internal/login"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/token"
	"github.com/signetd/signet/keys"
)

// Audiences of severalSetup, beside the api.
const (
	second   = "https://second.example"
	eddsa    = "https://eddsa.example"
	claiming = "https://claiming.example"
)

// longScope is the length of a scope with which long claims make a token too
// long.
const longScope = 3500

// severalSetup is the setup of a client with several audiences.
var severalSetup = &issuertest.Setup{
	Audiences: []client.Audience{
		{ID: api},
		{ID: second},
		{ID: eddsa, Algorithm: keys.EdDSA},
		{ID: claiming, Claims: []string{"roles"}},
	},
	Clients: []client.Client{{
		ID: "gateway", Audiences: []string{api, second}, MintSubjects: true,
		Scope: oauth.NewScope("read", "write"),
	}},
	Users: []issuertest.User{{Name: username, Password: rightWord, Claims: map[string]any{"roles": "admin"}}},
}

// A flakyStore is the real store, whose calls can fail.
type flakyStore struct {
	components.ServiceStore
	// reads, refreshes and users are the numbers of calls.
	reads, refreshes, users atomic.Int64
	// onRefresh is called after the store has accepted an attempt, and onUser
	// before it reads a user. The store returns their error. nil means no call.
	onRefresh func(context.Context) error
	onUser    func() error
}

func (s *flakyStore) RefreshGrant(ctx context.Context, a grant.RefreshAttempt) (grant.RefreshResult, error) {
	s.refreshes.Add(1)
	result, err := s.ServiceStore.RefreshGrant(ctx, a)
	if err == nil && result.Outcome.Accepted() && s.onRefresh != nil {
		err = s.onRefresh(ctx)
	}
	if err != nil {
		return grant.RefreshResult{}, err
	}
	return result, nil
}

func (s *flakyStore) Grant(ctx context.Context, id oauth.GrantID) (grant.Grant, error) {
	s.reads.Add(1)
	return s.ServiceStore.Grant(ctx, id)
}

func (s *flakyStore) UserByID(ctx context.Context, id string) (login.User, error) {
	s.users.Add(1)
	if s.onUser != nil {
		if err := s.onUser(); err != nil {
			return login.User{}, err
		}
	}
	return s.ServiceStore.UserByID(ctx, id)
}

// A flaky is a fixture of severalSetup with a flakyStore.
type flaky struct {
	*issuertest.Gateway
	store *flakyStore
	// unchecked is the number of refreshes with that outcome.
	unchecked atomic.Int64
}

func newFlaky(t testing.TB) *flaky {
	t.Helper()
	f := &flaky{store: &flakyStore{}}
	f.Gateway = issuertest.NewGateway(t, severalSetup, func(o *components.Options) {
		f.store.ServiceStore, o.Store = o.Store, f.store
		o.Observer.Refreshed = func(o grant.Outcome) {
			if o == grant.Unchecked {
				f.unchecked.Add(1)
			}
		}
	})
	return f
}

// inFlakyBubble runs a test in a synctest bubble in which the keys are so old
// that an audience may change to the algorithm of any of them.
func inFlakyBubble(t *testing.T, test func(t *testing.T, f *flaky)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := newFlaky(t)
		f.Sleep(t, 2*time.Hour)
		test(t, f)
	})
}

// allow allows the gateway to request tokens for these audiences, with a scope
// of that many bytes.
func (f *flaky) allow(t testing.TB, scope int, audience ...string) {
	t.Helper()
	f.updateClient(t, func(c *client.Client) {
		c.Audiences, c.Scope = audience, oauth.NewScope("read", "write", strings.Repeat("s", scope))
	})
}

// login logs the user in for these audiences, with the scope read.
func (f *flaky) login(t testing.TB, audience ...string) *issuer.TokenResponse {
	t.Helper()
	r := issuertest.LoginRequest{Username: username, Password: rightWord, Audience: audience, Scope: "read"}
	response, err := f.Login(t.Context(), f.Caller, r)
	must(t, err)
	return response
}

// updateClient changes the gateway.
func (f *flaky) updateClient(t testing.TB, edit func(*client.Client)) {
	t.Helper()
	must(t, f.Admin.UpdateClient(t.Context(), operator, "gateway", edit))
	must(t, f.Registry.Poll(t.Context()))
	f.Caller = f.Fixture.Caller(t, "gateway")
}

// updateAudience changes an audience.
func (f *flaky) updateAudience(t testing.TB, id string, edit func(*client.Audience)) {
	t.Helper()
	must(t, f.Admin.UpdateAudience(t.Context(), operator, id, edit))
	must(t, f.Registry.Poll(t.Context()))
}

// generation returns the generation of a grant.
func (f *flaky) generation(t testing.TB, id oauth.GrantID) uint32 {
	t.Helper()
	g, err := f.Store.Grant(t.Context(), id)
	must(t, err)
	return g.Generation
}

// Rule 24: a refresh that the server refuses does not spend the token, whatever
// the reason is. The client may use the token when the reason is gone, without
// an idempotency key and after the leeway.
func TestRule24_RefusedRefreshDoesNotSpendTheToken(t *testing.T) {
	withAudience := func(audience ...string) func(testing.TB, *flaky) *issuer.TokenResponse {
		return func(t testing.TB, f *flaky) *issuer.TokenResponse {
			f.allow(t, 1, audience...)
			return f.login(t, audience...)
		}
	}
	for name, c := range map[string]struct {
		login           func(testing.TB, *flaky) *issuer.TokenResponse
		prevent, permit func(testing.TB, *flaky)
		want            oauth.Code
	}{
		"the audience is disabled": {
			login: withAudience(api),
			prevent: func(t testing.TB, f *flaky) {
				must(t, f.Admin.DisableAudience(t.Context(), operator, api))
				must(t, f.Registry.Poll(t.Context()))
			},
			permit: func(t testing.TB, f *flaky) {
				must(t, f.Admin.EnableAudience(t.Context(), operator, api))
				must(t, f.Registry.Poll(t.Context()))
			},
			want: oauth.InvalidTarget,
		},
		"one of two audiences has changed its algorithm": {
			login: withAudience(api, second),
			prevent: func(t testing.TB, f *flaky) {
				f.updateAudience(t, second, func(a *client.Audience) { a.Algorithm = keys.EdDSA })
			},
			permit: func(t testing.TB, f *flaky) {
				f.updateAudience(t, second, func(a *client.Audience) { a.Algorithm = keys.RS256 })
			},
			want: oauth.InvalidTarget,
		},
		"the client has lost all audiences": {
			login: withAudience(api, second),
			prevent: func(t testing.TB, f *flaky) {
				f.updateClient(t, func(c *client.Client) { c.Audiences = nil })
			},
			permit: func(t testing.TB, f *flaky) {
				f.updateClient(t, func(c *client.Client) { c.Audiences = []string{api, second} })
			},
			want: oauth.InvalidTarget,
		},
		"the client has the audience of another algorithm only": {
			login: withAudience(api),
			prevent: func(t testing.TB, f *flaky) {
				f.updateClient(t, func(c *client.Client) { c.Audiences = []string{eddsa} })
			},
			permit: func(t testing.TB, f *flaky) {
				f.updateClient(t, func(c *client.Client) { c.Audiences = []string{eddsa, api} })
			},
			want: oauth.InvalidTarget,
		},
		"the user's claims make the token too long": {
			login: func(t testing.TB, f *flaky) *issuer.TokenResponse {
				f.allow(t, longScope, claiming)
				r := valid
				r.Audience = []string{claiming}
				response, err := f.Login(t.Context(), f.Caller, r)
				must(t, err)
				return response
			},
			prevent: func(t testing.TB, f *flaky) {
				must(t, f.Admin.SetClaims(t.Context(), operator, username,
					map[string]any{"roles": strings.Repeat("r", 3500)}))
			},
			permit: func(t testing.TB, f *flaky) {
				must(t, f.Admin.SetClaims(t.Context(), operator, username, map[string]any{"roles": "admin"}))
			},
			want: oauth.InvalidRequest,
		},
		"the user's claims cannot be read": {
			login:   withAudience(claiming),
			prevent: func(_ testing.TB, f *flaky) { f.store.onUser = func() error { return errors.New("lost") } },
			permit:  func(_ testing.TB, f *flaky) { f.store.onUser = nil },
			want:    oauth.TemporarilyUnavailable,
		},
		"no key may sign": {
			login: withAudience(api),
			// The ring is too old, and so is the MAC key.
			prevent: func(t testing.TB, f *flaky) {
				time.Sleep(6 * time.Second)
				must(t, f.Registry.Poll(t.Context()))
			},
			permit: func(t testing.TB, f *flaky) { must(t, f.Keys.Poll(t.Context())) },
			want:   oauth.TemporarilyUnavailable,
		},
	} {
		t.Run(name, func(t *testing.T) {
			inFlakyBubble(t, func(t *testing.T, f *flaky) {
				response := c.login(t, f)
				c.prevent(t, f)
				for range 2 {
					_, err := f.Refresh(t.Context(), response.RefreshToken, "")
					wantCode(t, err, c.want)
				}
				if n := f.generation(t, response.GrantID); n != 0 {
					t.Errorf("the refused refresh has rotated the grant: generation %d", n)
				}
				if n := f.unchecked.Load(); n != 2 && c.want != oauth.TemporarilyUnavailable {
					t.Errorf("%d refreshes have the outcome unchecked, want 2", n)
				}
				c.permit(t, f)
				f.Sleep(t, time.Minute)
				f.MustRefresh(t, response.RefreshToken, "")
				if n := f.Events.Count(audit.RefreshReused); n != 0 {
					t.Errorf("%d reuse events, want none", n)
				}
			})
		})
	}
}

// A grant whose audiences are only in part the client's is refreshed for the
// others.
func TestRefresh_OmitsLostAudiences(t *testing.T) {
	inFlakyBubble(t, func(t *testing.T, f *flaky) {
		response := f.login(t, api, second)
		must(t, f.Admin.DisableAudience(t.Context(), operator, second))
		must(t, f.Registry.Poll(t.Context()))
		next := f.MustRefresh(t, response.RefreshToken, "")
		if n := f.store.refreshes.Load(); n != 2 {
			t.Errorf("%d calls of the store, want one that does not rotate the grant and one that does", n)
		}
		found, err := f.Inspector.Introspect(t.Context(), f.Caller, next.AccessToken)
		must(t, err)
		if len(found.Audience) != 1 || found.Audience[0] != api {
			t.Errorf("audience %q, want %s alone", found.Audience, api)
		}
	})
}

// The usual refresh is one call of the store. Only what may be refused needs
// another one.
func TestRefresh_CallsOfTheStore(t *testing.T) {
	type calls struct{ reads, refreshes, users int64 }
	for _, c := range []struct {
		name    string
		allowed []string
		scope   int
		request issuer.RefreshRequest
		want    calls
	}{
		{"one algorithm", []string{api, second}, 1, issuer.RefreshRequest{}, calls{refreshes: 1}},
		{"two algorithms", []string{api, eddsa}, 1, issuer.RefreshRequest{}, calls{reads: 1, refreshes: 1}},
		{"claims", []string{claiming}, 1, issuer.RefreshRequest{}, calls{1, 1, 1}},
		{"a long scope", []string{api}, longScope, issuer.RefreshRequest{}, calls{reads: 1, refreshes: 1}},
		{"less scope", []string{api}, 1, issuer.RefreshRequest{Scope: "read"}, calls{reads: 1, refreshes: 1}},
	} {
		f := newFlaky(t)
		f.allow(t, c.scope, c.allowed...)
		c.request.RefreshToken = f.login(t, c.allowed[0]).RefreshToken
		f.store.reads.Store(0)
		f.store.users.Store(0)
		_, err := f.Issuer.Refresh(t.Context(), f.Caller, c.request)
		must(t, err)
		if got := (calls{f.store.reads.Load(), f.store.refreshes.Load(), f.store.users.Load()}); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

// A deadline that passes after the rotation does not turn the answer into an
// error.
func TestRefresh_DeadlineAfterTheRotation(t *testing.T) {
	for _, audience := range []string{api, claiming} {
		inFlakyBubble(t, func(t *testing.T, f *flaky) {
			f.allow(t, 1, audience)
			response := f.login(t, audience)
			f.store.onRefresh = func(ctx context.Context) error { <-ctx.Done(); return nil }
			f.store.onUser = func() error {
				if f.generation(t, response.GrantID) != 0 {
					return errors.New("the user is read after the rotation")
				}
				return nil
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if _, err := f.Refresh(ctx, response.RefreshToken, "key"); err != nil {
				t.Errorf("%s: %v", audience, err)
			}
		})
	}
}

// Rule 24: what fails after the rotation is temporarily_unavailable, and the
// retry gets the successor, without an idempotency key and without a leeway.
func TestRule24_FailureAfterTheRotationIsNoReuse(t *testing.T) {
	noLeeway := time.Duration(0)
	for name, fail := range map[string]func(*flaky) func(context.Context) error{
		"the store's answer is lost": func(*flaky) func(context.Context) error {
			return func(context.Context) error { return errors.New("connection lost") }
		},
		"the key ring is too old": func(f *flaky) func(context.Context) error {
			return func(context.Context) error { time.Sleep(6 * time.Second); return nil }
		},
	} {
		t.Run(name, func(t *testing.T) {
			inFlakyBubble(t, func(t *testing.T, f *flaky) {
				f.updateClient(t, func(c *client.Client) { c.Leeway = &noLeeway })
				response := f.login(t, api)
				f.store.onRefresh = fail(f)
				_, err := f.Refresh(t.Context(), response.RefreshToken, "")
				wantCode(t, err, oauth.TemporarilyUnavailable)
				if n := f.generation(t, response.GrantID); n != 1 {
					t.Fatalf("generation %d, want 1: the test needs a rotation", n)
				}

				f.store.onRefresh = nil
				f.Sleep(t, 20*time.Second)
				next := f.MustRefresh(t, response.RefreshToken, "")
				f.MustRefresh(t, next.RefreshToken, "")
				if n := f.Events.Count(audit.RefreshReused); n != 0 {
					t.Errorf("%d reuse events, want none", n)
				}
			})
		})
	}
}

// Rule 24: a failure of the audit log after the rotation is no reuse, either. A
// token that is ahead of its row is rotated and audited.
func TestRule24_AuditFailureAfterTheRotationIsNoReuse(t *testing.T) {
	inFlakyBubble(t, func(t *testing.T, f *flaky) {
		noLeeway := time.Duration(0)
		f.updateClient(t, func(c *client.Client) { c.Leeway = &noLeeway })
		sealed, err := token.ParseRefresh(f.login(t, api).RefreshToken)
		must(t, err)
		_, secret, err := f.Keys.CurrentMAC()
		must(t, err)
		content, err := sealed.Verify(secret)
		must(t, err)
		content.Generation = 3
		ahead, err := content.Encode(secret)
		must(t, err)

		f.Events.FailWith(errors.New("disk full"))
		_, err = f.Refresh(t.Context(), ahead, "")
		wantCode(t, err, oauth.TemporarilyUnavailable)
		f.Events.FailWith(nil)
		f.Sleep(t, 20*time.Second)
		f.MustRefresh(t, ahead, "")
	})
}

// A server that cannot answer tells the client to retry within its leeway.
func TestRefresh_RetryAfterIsWithinTheLeeway(t *testing.T) {
	for leeway, want := range map[time.Duration]time.Duration{
		0: time.Second, 500 * time.Millisecond: 250 * time.Millisecond, time.Second: 500 * time.Millisecond,
		2 * time.Second: time.Second, time.Minute: time.Second,
	} {
		f := newFlaky(t)
		f.updateClient(t, func(c *client.Client) { c.Leeway = &leeway })
		response := f.login(t, api)
		f.store.onRefresh = func(context.Context) error { return errors.New("connection lost") }
		_, err := f.Refresh(t.Context(), response.RefreshToken, "")
		if e := oauth.AsError(err); e.Code != oauth.TemporarilyUnavailable || e.RetryAfter != want {
			t.Errorf("leeway %s: %s, retry after %s, want %s", leeway, e.Code, e.RetryAfter, want)
		}
	}
}

// A Mint with a grant is refused if a refresh of the grant could not issue its
// token, which is for all audiences.
func TestMint_RefusesAGrantThatCannotBeRefreshed(t *testing.T) {
	f := newFlaky(t)
	var audiences []string
	for n := range oauth.MaxAudiences {
		id := fmt.Sprintf("%0250d", n)
		_, err := f.Admin.CreateAudience(t.Context(), operator, client.Audience{ID: id})
		must(t, err)
		audiences = append(audiences, id)
	}
	f.allow(t, longScope, audiences...)
	r := issuer.MintRequest{Subject: "customer 7", Audience: audiences}
	_, err := f.Issuer.Mint(t.Context(), f.Caller, r)
	must(t, err)
	r.Refresh = true
	_, err = f.Issuer.Mint(t.Context(), f.Caller, r)
	wantCode(t, err, oauth.InvalidRequest)
	page, err := f.Store.Grants(t.Context(), grant.Filter{Subject: r.Subject, Limit: 10})
	must(t, err)
	if len(page.Grants) != 0 {
		t.Errorf("the refused Mint has stored %d grants", len(page.Grants))
	}
}

// A login whose token cannot be issued creates no grant.
func TestLogin_RefusedTokenCreatesNoGrant(t *testing.T) {
	f := newFlaky(t)
	f.allow(t, longScope, claiming)
	must(t, f.Admin.SetClaims(t.Context(), operator, username, map[string]any{"roles": strings.Repeat("r", 3500)}))
	r := valid
	r.Audience = []string{claiming}
	_, err := f.Login(t.Context(), f.Caller, r)
	wantCode(t, err, oauth.InvalidRequest)
	f.store.onUser = func() error { return errors.New("lost") }
	r.Scope = "read"
	_, err = f.Login(t.Context(), f.Caller, r)
	wantCode(t, err, oauth.TemporarilyUnavailable)

	u, err := f.Store.User(t.Context(), username)
	must(t, err)
	page, err := f.Store.Grants(t.Context(), grant.Filter{Subject: u.ID, Limit: 10})
	must(t, err)
	if len(page.Grants) != 0 || f.Events.Count(audit.LoginSucceeded) != 0 {
		t.Errorf("%d grants and %d events of success, want none", len(page.Grants),
			f.Events.Count(audit.LoginSucceeded))
	}
}
