package grant_test

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetd/signet/internal/app/components"
	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/issuertest"
	"github.com/signetd/signet/internal/oauth"
)

// browserKey is the idempotency key of the owner's browser.
const browserKey = "the key of the browser"

// A shop is a fixture whose caller is a page of an application that holds
// refresh tokens in a cookie. The issuer's leeway is 10 s.
type shop struct {
	*issuertest.Gateway
	mu       sync.Mutex
	outcomes []grant.Outcome
}

// inShop runs a test in a synctest bubble.
func inShop(t *testing.T, test func(t *testing.T, f *shop)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := &shop{}
		f.Gateway = issuertest.NewGateway(t, setup, func(o *components.Options) {
			o.Observer.Refreshed = func(outcome grant.Outcome) {
				f.mu.Lock()
				defer f.mu.Unlock()
				f.outcomes = append(f.outcomes, outcome)
			}
		})
		f.Caller.Client.Browser = &client.Browser{Way: client.WayRefresh, Origins: []string{"https://shop.example"}}
		f.Caller.Origin = "https://shop.example"
		test(t, f)
	})
}

// count returns how many refreshes had the outcome.
func (f *shop) count(outcome grant.Outcome) (n int) {
	for _, o := range f.outcomes {
		if o == outcome {
			n++
		}
	}
	return n
}

// loggedIn logs the user in, a minute before the next rotation.
func (f *shop) loggedIn(t *testing.T) (held string) {
	t.Helper()
	held = f.MustRefresh(t, f.MustLogin(t).RefreshToken, browserKey).RefreshToken
	f.Sleep(t, time.Minute)
	return held
}

// wantReuse fails the test unless the token is refused as reuse, and its grant
// is revoked and audited.
func (f *shop) wantReuse(t *testing.T, held, key string) {
	t.Helper()
	_, err := f.Refresh(t.Context(), held, key)
	wantCode(t, err, oauth.InvalidGrant)
	if last := f.outcomes[len(f.outcomes)-1]; last != grant.Reused {
		t.Errorf("outcome %s, want reused", last)
	}
	if n := f.Events.Count(audit.RefreshReused); n != 1 {
		t.Errorf("%d reuse events, want 1", n)
	}
	token, err := f.Grants.OpenToken(t.Context(), held)
	must(t, err)
	g, err := f.Store.Grant(t.Context(), token.Handle.GrantID())
	must(t, err)
	if g.RevokeReason != audit.RevokedByReuse {
		t.Errorf("the reason of the revocation is %q", g.RevokeReason)
	}
}

// Statement 2 of docs/browser.md: a lost answer that is retried after 12 s gets
// the same token, although the client has no leeway.
func TestSameKey_LostAnswerIsRetriedAfterTwelveSeconds(t *testing.T) {
	inShop(t, func(t *testing.T, f *shop) {
		held := f.loggedIn(t)
		lost := f.MustRefresh(t, held, browserKey).RefreshToken
		f.Sleep(t, 12*time.Second)
		if again := f.MustRefresh(t, held, browserKey).RefreshToken; again != lost {
			t.Error("the retry got another token")
		}
		f.MustRefresh(t, lost, browserKey)
		if f.count(grant.Retried) != 1 || f.Events.Count(audit.RefreshReused) != 0 {
			t.Errorf("outcomes %v", f.outcomes)
		}
	})
}

// Statement 3 of docs/browser.md: a request with the token of generation n
// hangs while two reloads refresh. When it arrives, the user stays logged in.
func TestSameKey_HungRequestAndTwoReloads(t *testing.T) {
	inShop(t, func(t *testing.T, f *shop) {
		hung := f.loggedIn(t)
		first := f.MustRefresh(t, hung, browserKey)
		f.Sleep(t, 4*time.Second)
		second := f.MustRefresh(t, first.RefreshToken, browserKey)
		if second.RefreshToken != first.RefreshToken || second.AccessToken == first.AccessToken {
			t.Error("want the same refresh token and another access token")
		}
		f.Sleep(t, 4*time.Second)
		arrived, err := f.Refresh(t.Context(), hung, browserKey)
		if err != nil {
			t.Fatalf("the hung request: %v", err)
		}
		f.MustRefresh(t, arrived.RefreshToken, browserKey)
		if f.count(grant.Current) != 2 || f.count(grant.Reused) != 0 {
			t.Errorf("outcomes %v", f.outcomes)
		}
	})
}

