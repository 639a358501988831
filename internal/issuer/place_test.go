package issuer_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/issuertest"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/keys"
)

// takeAllPlaces takes all places for RSA signatures. release gives one of them
// back.
func (f *flaky) takeAllPlaces(t testing.TB) (places int, release func()) {
	t.Helper()
	for {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		r, err := f.Keys.Reserve(ctx, keys.RS256)
		cancel()
		if err != nil {
			return places, release
		}
		places, release = places+1, r
	}
}

// A request that needs an RSA signature waits for a place before it writes. If
// it gets none in time, it is refused before its deadline, and nothing is
// written.
func TestPlace_IsTakenBeforeTheWrite(t *testing.T) {
	for name, request := range map[string]func(context.Context, *testing.T, *flaky, *issuer.TokenResponse) error{
		"refresh": func(ctx context.Context, _ *testing.T, f *flaky, r *issuer.TokenResponse) error {
			_, err := f.Refresh(ctx, r.RefreshToken, "")
			return err
		},
		"refresh with claims": func(ctx context.Context, t *testing.T, f *flaky, r *issuer.TokenResponse) error {
			f.updateAudience(t, api, func(a *client.Audience) { a.Claims = []string{"roles"} })
			_, err := f.Refresh(ctx, r.RefreshToken, "")
			return err
		},
		"login": func(ctx context.Context, _ *testing.T, f *flaky, _ *issuer.TokenResponse) error {
			_, err := f.Login(ctx, f.Caller, valid)
			return err
		},
		"mint with a grant": func(ctx context.Context, _ *testing.T, f *flaky, r *issuer.TokenResponse) error {
			_, err := f.Issuer.Mint(ctx, f.Caller, issuer.MintRequest{Subject: r.Subject, Refresh: true})
			return err
		},
		"mint": func(ctx context.Context, _ *testing.T, f *flaky, _ *issuer.TokenResponse) error {
			_, err := f.Issuer.Mint(ctx, f.Caller, issuer.MintRequest{})
			return err
		},
		"client credentials": func(ctx context.Context, _ *testing.T, f *flaky, _ *issuer.TokenResponse) error {
			_, err := f.Issuer.ClientCredentials(ctx, f.Caller, issuer.CredentialsRequest{})
			return err
		},
		"client credentials from the cache": func(
			ctx context.Context, t *testing.T, f *flaky, _ *issuer.TokenResponse,
		) error {
			f.updateAudience(t, api, allowReuse)
			_, err := f.Issuer.ClientCredentials(ctx, f.Caller, issuer.CredentialsRequest{})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			inFlakyBubble(t, func(t *testing.T, f *flaky) {
				cached := strings.HasSuffix(name, "cache") // The signature is for all waiting requests.
				first := f.login(t, api)
				_, release := f.takeAllPlaces(t)
				start := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
				defer cancel()
				err := request(ctx, t, f, first)
				wantCode(t, err, oauth.TemporarilyUnavailable)
				if e := oauth.AsError(err); e.RetryAfter != time.Second {
					t.Errorf("retry after %s, want 1s", e.RetryAfter)
				}
				if waited := time.Since(start); !cached && waited != 1500*time.Millisecond {
					t.Errorf("refused after %s of 2s, want it shortly before the deadline", waited)
				}
				page, err := f.Store.Grants(t.Context(), grant.Filter{Subject: first.Subject, Limit: 10})
				must(t, err)
				if len(page.Grants) != 1 || page.Grants[0].Generation != 0 {
					t.Errorf("the refused request has written: %d grants, generation %d", len(page.Grants),
						page.Grants[0].Generation)
				}

				if cached {
					time.Sleep(10 * time.Second) // It ends without a place.
				}
				f.Sleep(t, 0)
				waiting := make(chan error)
				go func() { waiting <- request(t.Context(), t, f, first) }()
				synctest.Wait()
				if n := f.Keys.SignaturesWaiting(); n != 1 {
					t.Errorf("%d requests wait for a place, want 1", n)
				}
				release()
				must(t, <-waiting)
			})
		})
	}
}

// Signatures of the other algorithms need no place.
func TestPlace_OnlyForRSA(t *testing.T) {
	inFlakyBubble(t, func(t *testing.T, f *flaky) {
		f.updateClient(t, func(c *client.Client) { c.Audiences = []string{eddsa} })
		if places, _ := f.takeAllPlaces(t); places < 32 {
			t.Errorf("%d places, want at least 32", places)
		}
		f.MustRefresh(t, f.login(t, eddsa).RefreshToken, "")
	})
}

