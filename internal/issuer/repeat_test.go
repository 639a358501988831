package issuer_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/keys"
)

// counts are what a watch was told: how many tokens were signed, and how many given again.
type counts struct{ signed, again atomic.Int64 }

func (c *counts) watch(o *issuer.Options) {
	o.Watch.Issued = func(string, string) { c.signed.Add(1) }
	o.Watch.Repeated = func(string, string) { c.again.Add(1) }
}

// audience changes the house's audience, and its directory knows it.
func (h *house) audience(t testing.TB, edit func(*client.Audience)) {
	t.Helper()
	must(t, h.admin.UpdateAudience(t.Context(), operator, api, edit))
	must(t, h.directory.Poll(t.Context()))
}

// inCounted is inBubble with a house whose tokens are counted, and whose audience repeats them.
func inCounted(t *testing.T, test func(t *testing.T, h *house, n *counts)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var n counts
		h := newHouse(t, n.watch)
		h.audience(t, repeating)
		test(t, h, &n)
	})
}

func repeating(a *client.Audience) { a.ReuseTokens = true }

// own mints a token in the caller's own name.
func (h *house) own(t testing.TB, caller issuer.Caller, scope string) issuer.MintedToken {
	t.Helper()
	answer, err := h.Mint(t.Context(), caller, issuer.MintRequest{Scope: scope})
	must(t, err)
	return answer.Tokens[0]
}

// twice asks twice and says whether the same token is given.
func twice(ask func() string) bool {
	first := ask()
	return ask() == first
}

// credentials asks for a token in the house's client's own name for all of the audiences.
func (h *house) credentials(t *testing.T, audience ...string) string {
	t.Helper()
	answer, err := h.ClientCredentials(t.Context(), h.caller, issuer.CredentialsRequest{Audience: audience})
	must(t, err)
	return answer.AccessToken
}

// TestRepeatForATenth: one token for who asks by either verb, with what then remains of its life, until a tenth of that is over.
func TestRepeatForATenth(t *testing.T) {
	inCounted(t, func(t *testing.T, h *house, n *counts) {
		time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(1250 * time.Millisecond)))
		first := h.own(t, h.caller, "")
		if first.ExpiresIn != 10*time.Minute {
			t.Errorf("it lives for %s", first.ExpiresIn)
		}
		h.pass(t, 59*time.Second+500*time.Millisecond)
		again := h.own(t, h.caller, "")
		if again.AccessToken != first.AccessToken || h.credentials(t) != first.AccessToken {
			t.Error("it is not given again in the last second of the tenth")
		}
		found, err := h.Introspect(t.Context(), h.caller, again.AccessToken)
		must(t, err)
		if left := time.Until(found.ExpiresAt); again.ExpiresIn != left || left != 540*time.Second+250*time.Millisecond {
			t.Errorf("it is said to live for %s more, and lives for %s", again.ExpiresIn, left)
		}
		h.pass(t, 250*time.Millisecond)
		if next := h.own(t, h.caller, ""); next.AccessToken == first.AccessToken || next.ExpiresIn != 10*time.Minute {
			t.Errorf("after the tenth: given again, or lives for %s", next.ExpiresIn)
		}
		if n.signed.Load() != 2 || n.again.Load() != 2 {
			t.Errorf("%d tokens were signed and %d given again, want 2 and 2", n.signed.Load(), n.again.Load())
		}
	})
}

// TestRepeatOnlyWhatIsAllowed: no audience repeats unless it says so, and then a client's own tokens only.
func TestRepeatOnlyWhatIsAllowed(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		if twice(func() string { return h.own(t, h.caller, "").AccessToken }) {
			t.Error("an audience repeats that nobody asked to")
		}
		h.audience(t, repeating)
		_, err := h.admin.CreateAudience(t.Context(), operator, client.Audience{ID: "strict"})
		must(t, err)
		must(t, h.admin.UpdateClient(t.Context(), operator, "gateway", func(c *client.Client) {
			c.Audiences, c.MintSubjects = []string{api, "strict"}, true
		}))
		must(t, h.directory.Poll(t.Context()))
		d, err := h.store.Directory(t.Context())
		must(t, err)
		h.caller.Client, _ = d.Client("gateway")
		if !twice(func() string { return h.credentials(t, api) }) {
			t.Error("the audience does not repeat")
		}
		if twice(func() string { return h.credentials(t, api, "strict") }) {
			t.Error("a token is given again of which one audience does not allow it")
		}
		for _, r := range []issuer.MintRequest{{Subject: "customer 7"}, {Subject: "customer 7", Refresh: true}} {
			if twice(func() string {
				answer, err := h.Mint(t.Context(), h.caller, r)
				must(t, err)
				return answer.Tokens[0].AccessToken
			}) {
				t.Errorf("a token for a subject is given again: %+v", r)
			}
		}
		in := h.login(t)
		if twice(func() string { return h.mustRefresh(t, in.RefreshToken, "k").AccessToken }) {
			t.Error("a refreshed token is given again")
		}
	})
}