// Statement 4 of docs/browser.md: 60 reloads, one every 400 ms, rotate the
// grant at most five times. Every fourth answer does not reach the browser.
func TestSameKey_ManyReloads(t *testing.T) {
	inShop(t, func(t *testing.T, f *shop) {
		held := f.loggedIn(t)
		before := f.count(grant.Rotated)
		for i := range 60 {
			next := f.MustRefresh(t, held, browserKey).RefreshToken
			if i%4 > 0 {
				held = next
			}
			f.Sleep(t, 400*time.Millisecond)
		}
		if n := f.count(grant.Rotated) - before; n == 0 || n > 5 {
			t.Errorf("%d rotations, want at most 5", n)
		}
		f.MustRefresh(t, held, browserKey)
	})
}

// Statement 6 of docs/browser.md: a thief with the cookie alone has another key
// or none. The second of the two to refresh ends the grant, however soon.
func TestSameKey_ThiefOfTheCookie(t *testing.T) {
	for name, keys := range map[string][2]string{
		"first, with another key":  {"the key of a thief", browserKey},
		"first, without a key":     {"", browserKey},
		"second, with another key": {browserKey, "the key of a thief"},
		"second, without a key":    {browserKey, ""},
	} {
		t.Run(name, func(t *testing.T) {
			inShop(t, func(t *testing.T, f *shop) {
				stolen := f.loggedIn(t)
				newest := f.MustRefresh(t, stolen, keys[0]).RefreshToken
				f.wantReuse(t, stolen, keys[1])
				_, err := f.Refresh(t.Context(), newest, keys[0])
				wantCode(t, err, oauth.InvalidGrant)
			})
		})
	}
}

// Statement 7 of docs/browser.md: a thief with a copy of the browser's profile
// has the cookie and the key. When one of the two is two rotations ahead, the
// other ends the grant.
func TestSameKey_ThiefOfTheProfile(t *testing.T) {
	inShop(t, func(t *testing.T, f *shop) {
		stolen := f.loggedIn(t)
		next := stolen
		for range 2 {
			next = f.MustRefresh(t, next, browserKey).RefreshToken
			f.Sleep(t, grant.SameKeyGrace)
		}
		f.wantReuse(t, stolen, browserKey)
		_, err := f.Refresh(t.Context(), next, browserKey)
		wantCode(t, err, oauth.InvalidGrant)
	})
}

// The grace lasts 10 s from the rotation, and only for the same key, the same
// client and a client in the browser.
func TestSameKey_LimitsOfTheGrace(t *testing.T) {
	server, other := func(f *shop) { f.Caller.Client.Browser = nil }, func(f *shop) { f.Caller.Client.ID = "other" }
	for name, c := range map[string]struct {
		key  string
		wait time.Duration
		edit func(f *shop)
		want grant.Outcome
	}{
		"at once":            {browserKey, 0, nil, grant.Current},
		"almost 10 s":        {browserKey, grant.SameKeyGrace - time.Microsecond, nil, grant.Current},
		"10 s":               {browserKey, grant.SameKeyGrace, nil, grant.Rotated},
		"another key":        {"another", time.Second, nil, grant.Rotated},
		"no key":             {"", time.Second, nil, grant.Rotated},
		"not in the browser": {browserKey, time.Second, server, grant.Rotated},
		"of another client":  {browserKey, time.Second, other, grant.OtherClient},
	} {
		t.Run(name, func(t *testing.T) {
			inShop(t, func(t *testing.T, f *shop) {
				held := f.MustRefresh(t, f.MustLogin(t).RefreshToken, browserKey).RefreshToken
				f.Sleep(t, c.wait)
				if c.edit != nil {
					c.edit(f)
				}
				_, err := f.Refresh(t.Context(), held, c.key)
				if (err == nil) != c.want.Accepted() || f.outcomes[1] != c.want {
					t.Errorf("outcome %s, %v, want %s", f.outcomes[1], err, c.want)
				}
			})
		})
	}
}

