package issuer_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/keys"
)

func TestRule23_ParallelRefreshHasOneSuccessor(t *testing.T) {
	h := newHouse(t)
	first := h.login(t).RefreshToken
	var (
		mu         sync.Mutex
		successors = map[string]int{}
		all        sync.WaitGroup
	)
	for range 64 {
		all.Go(func() {
			answer, err := h.refresh(t.Context(), first, "")
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Errorf("refresh: %v", err)
				return
			}
			successors[answer.RefreshToken]++
		})
	}
	all.Wait()
	if len(successors) != 1 {
		t.Fatalf("%d successors, want 1: two branches live", len(successors))
	}
	for next := range successors {
		h.mustRefresh(t, next, "")
	}
	if n := h.count(audit.RefreshReused); n != 0 {
		t.Errorf("%d reuse events, want none", n)
	}
}

func TestRule24_LostAnswerIsRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		first := h.login(t).RefreshToken
		second := h.mustRefresh(t, first, "key one").RefreshToken

		h.pass(t, 50*time.Minute)
		if again := h.mustRefresh(t, first, "key one").RefreshToken; again != second {
			t.Error("the same key, late, got another successor")
		}
		third := h.mustRefresh(t, second, "").RefreshToken
		h.pass(t, 9*time.Second)
		if again := h.mustRefresh(t, second, "").RefreshToken; again != third {
			t.Error("no key, within the leeway, got another successor")
		}
		h.mustRefresh(t, third, "")
	})
}

func TestRule25_ReuseRevokesTheGrant(t *testing.T) {
	for name, replay := range map[string]func(t *testing.T, h *house) (stolen, newest string){
		"one behind and late": func(t *testing.T, h *house) (string, string) {
			first := h.login(t).RefreshToken
			second := h.mustRefresh(t, first, "mine").RefreshToken
			time.Sleep(10*time.Second + time.Millisecond)
			return first, second
		},
		"two behind within the leeway": func(t *testing.T, h *house) (string, string) {
			first := h.login(t).RefreshToken
			second := h.mustRefresh(t, first, "mine").RefreshToken
			return first, h.mustRefresh(t, second, "").RefreshToken
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t)
				h.keepPolling(t)
				stolen, newest := replay(t, h)
				_, err := h.refresh(t.Context(), stolen, "")
				wantCode(t, err, oauth.InvalidGrant)
				_, err = h.refresh(t.Context(), newest, "")
				wantCode(t, err, oauth.InvalidGrant)
				if n := h.count(audit.RefreshReused); n != 1 {
					t.Errorf("%d reuse events, want 1", n)
				}
			})
		})
	}
}

func TestRule26_AlteredTokenNeverReachesTheStore(t *testing.T) {
	h := newHouse(t)
	good := h.login(t).RefreshToken
	must(t, h.keys.Poll(t.Context()))
	h.store.Close() // from here on, whatever asks the store fails as temporarily_unavailable
	altered := []string{"", "sgr_", good[:len(good)-1], good + "A", strings.ToUpper(good), " " + good, good + "=", good[4:]}
	for i := len("sgr_") + 12; i < len(good); i++ { // behind version and key id
		c := byte('A')
		if good[i] == c {
			c = 'B'
		}
		altered = append(altered, good[:i]+string(c)+good[i+1:])
	}
	for _, text := range altered {
		_, err := h.refresh(t.Context(), text, "")
		wantCode(t, err, oauth.InvalidGrant)
	}
	_, err := h.refresh(t.Context(), good, "")
	wantCode(t, err, oauth.TemporarilyUnavailable)
}

func TestRule27_AnotherClientsTokenStaysUnspent(t *testing.T) {
	h := newHouse(t)
	good := h.login(t).RefreshToken
	thief := h.client(t, client.Client{ID: "thief", Audiences: []string{api}, Scope: oauth.NewScope("read", "write")})
	_, err := h.Refresh(t.Context(), thief, issuer.RefreshRequest{RefreshToken: good})
	wantCode(t, err, oauth.InvalidGrant)
	_, err = h.Refresh(t.Context(), thief, issuer.RefreshRequest{RefreshToken: good, Scope: "admin"})
	wantCode(t, err, oauth.InvalidGrant)
	for _, wrong := range []string{"", "wrong", "sgs_"} {
		_, err := h.directory.Authenticate(t.Context(), "gateway", wrong)
		wantCode(t, err, oauth.InvalidClient)
	}
	h.mustRefresh(t, good, "")
	if n := h.count(audit.RefreshReused); n != 0 {
		t.Errorf("%d reuse events, want none", n)
	}
}