// The leeway counts from the rotation to the arrival of the next request. The
// time that either request waits in the server does not shorten it.
func TestPlace_WaitDoesNotShortenTheLeeway(t *testing.T) {
	inFlakyBubble(t, func(t *testing.T, f *flaky) {
		first := f.login(t, api).RefreshToken
		refreshAfterWait := func() string {
			t.Helper()
			_, release := f.takeAllPlaces(t)
			answer := make(chan string)
			go func() { answer <- f.MustRefresh(t, first, "").RefreshToken }()
			f.Sleep(t, 4*time.Second)
			f.Sleep(t, 4*time.Second)
			release()
			return <-answer
		}
		successor := refreshAfterWait()
		f.Sleep(t, 9*time.Second)
		if refreshAfterWait() != successor {
			t.Error("another successor")
		}
	})
}

// The time that a request waits in the server does not count against the idle
// lifetime. It counts against the absolute lifetime.
func TestPlace_WaitDoesNotEndTheIdleLifetime(t *testing.T) {
	for _, c := range []struct {
		idle, absolute time.Duration
		code           oauth.Code
	}{{time.Hour, 24 * time.Hour, ""}, {24 * time.Hour, time.Hour, oauth.InvalidGrant}} {
		inFlakyBubble(t, func(t *testing.T, f *flaky) {
			f.updateClient(t, func(k *client.Client) { k.RefreshIdle, k.RefreshAbsolute = c.idle, c.absolute })
			first := f.login(t, api).RefreshToken
			f.Sleep(t, time.Hour-4*time.Second)
			_, release := f.takeAllPlaces(t)
			answer := make(chan error)
			go func() {
				_, err := f.Refresh(t.Context(), first, "")
				answer <- err
			}()
			f.Sleep(t, 4*time.Second)
			f.Sleep(t, 4*time.Second)
			release()
			if err := <-answer; c.code == "" {
				must(t, err)
			} else {
				wantCode(t, err, c.code)
			}
		})
	}
}