// A grant that ended is not answered within the grace, and neither the row nor
// its idle lifetime changes by an answer.
func TestSameKey_ChangesNothing(t *testing.T) {
	inShop(t, func(t *testing.T, f *shop) {
		held := f.MustRefresh(t, f.MustLogin(t).RefreshToken, browserKey)
		before, err := f.Store.Grant(t.Context(), held.GrantID)
		must(t, err)
		f.Sleep(t, time.Second)
		if again := f.MustRefresh(t, held.RefreshToken, browserKey); again.RefreshExpiresIn != time.Hour-time.Second {
			t.Errorf("refresh_expires_in %s", again.RefreshExpiresIn)
		}
		after, err := f.Store.Grant(t.Context(), held.GrantID)
		must(t, err)
		if after.Generation != before.Generation || after.RotatedAt != before.RotatedAt {
			t.Errorf("the row was %+v and is %+v", before, after)
		}

		must(t, f.Admin.DisableUser(t.Context(), issuertest.Operator, username))
		_, err = f.Refresh(t.Context(), held.RefreshToken, browserKey)
		wantCode(t, err, oauth.InvalidGrant)
		must(t, f.Admin.EnableUser(t.Context(), issuertest.Operator, username))
		must(t, f.Grants.RevokeToken(t.Context(), f.Caller, held.RefreshToken))
		_, err = f.Refresh(t.Context(), held.RefreshToken, browserKey)
		wantCode(t, err, oauth.InvalidGrant)
		if last := f.outcomes[1:]; !slices.Equal(last, []grant.Outcome{grant.Current, grant.Suspended, grant.Revoked}) {
			t.Errorf("outcomes %v", last)
		}
	})
}

// The answer within the grace is checked as one after a rotation: a grant with
// an audience that the client has lost gets a token without it, and a grant
// that has lost all of them is refused.
func TestSameKey_ChecksTheAudiences(t *testing.T) {
	inShop(t, func(t *testing.T, f *shop) {
		const other = "https://other.example"
		_, err := f.Admin.CreateAudience(t.Context(), issuertest.Operator, client.Audience{ID: other})
		must(t, err)
		must(t, f.Registry.Poll(t.Context()))
		both := login
		both.Audience = []string{api, other}
		f.Caller.Client.Audiences = both.Audience
		response, err := f.Login(t.Context(), f.Caller, both)
		must(t, err)
		held := f.MustRefresh(t, response.RefreshToken, browserKey).RefreshToken

		f.Caller.Client.Audiences = []string{api}
		again := f.MustRefresh(t, held, browserKey)
		found, err := f.Inspector.Introspect(t.Context(), f.Caller, again.AccessToken)
		if err != nil || !slices.Equal(found.Audience, []string{api}) || again.RefreshToken != held {
			t.Errorf("the audiences are %q, %v", found.Audience, err)
		}

		one := login
		one.Audience = []string{api}
		response, err = f.Login(t.Context(), f.Caller, one)
		must(t, err)
		held = f.MustRefresh(t, response.RefreshToken, browserKey).RefreshToken
		f.Caller.Client.Audiences = []string{other}
		_, err = f.Refresh(t.Context(), held, browserKey)
		wantCode(t, err, oauth.InvalidTarget)
		want := []grant.Outcome{grant.Rotated, grant.Current, grant.Rotated, grant.Unchecked}
		if !slices.Equal(f.outcomes, want) {
			t.Errorf("outcomes %v, want %v", f.outcomes, want)
		}
	})
}

// Without the store, the answer within the grace is temporarily_unavailable.
func TestSameKey_WithoutStoreIsAnError(t *testing.T) {
	inShop(t, func(t *testing.T, f *shop) {
		held := f.MustRefresh(t, f.MustLogin(t).RefreshToken, browserKey).RefreshToken
		must(t, f.Store.Close())
		_, err := f.Refresh(t.Context(), held, browserKey)
		wantCode(t, err, oauth.TemporarilyUnavailable)
	})
}