func TestRule28_WhatEndsTheUserEndsTheRefresh(t *testing.T) {
	for name, c := range map[string]struct {
		act  func(ctx context.Context, h *house) error
		want oauth.Code
	}{
		"user disabled": {func(ctx context.Context, h *house) error { return h.admin.DisableUser(ctx, operator, username) }, oauth.InvalidGrant},
		"user deleted":  {func(ctx context.Context, h *house) error { return h.admin.DeleteUser(ctx, operator, username) }, oauth.InvalidGrant},
		"password set": {func(ctx context.Context, h *house) error {
			return h.admin.SetPassword(ctx, operator, username, "another long password")
		}, oauth.InvalidGrant},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			good := h.login(t).RefreshToken
			must(t, c.act(t.Context(), h))
			_, err := h.refresh(t.Context(), good, "")
			wantCode(t, err, c.want)
			if n := h.count(audit.RefreshReused); n != 0 {
				t.Errorf("%d reuse events, want none", n)
			}
		})
	}
	t.Run("user enabled again", func(t *testing.T) {
		h := newHouse(t)
		good := h.login(t).RefreshToken
		must(t, h.admin.DisableUser(t.Context(), operator, username))
		_, err := h.refresh(t.Context(), good, "")
		wantCode(t, err, oauth.InvalidGrant)
		must(t, h.admin.EnableUser(t.Context(), operator, username))
		h.mustRefresh(t, good, "")
	})
	t.Run("client disabled", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h := newHouse(t)
			h.keepPolling(t)
			c, secret, err := h.admin.CreateClient(t.Context(), operator, client.Client{ID: "second", Audiences: []string{api}})
			must(t, err)
			time.Sleep(500 * time.Millisecond)
			_, err = h.directory.Authenticate(t.Context(), c.ID, secret)
			must(t, err)
			must(t, h.admin.DisableClient(t.Context(), operator, c.ID))
			time.Sleep(500 * time.Millisecond)
			_, err = h.directory.Authenticate(t.Context(), c.ID, secret)
			wantCode(t, err, oauth.InvalidClient)
		})
	})
}

func TestRule29_ScopeNarrowsAndNeverWidens(t *testing.T) {
	h := newHouse(t)
	login, err := h.Login(t.Context(), h.caller, issuer.LoginRequest{Username: username, Password: rightWord, Scope: "read"})
	must(t, err)
	_, err = h.Refresh(t.Context(), h.caller, issuer.RefreshRequest{RefreshToken: login.RefreshToken, Scope: "read write"})
	wantCode(t, err, oauth.InvalidScope)
	_, err = h.Refresh(t.Context(), h.caller, issuer.RefreshRequest{RefreshToken: login.RefreshToken, Audience: []string{"https://other.example"}})
	wantCode(t, err, oauth.InvalidTarget)

	wide := h.login(t)
	narrow, err := h.Refresh(t.Context(), h.caller, issuer.RefreshRequest{RefreshToken: wide.RefreshToken, Scope: "read"})
	must(t, err)
	if narrow.Scope.String() != "read" {
		t.Errorf("scope %q, want read", narrow.Scope)
	}
	if again := h.mustRefresh(t, narrow.RefreshToken, ""); again.Scope.String() != "read write" {
		t.Errorf("scope %q, want the grant's own", again.Scope)
	}
	// The refused requests did not spend the token.
	if h.mustRefresh(t, login.RefreshToken, ""); h.count(audit.RefreshReused) != 0 {
		t.Error("a refused request spent the token")
	}
}

func TestRule30_BothLifetimesEnd(t *testing.T) {
	t.Run("idle", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h := newHouse(t)
			good := h.login(t)
			if good.RefreshExpiresIn != time.Hour {
				t.Errorf("refresh_expires_in %v, want 1h", good.RefreshExpiresIn)
			}
			h.pass(t, 59*time.Minute)
			good = h.mustRefresh(t, good.RefreshToken, "")
			h.pass(t, time.Hour)
			_, err := h.refresh(t.Context(), good.RefreshToken, "")
			wantCode(t, err, oauth.InvalidGrant)
		})
	})
	t.Run("absolute", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			h := newHouse(t)
			h.caller = h.client(t, client.Client{ID: "short", Audiences: []string{api}, RefreshAbsolute: 2 * time.Hour})
			good := h.login(t)
			for range 119 {
				h.pass(t, time.Minute)
				good = h.mustRefresh(t, good.RefreshToken, "")
			}
			if good.ExpiresIn > time.Minute || good.RefreshExpiresIn > time.Minute {
				t.Errorf("tokens outlive the grant: %v, %v", good.ExpiresIn, good.RefreshExpiresIn)
			}
			h.pass(t, time.Minute)
			_, err := h.refresh(t.Context(), good.RefreshToken, "")
			wantCode(t, err, oauth.InvalidGrant)
		})
	})
}

func TestRefreshPastItsDeadlineDecidesNothing(t *testing.T) {
	h := newHouse(t)
	good := h.login(t).RefreshToken
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	_, err := h.refresh(ctx, good, "")
	wantCode(t, err, oauth.TemporarilyUnavailable)
	h.mustRefresh(t, good, "")
}

func TestCompromisedMACKeyRefusesItsTokens(t *testing.T) {
	h := newHouse(t)
	good := h.login(t).RefreshToken
	id, _, err := h.keys.CurrentMAC()
	must(t, err)
	must(t, h.keys.Operator().Compromise(t.Context(), keys.Actor{Name: "operator"}, id))
	_, err = h.refresh(t.Context(), good, "")
	wantCode(t, err, oauth.InvalidGrant)
	h.mustRefresh(t, h.login(t).RefreshToken, "")
}
