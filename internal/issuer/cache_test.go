package issuer_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/keys"
)

// inBubbleWithCache is inBubble with an audience that allows the token cache.
func inBubbleWithCache(t *testing.T, test func(t *testing.T, f *fixture)) {
	t.Helper()
	inBubble(t, func(t *testing.T, f *fixture) {
		f.UpdateAudience(t, allowReuse)
		test(t, f)
	})
}

func allowReuse(a *client.Audience) { a.ReuseTokens = true }

// same calls request twice and reports whether both calls return the same
// token.
func same(request func() string) bool {
	first := request()
	return request() == first
}

// Mint and ClientCredentials reuse one token for the first tenth of its
// lifetime, and return what remains of it.
func TestCache_ReusesATokenForATenthOfItsLifetime(t *testing.T) {
	inBubbleWithCache(t, func(t *testing.T, f *fixture) {
		time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(1250 * time.Millisecond)))
		first := f.mintOwn(t, f.Caller, "")
		if first.ExpiresIn != 10*time.Minute {
			t.Errorf("expires_in %s, want 10m", first.ExpiresIn)
		}

		f.Sleep(t, 59*time.Second+500*time.Millisecond)
		reused := f.mintOwn(t, f.Caller, "")
		if reused.AccessToken != first.AccessToken || f.credentials(t) != first.AccessToken {
			t.Error("the token is not reused in the last second of the tenth")
		}
		found, err := f.Inspector.Introspect(t.Context(), f.Caller, reused.AccessToken)
		must(t, err)
		if left := time.Until(found.ExpiresAt); reused.ExpiresIn != left ||
			left != 540*time.Second+250*time.Millisecond {
			t.Errorf("expires_in %s, and the token expires in %s", reused.ExpiresIn, left)
		}

		f.Sleep(t, 250*time.Millisecond)
		if next := f.mintOwn(t, f.Caller, ""); next.AccessToken == first.AccessToken ||
			next.ExpiresIn != 10*time.Minute {
			t.Errorf("after the tenth: reused, or expires_in is %s", next.ExpiresIn)
		}
		if f.signed.Load() != 2 || f.reused.Load() != 2 {
			t.Errorf("%d tokens were signed and %d reused, want 2 and 2", f.signed.Load(), f.reused.Load())
		}
	})
}

// The cache is only for audiences that all allow it, and only for tokens in a
// client's own name.
func TestCache_OnlyWhereAllAudiencesAllowIt(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fixture) {
		if same(func() string { return f.mintOwn(t, f.Caller, "").AccessToken }) {
			t.Error("a token is reused although the audience does not allow it")
		}
		f.UpdateAudience(t, allowReuse)
		_, err := f.Admin.CreateAudience(t.Context(), operator, client.Audience{ID: "strict"})
		must(t, err)
		must(t, f.Admin.UpdateClient(t.Context(), operator, "gateway", func(c *client.Client) {
			c.Audiences, c.MintSubjects = []string{api, "strict"}, true
		}))
		must(t, f.Registry.Poll(t.Context()))
		d, err := f.Store.Directory(t.Context())
		must(t, err)
		f.Caller.Client, _ = d.Client("gateway")

		if !same(func() string { return f.credentials(t, api) }) {
			t.Error("a token is not reused although the audience allows it")
		}
		if same(func() string { return f.credentials(t, api, "strict") }) {
			t.Error("a token is reused although one of its audiences does not allow it")
		}
		for _, r := range []issuer.MintRequest{{Subject: "customer 7"}, {Subject: "customer 7", Refresh: true}} {
			if same(func() string {
				response, err := f.Issuer.Mint(t.Context(), f.Caller, r)
				must(t, err)
				return response.Tokens[0].AccessToken
			}) {
				t.Errorf("a token for a subject is reused: %+v", r)
			}
		}
		login := f.MustLogin(t)
		if same(func() string { return f.MustRefresh(t, login.RefreshToken, "k").AccessToken }) {
			t.Error("the access token of a refresh is reused")
		}
	})
}