// TestRepeatOnlyTheSame: whatever a token says but jti, iat and exp, and whatever changed of clients and audiences, makes it
// another one.
func TestRepeatOnlyTheSame(t *testing.T) {
	inCounted(t, func(t *testing.T, h *house, n *counts) {
		_, err := h.admin.CreateAudience(t.Context(), operator, client.Audience{ID: "other", ReuseTokens: true})
		must(t, err)
		both := []string{api, "other"}
		h.caller = h.client(t, client.Client{ID: "crowd", Audiences: both, Scope: oauth.NewScope("read", "write")})
		twin := h.client(t, client.Client{ID: "twin", Audiences: both, Scope: oauth.NewScope("read", "write")})

		seen := map[string]string{}
		asked := func(what string, ask func() string) {
			t.Helper()
			token := ask()
			if before, ok := seen[token]; ok {
				t.Errorf("%s: the token of %s is given again", what, before)
			}
			if ask() != token {
				t.Errorf("%s: it is not given again", what)
			}
			seen[token] = what
		}
		plain := func() string { return h.own(t, h.caller, "").AccessToken }
		asked("first", plain)
		asked("less scope", func() string { return h.own(t, h.caller, "read").AccessToken })
		asked("another client", func() string { return h.own(t, twin, "").AccessToken })
		asked("another audience", func() string { return h.credentials(t, "other") })
		asked("two audiences", func() string { return h.credentials(t, both...) })

		h.audience(t, func(a *client.Audience) { a.Lifetime = time.Hour })
		asked("another lifetime", plain)
		h.audience(t, func(a *client.Audience) { a.Scope = oauth.NewScope("read") })
		asked("the audience has less scope", plain)
		change := func(what string, by error) {
			t.Helper()
			must(t, by)
			must(t, h.directory.Poll(t.Context()))
			asked(what, plain)
		}
		must(t, h.admin.DisableClient(t.Context(), operator, "crowd"))
		change("disabled and enabled", h.admin.EnableClient(t.Context(), operator, "crowd"))
		_, err = h.admin.RotateSecret(t.Context(), operator, "crowd")
		change("another secret", err)

		h.audience(t, func(a *client.Audience) { a.ReuseTokens = false })
		if twice(plain) {
			t.Error("the audience repeats no more, and it is given again")
		}
	})
}

// TestRule22_NothingIsRepeatedOfAnotherKey: what a key signed that was rotated away or is compromised is not given again, and
// nothing at all by a server that may not sign.
func TestRule22_NothingIsRepeatedOfAnotherKey(t *testing.T) {
	by := keys.Actor{Name: "operator"}
	inCounted(t, func(t *testing.T, h *house, _ *counts) {
		first := h.own(t, h.caller, "").AccessToken
		_, err := h.keys.Operator().Rotate(t.Context(), by, []string{keys.RS256}, keys.RotateOptions{Now: true})
		must(t, err)
		second := h.own(t, h.caller, "").AccessToken
		if second == first {
			t.Error("the key was rotated away, and its token is given again")
		}
		signer, err := h.keys.Signer(keys.RS256)
		must(t, err)
		must(t, h.keys.Operator().Compromise(t.Context(), by, signer.KeyID))
		third := h.own(t, h.caller, "").AccessToken
		if third == second {
			t.Error("the key is compromised, and its token is given again")
		}
		time.Sleep(6 * time.Second) // the ring is confirmed no more, the directory is
		must(t, h.directory.Poll(t.Context()))
		_, err = h.Mint(t.Context(), h.caller, issuer.MintRequest{})
		wantCode(t, err, oauth.TemporarilyUnavailable)
		h.pass(t, 0)
		if h.own(t, h.caller, "").AccessToken != third {
			t.Error("the ring is confirmed again, and the token is not given again")
		}
	})
}

// TestRepeatWhereTheClockJumps: set back, a token is given again for no longer; set forward, no longer than it lives.
func TestRepeatWhereTheClockJumps(t *testing.T) {
	inCounted(t, func(t *testing.T, h *house, _ *counts) {
		first := h.own(t, h.caller, "")
		h.ahead.Store(int64(-time.Second))
		if h.own(t, h.caller, "").AccessToken == first.AccessToken {
			t.Error("a token is given that by the clock is not yet")
		}
		h.ahead.Store(int64(time.Hour))
		if now := h.own(t, h.caller, ""); now.AccessToken == first.AccessToken || now.ExpiresIn != 10*time.Minute {
			t.Errorf("an hour later: given again, or lives for %s", now.ExpiresIn)
		}
		h.ahead.Store(0)
		first = h.own(t, h.caller, "")
		h.pass(t, 50*time.Second)
		h.ahead.Store(int64(-40 * time.Second))
		h.pass(t, 11*time.Second)
		if h.own(t, h.caller, "").AccessToken == first.AccessToken {
			t.Error("a tenth of its life has passed, and the clock that was set back has it given again")
		}
	})
}

