package issuer_test

import (
	"testing"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/token"
)

func TestIntrospect_AnswersOnlyTheClientAndTheAudience(t *testing.T) {
	f := newFixture(t)
	response := f.MustLogin(t)
	resource := f.Register(t, client.Client{ID: api})
	other := f.Register(t, client.Client{ID: "stranger", Audiences: []string{api}})
	_, err := f.Admin.CreateAudience(t.Context(), operator, client.Audience{ID: second})
	must(t, err)
	checker := f.Register(t, client.Client{ID: "checker", IntrospectAudiences: []string{second, api}})
	elsewhere := f.Register(t, client.Client{ID: "elsewhere", IntrospectAudiences: []string{second}})
	for _, c := range []struct {
		name   string
		caller client.Caller
		token  string
		active bool
	}{
		{"the grant's client", f.Caller, response.AccessToken, true},
		{"the audience", resource, response.AccessToken, true},
		{"a client for several audiences", checker, response.AccessToken, true},
		{"a client for several audiences, refresh token", checker, response.RefreshToken, false},
		{"a client for another audience", elsewhere, response.AccessToken, false},
		{"another client", other, response.AccessToken, false},
		{"the grant's client, refresh token", f.Caller, response.RefreshToken, true},
		{"the audience, refresh token", resource, response.RefreshToken, false},
		{"malformed", f.Caller, "garbage", false},
	} {
		found, err := f.Inspector.Introspect(t.Context(), c.caller, c.token)
		must(t, err)
		if found.Active != c.active {
			t.Errorf("%s: active %v, want %v", c.name, found.Active, c.active)
		}
		if !found.Active && found.Subject != "" {
			t.Errorf("%s: an inactive response has the subject", c.name)
		}
	}
	f.MustRefresh(t, response.RefreshToken, "")
	if found, err := f.Inspector.Introspect(t.Context(), f.Caller, response.RefreshToken); err != nil || found.Active {
		t.Errorf("a superseded refresh token: %v, %v", found.Active, err)
	}
}

// The revocation log refuses the tokens of an audience that was deleted. The
// next change of a client that may introspect them must take the audience from
// its list.
func TestIntrospect_AudienceThatWasDeleted(t *testing.T) {
	f := newFixture(t)
	response := f.MustLogin(t)
	checker := f.Register(t, client.Client{ID: "checker", IntrospectAudiences: []string{api}})
	wantActive := func(want bool) {
		t.Helper()
		must(t, f.Feed.Refresh(t.Context()))
		found, err := f.Inspector.Introspect(t.Context(), checker, response.AccessToken)
		if err != nil || found.Active != want {
			t.Errorf("active %v, %v, want active: %v", found.Active, err, want)
		}
	}

	wantActive(true)
	must(t, f.Admin.DeleteAudience(t.Context(), operator, api))
	must(t, f.Registry.Poll(t.Context()))
	wantActive(false)

	err := f.Admin.UpdateClient(t.Context(), operator, "checker", func(c *client.Client) { c.Name = "Checker" })
	wantCode(t, err, oauth.FailedPrecondition)
	must(t, f.Admin.UpdateClient(t.Context(), operator, "checker", func(c *client.Client) {
		c.IntrospectAudiences = nil
	}))
}

// Rule 25: a thief cannot check whether a stolen refresh token is still valid,
// unless the thief uses it, which reveals the theft. A public client does not
// authenticate, so anyone could send its id.
func TestRule25_PublicClientCannotIntrospectRefreshTokens(t *testing.T) {
	f := newFixture(t)
	public := f.Register(t, client.Client{ID: "spa", Public: true, Audiences: []string{api}})
	stolen, err := f.Login(t.Context(), public, valid)
	must(t, err)
	found, err := f.Inspector.Introspect(t.Context(), public, stolen.RefreshToken)
	must(t, err)
	if found.Active || found.Subject != "" {
		t.Errorf("the response to the public client is %+v", found)
	}
}