// A token is only reused for the same claims, except jti, iat and exp, and only
// until a client or an audience changes.
func TestCache_OnlyForTheSameClaims(t *testing.T) {
	inBubbleWithCache(t, func(t *testing.T, f *fixture) {
		_, err := f.Admin.CreateAudience(t.Context(), operator, client.Audience{ID: "other", ReuseTokens: true})
		must(t, err)
		both := []string{api, "other"}
		f.Caller = f.Register(t, client.Client{ID: "many", Audiences: both, Scope: oauth.NewScope("read", "write")})
		twin := f.Register(t, client.Client{ID: "twin", Audiences: both, Scope: oauth.NewScope("read", "write")})

		seen := map[string]string{}
		wantOther := func(what string, request func() string) {
			t.Helper()
			token := request()
			if before, ok := seen[token]; ok {
				t.Errorf("%s: the token of %s is reused", what, before)
			}
			if request() != token {
				t.Errorf("%s: the token is not reused", what)
			}
			seen[token] = what
		}
		plain := func() string { return f.mintOwn(t, f.Caller, "").AccessToken }
		wantOther("first", plain)
		wantOther("less scope", func() string { return f.mintOwn(t, f.Caller, "read").AccessToken })
		wantOther("another client", func() string { return f.mintOwn(t, twin, "").AccessToken })
		wantOther("another audience", func() string { return f.credentials(t, "other") })
		wantOther("two audiences", func() string { return f.credentials(t, both...) })

		f.UpdateAudience(t, func(a *client.Audience) { a.Lifetime = time.Hour })
		wantOther("another lifetime", plain)
		f.UpdateAudience(t, func(a *client.Audience) { a.Scope = oauth.NewScope("read") })
		wantOther("the audience has less scope", plain)
		changed := func(what string, err error) {
			t.Helper()
			must(t, err)
			must(t, f.Registry.Poll(t.Context()))
			wantOther(what, plain)
		}
		must(t, f.Admin.DisableClient(t.Context(), operator, "many"))
		changed("disabled and enabled", f.Admin.EnableClient(t.Context(), operator, "many"))
		_, err = f.Admin.RotateSecret(t.Context(), operator, "many")
		changed("another secret", err)

		f.UpdateAudience(t, func(a *client.Audience) { a.ReuseTokens = false })
		if same(plain) {
			t.Error("a token is reused although the audience no longer allows it")
		}
	})
}

// Rule 22: the cache returns no token of a key that was rotated or compromised,
// and nothing at all while the server may not sign.
func TestRule22_CacheReturnsNoTokenOfAnotherKey(t *testing.T) {
	by := audit.Actor{Name: "operator"}
	inBubbleWithCache(t, func(t *testing.T, f *fixture) {
		first := f.mintOwn(t, f.Caller, "").AccessToken
		_, err := f.Keys.Operator().Rotate(t.Context(), by, []string{keys.RS256}, keys.RotateOptions{Now: true})
		must(t, err)
		second := f.mintOwn(t, f.Caller, "").AccessToken
		if second == first {
			t.Error("a token is reused although its key was rotated")
		}

		signer, err := f.Keys.Signer(keys.RS256)
		must(t, err)
		must(t, f.Keys.Operator().Compromise(t.Context(), by, signer.KeyID))
		third := f.mintOwn(t, f.Caller, "").AccessToken
		if third == second {
			t.Error("a token is reused although its key is compromised")
		}

		time.Sleep(6 * time.Second) // now the key ring is too old, and the registry is not
		must(t, f.Registry.Poll(t.Context()))
		_, err = f.Issuer.Mint(t.Context(), f.Caller, issuer.MintRequest{})
		wantCode(t, err, oauth.TemporarilyUnavailable)
		f.Sleep(t, 0)
		if f.mintOwn(t, f.Caller, "").AccessToken != third {
			t.Error("the key ring is fresh again, and the token is not reused")
		}
	})
}

// If the store's clock is set back, a token is not reused for a longer time. If
// it is set forward, an expired token is not reused.
func TestCache_ClockJumps(t *testing.T) {
	inBubbleWithCache(t, func(t *testing.T, f *fixture) {
		first := f.mintOwn(t, f.Caller, "")
		f.Pass(t, -time.Second)
		if f.mintOwn(t, f.Caller, "").AccessToken == first.AccessToken {
			t.Error("a token is reused before its iat by the clock")
		}
		f.Pass(t, time.Hour)
		if later := f.mintOwn(t, f.Caller, ""); later.AccessToken == first.AccessToken ||
			later.ExpiresIn != 10*time.Minute {
			t.Errorf("an hour later: reused, or expires_in is %s", later.ExpiresIn)
		}

		f.Pass(t, -time.Hour)
		first = f.mintOwn(t, f.Caller, "")
		f.Sleep(t, 50*time.Second)
		f.Pass(t, -40*time.Second)
		f.Sleep(t, 11*time.Second)
		if f.mintOwn(t, f.Caller, "").AccessToken == first.AccessToken {
			t.Error("a tenth of the lifetime has passed, and the clock that was set back has the token reused")
		}
	})
}

