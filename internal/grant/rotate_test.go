package grant_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/issuertest"
	"github.com/signetd/signet/internal/oauth"
)

// Rule 23: 64 concurrent refreshes with one token get the same successor.
func TestRule23_ConcurrentRefreshesHaveOneSuccessor(t *testing.T) {
	f := newFixture(t)
	first := f.MustLogin(t).RefreshToken
	var (
		mu         sync.Mutex
		successors = map[string]int{}
		all        sync.WaitGroup
	)
	for range 64 {
		all.Go(func() {
			response, err := f.Refresh(t.Context(), first, "")
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Errorf("refresh: %v", err)
				return
			}
			successors[response.RefreshToken]++
		})
	}
	all.Wait()
	if len(successors) != 1 {
		t.Fatalf("%d successors, want 1", len(successors))
	}
	for next := range successors {
		f.MustRefresh(t, next, "")
	}
	if n := f.Events.Count(audit.RefreshReused); n != 0 {
		t.Errorf("%d reuse events, want none", n)
	}
}

// Rule 24: a retry after a lost response gets the same successor, with the
// idempotency key or within the leeway.
func TestRule24_RetryGetsTheSameSuccessor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		first := f.MustLogin(t).RefreshToken
		second := f.MustRefresh(t, first, "key one").RefreshToken

		f.Sleep(t, 50*time.Minute)
		if retried := f.MustRefresh(t, first, "key one").RefreshToken; retried != second {
			t.Error("a late retry with the same key got another successor")
		}
		third := f.MustRefresh(t, second, "").RefreshToken
		f.Sleep(t, 9*time.Second)
		if retried := f.MustRefresh(t, second, "").RefreshToken; retried != third {
			t.Error("a retry without a key, within the leeway, got another successor")
		}
		f.MustRefresh(t, third, "")
	})
}

// Rule 24: a retry with the idempotency key gets the same successor within the
// retry window of its client. A later retry is reuse and revokes the grant.
func TestRule24_RetryWindow(t *testing.T) {
	const day = 24 * time.Hour
	none, short := time.Duration(0), 5*time.Minute
	for name, c := range map[string]struct {
		client client.Client
		window time.Duration
	}{
		"a day at most":       {client.Client{RefreshIdle: 7 * day}, day},
		"the client's window": {client.Client{RetryWindow: &short}, short},
		"none, but a leeway":  {client.Client{RetryWindow: &none}, 10 * time.Second},
		"none":                {client.Client{RetryWindow: &none, Leeway: &none}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t)
				c.client.ID, c.client.Audiences = "app", []string{api}
				f.Caller = f.Register(t, c.client)
				first := f.MustLogin(t).RefreshToken
				second := f.MustRefresh(t, first, "key one").RefreshToken

				f.Sleep(t, c.window)
				if retried := f.MustRefresh(t, first, "key one").RefreshToken; retried != second {
					t.Error("a retry within the window got another successor")
				}
				f.Sleep(t, time.Millisecond)
				for _, token := range []string{first, second} {
					_, err := f.Refresh(t.Context(), token, "key one")
					wantCode(t, err, oauth.InvalidGrant)
				}
				if n := f.Events.Count(audit.RefreshReused); n != 1 {
					t.Errorf("%d reuse events, want 1", n)
				}
			})
		})
	}
}

// Rule 24: the first retry after the leeway is audited with the age of the
// rotation, once for each rotation.
func TestRule24_LateRetryIsAudited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		login := f.MustLogin(t)
		want := func(ages ...time.Duration) {
			t.Helper()
			var got []time.Duration
			for _, e := range f.Events.All() {
				if e.Name != audit.RefreshRepeated {
					continue
				}
				got = append(got, e.Age)
				if e.Failed || e.Grant != login.GrantID.String() || e.Subject != login.Subject ||
					e.Actor.Name != "gateway" {
					t.Errorf("the event is %+v", e)
				}
			}
			if !slices.Equal(got, ages) {
				t.Errorf("ages %v, want %v", got, ages)
			}
		}

		first := login.RefreshToken
		second := f.MustRefresh(t, first, "key one").RefreshToken
		f.Sleep(t, 10*time.Second)
		f.MustRefresh(t, first, "key one")
		want()
		f.Sleep(t, 80500*time.Millisecond)
		f.MustRefresh(t, first, "key one")
		want(90500 * time.Millisecond)
		f.Sleep(t, time.Minute)
		f.MustRefresh(t, first, "key one")
		want(90500 * time.Millisecond)

		f.MustRefresh(t, second, "key two")
		f.Sleep(t, time.Minute)
		f.MustRefresh(t, second, "key two")
		want(90500*time.Millisecond, time.Minute)
	})
}