// TestRepeatCostsOneSignature, however many ask at once, and whoever of them has gone meanwhile.
func TestRepeatCostsOneSignature(t *testing.T) {
	inCounted(t, func(t *testing.T, h *house, n *counts) {
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		const crowd = 128
		for round := range 8 {
			h.audience(t, func(a *client.Audience) { a.Lifetime = time.Hour - time.Duration(round)*time.Second })
			signed, again := n.signed.Load(), n.again.Load()
			tokens, start := make([]string, crowd), make(chan struct{})
			var all sync.WaitGroup
			for i := range crowd {
				all.Go(func() {
					ctx := t.Context()
					if (i+round)%2 == 0 {
						ctx = gone
					}
					<-start
					answer, err := h.Mint(ctx, h.caller, issuer.MintRequest{})
					switch {
					case err == nil:
						tokens[i] = answer.Tokens[0].AccessToken
					case ctx != gone:
						t.Errorf("somebody else has gone: %v", err)
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
			if signed, again = n.signed.Load()-signed, n.again.Load()-again; len(different) != 1 || signed != 1 || again != crowd-1 {
				t.Errorf("round %d: %d tokens, %d signed and %d given again, want 1, 1 and %d", round, len(different), signed, again, crowd-1)
			}
		}
	})
}

// TestRepeatIsBounded: of more kinds than are kept, some are signed anew, and none is refused.
func TestRepeatIsBounded(t *testing.T) {
	inCounted(t, func(t *testing.T, h *house, n *counts) {
		const kept = 1024
		_, err := h.admin.CreateAudience(t.Context(), operator, client.Audience{ID: "cheap", Algorithm: keys.EdDSA, ReuseTokens: true})
		must(t, err)
		must(t, h.directory.Poll(t.Context()))
		must(t, h.keys.Poll(t.Context()))
		var scope oauth.Scope
		for bit := range 11 {
			scope = append(scope, fmt.Sprint("s", bit))
		}
		caller := h.client(t, client.Client{ID: "crowd", Audiences: []string{"cheap"}, Scope: oauth.NewScope(scope...)})
		all := func() {
			for kind := 1; kind < 2*kept; kind++ {
				var asked []string
				for bit, value := range scope {
					if kind>>bit&1 == 1 {
						asked = append(asked, value)
					}
				}
				h.own(t, caller, strings.Join(asked, " "))
			}
		}
		all()
		if n.again.Load() != 0 {
			t.Fatalf("%d of all kinds are the same", n.again.Load())
		}
		all()
		if again := n.again.Load(); again > kept || again < kept/4 {
			t.Errorf("%d were given again, want at most %d and not few", again, kept)
		}
	})
}

// TestRepeatNoFailure: what could not be signed is not given again, and not counted.
func TestRepeatNoFailure(t *testing.T) {
	inCounted(t, func(t *testing.T, h *house, n *counts) {
		var many []string
		for i := range oauth.MaxAudiences {
			id := fmt.Sprintf("%0250d", i)
			_, err := h.admin.CreateAudience(t.Context(), operator, client.Audience{ID: id, ReuseTokens: true})
			must(t, err)
			many = append(many, id)
		}
		long := oauth.NewScope(strings.Fields(strings.Repeat("a", 1000) + " " + strings.Repeat("b", 1000))...)
		caller := h.client(t, client.Client{ID: "crowd", Audiences: many, Scope: long})
		for range 3 {
			_, err := h.ClientCredentials(t.Context(), caller, issuer.CredentialsRequest{Audience: many})
			wantCode(t, err, oauth.InvalidRequest)
		}
		if n.signed.Load() != 0 || n.again.Load() != 0 {
			t.Errorf("%d signed and %d given again", n.signed.Load(), n.again.Load())
		}
	})
}

// BenchmarkMint is what a token in a client's own name costs with RS256: signed, and given again.
func BenchmarkMint(b *testing.B) {
	h := newHouse(b)
	h.keepPolling(b)
	for _, repeat := range []bool{false, true} {
		b.Run(fmt.Sprintf("repeat=%v", repeat), func(b *testing.B) {
			h.audience(b, func(a *client.Audience) { a.ReuseTokens = repeat })
			b.ReportAllocs()
			for b.Loop() {
				if _, err := h.Mint(b.Context(), h.caller, issuer.MintRequest{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