// Concurrent requests cost one signature. Requests whose contexts have ended
// are refused, and the others are not affected.
func TestCache_ConcurrentRequestsCostOneSignature(t *testing.T) {
	inBubbleWithCache(t, func(t *testing.T, f *fixture) {
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		const requests = 128
		for round := range 8 {
			f.UpdateAudience(t, func(a *client.Audience) { a.Lifetime = time.Hour - time.Duration(round)*time.Second })
			signed, reused := f.signed.Load(), f.reused.Load()
			tokens, start := make([]string, requests), make(chan struct{})
			var all sync.WaitGroup
			for i := range requests {
				all.Go(func() {
					ctx := t.Context()
					if (i+round)%2 == 0 {
						ctx = ended
					}
					<-start
					response, err := f.Issuer.Mint(ctx, f.Caller, issuer.MintRequest{})
					switch {
					case ctx == ended && !errors.Is(err, oauth.TemporarilyUnavailable):
						t.Errorf("a request whose context has ended: %v, want temporarily_unavailable", err)
					case ctx != ended && err != nil:
						t.Errorf("a request failed because another one has ended: %v", err)
					case err == nil:
						tokens[i] = response.Tokens[0].AccessToken
					}
				})
			}
			close(start)
			all.Wait()

			different := map[string]bool{}
			for i, token := range tokens {
				if (i+round)%2 != 0 {
					different[token] = true
				}
			}
			signed, reused = f.signed.Load()-signed, f.reused.Load()-reused
			if len(different) != 1 || signed != 1 || reused != requests/2-1 {
				t.Errorf("round %d: %d tokens, %d signed and %d reused, want 1, 1 and %d", round, len(different),
					signed, reused, requests/2-1)
			}
		}
	})
}

// The cache has a bounded number of tokens. If there are more kinds of tokens,
// some are signed again, and no request is refused.
func TestCache_IsBounded(t *testing.T) {
	inBubbleWithCache(t, func(t *testing.T, f *fixture) {
		const capacity = 1024
		eddsa := client.Audience{ID: "eddsa", Algorithm: keys.EdDSA, ReuseTokens: true}
		_, err := f.Admin.CreateAudience(t.Context(), operator, eddsa)
		must(t, err)
		must(t, f.Registry.Poll(t.Context()))
		must(t, f.Keys.Poll(t.Context()))
		var scope oauth.Scope
		for bit := range 11 {
			scope = append(scope, fmt.Sprint("s", bit))
		}
		many := client.Client{ID: "many", Audiences: []string{"eddsa"}, Scope: oauth.NewScope(scope...)}
		caller := f.Register(t, many)
		mintAll := func() {
			for kind := 1; kind < 2*capacity; kind++ {
				var requested []string
				for bit, value := range scope {
					if kind>>bit&1 == 1 {
						requested = append(requested, value)
					}
				}
				f.mintOwn(t, caller, strings.Join(requested, " "))
			}
		}
		mintAll()
		if f.reused.Load() != 0 {
			t.Fatalf("%d of different tokens are the same", f.reused.Load())
		}
		mintAll()
		if reused := f.reused.Load(); reused > capacity || reused < capacity/4 {
			t.Errorf("%d tokens were reused, want %d to %d", reused, capacity/4, capacity)
		}
	})
}

// A token that could not be signed is neither cached nor counted.
func TestCache_HasNoFailures(t *testing.T) {
	inBubbleWithCache(t, func(t *testing.T, f *fixture) {
		var audiences []string
		for i := range oauth.MaxAudiences {
			id := fmt.Sprintf("%0250d", i)
			_, err := f.Admin.CreateAudience(t.Context(), operator, client.Audience{ID: id, ReuseTokens: true})
			must(t, err)
			audiences = append(audiences, id)
		}
		long := oauth.NewScope(strings.Fields(strings.Repeat("a", 1000) + " " + strings.Repeat("b", 1000))...)
		caller := f.Register(t, client.Client{ID: "many", Audiences: audiences, Scope: long})
		for range 3 {
			_, err := f.Issuer.ClientCredentials(t.Context(), caller, issuer.CredentialsRequest{Audience: audiences})
			wantCode(t, err, oauth.InvalidRequest)
		}
		if f.signed.Load() != 0 || f.reused.Load() != 0 {
			t.Errorf("%d signed and %d reused", f.signed.Load(), f.reused.Load())
		}
	})
}

// BenchmarkMint measures a token in a client's own name with RS256: signed, and
// reused.
func BenchmarkMint(b *testing.B) {
	f := newFixture(b)
	f.Run(b)
	for _, reuse := range []bool{false, true} {
		b.Run(fmt.Sprintf("reuse=%v", reuse), func(b *testing.B) {
			f.UpdateAudience(b, func(a *client.Audience) { a.ReuseTokens = reuse })
			b.ReportAllocs()
			for b.Loop() {
				if _, err := f.Issuer.Mint(b.Context(), f.Caller, issuer.MintRequest{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