// Rule 25: a token that is two generations old, or one generation old after the
// leeway and without the key, revokes the grant.
func TestRule25_ReuseRevokesTheGrant(t *testing.T) {
	for name, prepare := range map[string]func(t *testing.T, f *issuertest.Gateway) (stolen, newest string){
		"one generation old after the leeway": func(t *testing.T, f *issuertest.Gateway) (string, string) {
			first := f.MustLogin(t).RefreshToken
			second := f.MustRefresh(t, first, "mine").RefreshToken
			time.Sleep(10*time.Second + time.Millisecond)
			return first, second
		},
		"two generations old within the leeway": func(t *testing.T, f *issuertest.Gateway) (string, string) {
			first := f.MustLogin(t).RefreshToken
			second := f.MustRefresh(t, first, "mine").RefreshToken
			return first, f.MustRefresh(t, second, "").RefreshToken
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t)
				f.Run(t)
				stolen, newest := prepare(t, f)
				_, err := f.Refresh(t.Context(), stolen, "")
				wantCode(t, err, oauth.InvalidGrant)
				_, err = f.Refresh(t.Context(), newest, "")
				wantCode(t, err, oauth.InvalidGrant)
				if n := f.Events.Count(audit.RefreshReused); n != 1 {
					t.Errorf("%d reuse events, want 1", n)
				}
			})
		})
	}
}

// Rule 26: a changed refresh token is rejected without a call of the store. The
// test closes the store: a call would fail with temporarily_unavailable.
func TestRule26_ChangedTokenNeverReachesTheStore(t *testing.T) {
	f := newFixture(t)
	valid := f.MustLogin(t).RefreshToken
	must(t, f.Keys.Poll(t.Context()))
	must(t, f.Store.Close())
	changed := []string{
		"", "sgr_", valid[:len(valid)-1], valid + "A", strings.ToUpper(valid), " " + valid, valid + "=", valid[4:],
	}
	for i := len("sgr_") + 12; i < len(valid); i++ { // after the version and the key id
		c := byte('A')
		if valid[i] == c {
			c = 'B'
		}
		changed = append(changed, valid[:i]+string(c)+valid[i+1:])
	}
	for _, text := range changed {
		_, err := f.Refresh(t.Context(), text, "")
		wantCode(t, err, oauth.InvalidGrant)
	}
	_, err := f.Refresh(t.Context(), valid, "")
	wantCode(t, err, oauth.TemporarilyUnavailable)
}

// Rule 27: a refresh by another client, or with an invalid secret, is refused
// and does not spend the token.
func TestRule27_OtherClientDoesNotSpendTheToken(t *testing.T) {
	f := newFixture(t)
	valid := f.MustLogin(t).RefreshToken
	thief := f.Register(t, client.Client{ID: "thief", Audiences: []string{api}, Scope: oauth.NewScope("read", "write")})
	_, err := f.Issuer.Refresh(t.Context(), thief, issuer.RefreshRequest{RefreshToken: valid})
	wantCode(t, err, oauth.InvalidGrant)
	_, err = f.Issuer.Refresh(t.Context(), thief, issuer.RefreshRequest{RefreshToken: valid, Scope: "admin"})
	wantCode(t, err, oauth.InvalidGrant)
	for _, wrong := range []string{"", "wrong", "sgs_"} {
		_, err := f.Registry.Authenticate(t.Context(), "gateway", wrong)
		wantCode(t, err, oauth.InvalidClient)
	}
	f.MustRefresh(t, valid, "")
	if n := f.Events.Count(audit.RefreshReused); n != 0 {
		t.Errorf("%d reuse events, want none", n)
	}
}