// After a restore that an operator accepted, a token that is ahead of its row
// is active, as its refresh succeeds, although the idle lifetime of the row is
// over. A token that is not ahead is not active, as its refresh is refused.
func TestIntrospect_TokenAheadOfARestoredRow(t *testing.T) {
	f := newFixture(t)
	response := f.MustLogin(t)
	sealed, err := token.ParseRefresh(response.RefreshToken)
	must(t, err)
	_, secret, err := f.Keys.CurrentMAC()
	must(t, err)
	content, err := sealed.Verify(secret)
	must(t, err)
	content.Generation += 2
	ahead, err := content.Encode(secret)
	must(t, err)
	f.Pass(t, 2*time.Hour)
	active := func(refreshToken string) bool {
		found, err := f.Inspector.Introspect(t.Context(), f.Caller, refreshToken)
		must(t, err)
		return found.Active
	}
	if active(ahead) {
		t.Error("active before the restore is accepted")
	}

	ring, err := f.Store.Ring(t.Context())
	must(t, err)
	ring.Restored++
	must(t, f.Store.SwapRing(t.Context(), ring.Version, ring, nil))
	if !active(ahead) {
		t.Error("not active after the restore was accepted")
	}
	if active(response.RefreshToken) {
		t.Error("the token that is not ahead is active")
	}
	_, err = f.Refresh(t.Context(), response.RefreshToken, "")
	wantCode(t, err, oauth.InvalidGrant)
	f.MustRefresh(t, ahead, "")
}

// Rule 74: if the store's clock is set back, a token is valid for at most the
// jump longer. If it is set forward, tokens and grants expire at once. They are
// valid again when the clock is corrected: nothing was deleted or revoked.
func TestRule74_TokensAreValidForAtMostTheJumpLonger(t *testing.T) {
	inBubble(t, func(t *testing.T, f *fixture) {
		response := f.MustLogin(t)
		active := func() bool {
			t.Helper()
			f.Sleep(t, 0)
			found, err := f.Inspector.Introspect(t.Context(), f.Caller, response.AccessToken)
			must(t, err)
			return found.Active
		}
		lifetime := response.ExpiresIn
		const back = time.Hour
		f.Pass(t, -back)
		time.Sleep(lifetime + back - time.Minute)
		if !active() {
			t.Error("a token expired before its time by the clock")
		}
		time.Sleep(2 * time.Minute)
		if active() {
			t.Error("a token is valid after its lifetime and the jump")
		}

		f.Pass(t, back)
		response = f.MustLogin(t)
		for _, jump := range []time.Duration{time.Hour, 365 * 24 * time.Hour} {
			f.Pass(t, jump)
			if active() {
				t.Errorf("a token is valid after a jump by %s", jump)
			}
			f.Pass(t, -jump)
			if !active() {
				t.Errorf("a token is not valid again after a jump by %s and back", jump)
			}
		}
		f.MustRefresh(t, response.RefreshToken, "")
	})
}

// Rule 74: a wall clock that is set forward or back changes neither how long
// tokens are valid, nor how long the leeway is.
func TestRule74_TokensIgnoreJumpsOfTheWallClock(t *testing.T) {
	for _, jump := range []time.Duration{30 * time.Minute, 2 * time.Hour, 365 * 24 * time.Hour, -time.Hour} {
		inBubble(t, func(t *testing.T, f *fixture) {
			response := f.MustLogin(t)
			active := func(when string, want bool) {
				t.Helper()
				found, err := f.Inspector.Introspect(t.Context(), f.Caller, response.AccessToken)
				must(t, err)
				if found.Active != want {
					t.Errorf("%s, with a jump by %s: active is %v", when, jump, found.Active)
				}
			}
			f.Clock.Set(jump)
			active("before the poll", true)
			f.Sleep(t, response.ExpiresIn-time.Second)
			active("before the end of the lifetime", true)
			f.Sleep(t, time.Second)
			active("after the end of the lifetime", false)

			// The clock is corrected before the stolen token is used.
			stolen := response.RefreshToken
			f.MustRefresh(t, stolen, "key")
			f.Clock.Set(0)
			f.Sleep(t, 11*time.Second) // the leeway is 10 s
			_, err := f.Refresh(t.Context(), stolen, "")
			wantCode(t, err, oauth.InvalidGrant)
			if f.Events.Count(audit.RefreshReused) != 1 {
				t.Errorf("a jump by %s: the theft has no event", jump)
			}
		})
	}
}