// Rule 25: with a leeway of zero, only the retry of an unanswered request gets
// the successor, and only once. Another request with the same token is reuse,
// be it the thief's or the client's.
func TestRule25_UnansweredRequestIsRetriedOnce(t *testing.T) {
	noLeeway := time.Duration(0)
	unanswered := func(t *testing.T, f *flaky) string {
		t.Helper()
		f.updateClient(t, func(c *client.Client) { c.Leeway = &noLeeway })
		refreshToken := f.login(t, api).RefreshToken
		f.store.onRefresh = func(context.Context) error { return context.DeadlineExceeded }
		_, err := f.Refresh(t.Context(), refreshToken, "")
		wantCode(t, err, oauth.TemporarilyUnavailable)
		f.store.onRefresh = nil
		return refreshToken
	}
	reused := func(t *testing.T, f *flaky, refreshToken, key string) {
		t.Helper()
		_, err := f.Refresh(t.Context(), refreshToken, key)
		wantCode(t, err, oauth.InvalidGrant)
		if n := f.Events.Count("refresh.reused"); n != 1 {
			t.Errorf("%d reuse events, want 1", n)
		}
	}

	for name, test := range map[string]func(*testing.T, *flaky){
		"the second retry": func(t *testing.T, f *flaky) {
			refreshToken := unanswered(t, f)
			f.MustRefresh(t, refreshToken, "")
			reused(t, f, refreshToken, "")
		},
		"a retry that is not answered, either": func(t *testing.T, f *flaky) {
			refreshToken := unanswered(t, f)
			f.store.onRefresh = func(context.Context) error { return context.DeadlineExceeded }
			_, err := f.Refresh(t.Context(), refreshToken, "")
			wantCode(t, err, oauth.TemporarilyUnavailable)
			f.store.onRefresh = nil
			f.MustRefresh(t, refreshToken, "")
			reused(t, f, refreshToken, "")
		},
		"a retry after the deadline of the first call": func(t *testing.T, f *flaky) {
			f.updateClient(t, func(c *client.Client) { c.Leeway = &noLeeway })
			refreshToken := f.login(t, api).RefreshToken
			f.store.onRefresh = func(ctx context.Context) error { <-ctx.Done(); return nil }
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err := f.Refresh(ctx, refreshToken, "")
			must(t, err)
			f.store.onRefresh = nil
			f.MustRefresh(t, refreshToken, "")
			reused(t, f, refreshToken, "")
		},
		"a caller that disconnects": func(t *testing.T, f *flaky) {
			f.updateClient(t, func(c *client.Client) { c.Leeway = &noLeeway })
			refreshToken := f.login(t, api).RefreshToken
			ctx, cancel := context.WithCancel(t.Context())
			f.store.onRefresh = func(context.Context) error { cancel(); return nil }
			_, err := f.Refresh(ctx, refreshToken, "")
			must(t, err)
			f.store.onRefresh = nil
			f.MustRefresh(t, refreshToken, "")
			reused(t, f, refreshToken, "")
		},
		"an answer right before the deadline": func(t *testing.T, f *flaky) {
			f.updateClient(t, func(c *client.Client) { c.Leeway = &noLeeway })
			refreshToken := f.login(t, api).RefreshToken
			f.store.onRefresh = func(context.Context) error {
				time.Sleep(time.Second - 10*time.Millisecond)
				return nil
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err := f.Refresh(ctx, refreshToken, "")
			must(t, err)
			f.store.onRefresh = nil
			f.MustRefresh(t, refreshToken, "")
			reused(t, f, refreshToken, "")
		},
		"a request with a key": func(t *testing.T, f *flaky) {
			reused(t, f, unanswered(t, f), "another key")
		},
		"a retry after more than a minute": func(t *testing.T, f *flaky) {
			refreshToken := unanswered(t, f)
			f.Sleep(t, time.Minute)
			reused(t, f, refreshToken, "")
		},
		"a request of another client": func(t *testing.T, f *flaky) {
			refreshToken, own := unanswered(t, f), f.Caller
			f.Caller = f.Register(t, client.Client{ID: "thief", Audiences: []string{api}})
			_, err := f.Refresh(t.Context(), refreshToken, "")
			wantCode(t, err, oauth.InvalidGrant)
			f.Caller = own
			f.MustRefresh(t, refreshToken, "")
		},
	} {
		t.Run(name, func(t *testing.T) { inFlakyBubble(t, test) })
	}
}

// A request that asks for more than the grant has gets its final error, also if
// its token was rotated before: a retry would not help.
func TestRefresh_BeyondTheGrantIsFinal(t *testing.T) {
	inFlakyBubble(t, func(t *testing.T, f *flaky) {
		refreshToken := f.login(t, api).RefreshToken
		f.MustRefresh(t, refreshToken, "")
		for request, want := range map[*issuer.RefreshRequest]oauth.Code{
			{Scope: "write"}:                oauth.InvalidScope,
			{Audience: []string{second}}:    oauth.InvalidTarget,
			{Scope: "read\twrite"}:          oauth.InvalidScope,
			{Scope: "read", Audience: nil}:  "",
			{Audience: []string{api}}:       "",
			{Audience: []string{"unknown"}}: oauth.InvalidTarget,
		} {
			request.RefreshToken = refreshToken
			_, err := f.Issuer.Refresh(t.Context(), f.Caller, *request)
			if want == "" {
				must(t, err)
				continue
			}
			wantCode(t, err, want)
		}
	})
}

// An audience that is disabled between the rotation and its retry makes the
// server unavailable for the retry. The login is not lost.
func TestRefresh_AudienceDisabledBeforeTheRetry(t *testing.T) {
	inFlakyBubble(t, func(t *testing.T, f *flaky) {
		refreshToken := f.login(t, api).RefreshToken
		next := f.MustRefresh(t, refreshToken, "key").RefreshToken
		must(t, f.Admin.DisableAudience(t.Context(), issuertest.Operator, api))
		must(t, f.Registry.Poll(t.Context()))
		_, err := f.Refresh(t.Context(), refreshToken, "key")
		wantCode(t, err, oauth.TemporarilyUnavailable)
		must(t, f.Admin.EnableAudience(t.Context(), issuertest.Operator, api))
		must(t, f.Registry.Poll(t.Context()))
		if f.MustRefresh(t, refreshToken, "key").RefreshToken != next {
			t.Error("the retry got another successor")
		}
	})
}