// Rule 28: after a user is disabled, deleted or gets another password, the next
// refresh is refused. After a client is disabled, its authentication is.
func TestRule28_AdministrationEndsTheRefresh(t *testing.T) {
	for name, c := range map[string]struct {
		act  func(ctx context.Context, f *issuertest.Gateway) error
		want oauth.Code
	}{
		"user disabled": {func(ctx context.Context, f *issuertest.Gateway) error {
			return f.Admin.DisableUser(ctx, issuertest.Operator, username)
		}, oauth.InvalidGrant},
		"user deleted": {func(ctx context.Context, f *issuertest.Gateway) error {
			return f.Admin.DeleteUser(ctx, issuertest.Operator, username)
		}, oauth.InvalidGrant},
		"password set": {func(ctx context.Context, f *issuertest.Gateway) error {
			return f.Admin.SetPassword(ctx, issuertest.Operator, username, "another long password")
		}, oauth.InvalidGrant},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			valid := f.MustLogin(t).RefreshToken
			must(t, c.act(t.Context(), f))
			_, err := f.Refresh(t.Context(), valid, "")
			wantCode(t, err, c.want)
			if n := f.Events.Count(audit.RefreshReused); n != 0 {
				t.Errorf("%d reuse events, want none", n)
			}
		})
	}
	t.Run("user enabled again", func(t *testing.T) {
		f := newFixture(t)
		valid := f.MustLogin(t).RefreshToken
		must(t, f.Admin.DisableUser(t.Context(), issuertest.Operator, username))
		_, err := f.Refresh(t.Context(), valid, "")
		wantCode(t, err, oauth.InvalidGrant)
		must(t, f.Admin.EnableUser(t.Context(), issuertest.Operator, username))
		f.MustRefresh(t, valid, "")
	})
	t.Run("client disabled", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t)
			f.Run(t)
			second := client.Client{ID: "second", Audiences: []string{api}}
			c, secret, err := f.Admin.CreateClient(t.Context(), issuertest.Operator, second, "")
			must(t, err)
			time.Sleep(500 * time.Millisecond)
			_, err = f.Registry.Authenticate(t.Context(), c.ID, secret)
			must(t, err)
			must(t, f.Admin.DisableClient(t.Context(), issuertest.Operator, c.ID))
			time.Sleep(500 * time.Millisecond)
			_, err = f.Registry.Authenticate(t.Context(), c.ID, secret)
			wantCode(t, err, oauth.InvalidClient)
		})
	})
}

// Rule 30: a grant expires when it is not refreshed for its idle lifetime, and
// at the end of its absolute lifetime in any case.
func TestRule30_BothLifetimesEnd(t *testing.T) {
	t.Run("idle", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t)
			last := f.MustLogin(t)
			if last.RefreshExpiresIn != time.Hour {
				t.Errorf("refresh_expires_in %v, want 1h", last.RefreshExpiresIn)
			}
			f.Sleep(t, 59*time.Minute)
			last = f.MustRefresh(t, last.RefreshToken, "")
			f.Sleep(t, time.Hour)
			_, err := f.Refresh(t.Context(), last.RefreshToken, "")
			wantCode(t, err, oauth.InvalidGrant)
		})
	})
	t.Run("absolute", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t)
			f.Caller = f.Register(t, client.Client{
				ID: "short", Audiences: []string{api}, RefreshAbsolute: 2 * time.Hour,
			})
			last := f.MustLogin(t)
			for range 119 {
				f.Sleep(t, time.Minute)
				last = f.MustRefresh(t, last.RefreshToken, "")
			}
			if last.ExpiresIn > time.Minute || last.RefreshExpiresIn > time.Minute {
				t.Errorf("tokens outlive the grant: %v, %v", last.ExpiresIn, last.RefreshExpiresIn)
			}
			f.Sleep(t, time.Minute)
			_, err := f.Refresh(t.Context(), last.RefreshToken, "")
			wantCode(t, err, oauth.InvalidGrant)
		})
	})
}

func TestRefresh_AfterItsDeadlineDecidesNothing(t *testing.T) {
	f := newFixture(t)
	valid := f.MustLogin(t).RefreshToken
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	_, err := f.Refresh(ctx, valid, "")
	wantCode(t, err, oauth.TemporarilyUnavailable)
	f.MustRefresh(t, valid, "")
}

// Rule 22: no server uses a compromised key. The refresh tokens of a
// compromised MAC key are rejected.
func TestRule22_TokensOfCompromisedMACKeyAreRejected(t *testing.T) {
	f := newFixture(t)
	old := f.MustLogin(t).RefreshToken
	id, _, err := f.Keys.CurrentMAC()
	must(t, err)
	must(t, f.Keys.Operator().Compromise(t.Context(), audit.Actor{Name: "operator"}, id))
	_, err = f.Refresh(t.Context(), old, "")
	wantCode(t, err, oauth.InvalidGrant)
	f.MustRefresh(t, f.MustLogin(t).RefreshToken, "")
}
