package issuer_test

import (
	"errors"
	"testing"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/oauth"
)

func TestRule31_RevokedStaysRevoked(t *testing.T) {
	for name, pick := range map[string]func(first, second *issuer.TokenResponse) string{
		"by the refresh token":      func(_, second *issuer.TokenResponse) string { return second.RefreshToken },
		"by a spent refresh token":  func(first, _ *issuer.TokenResponse) string { return first.RefreshToken },
		"by the access token":       func(_, second *issuer.TokenResponse) string { return second.AccessToken },
		"by the first access token": func(first, _ *issuer.TokenResponse) string { return first.AccessToken },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			first := h.login(t)
			second := h.mustRefresh(t, first.RefreshToken, "")
			must(t, h.Revoke(t.Context(), h.caller, pick(first, second)))
			for _, text := range []string{first.RefreshToken, second.RefreshToken} {
				_, err := h.refresh(t.Context(), text, "")
				wantCode(t, err, oauth.InvalidGrant)
			}
			for _, text := range []string{second.AccessToken, second.RefreshToken} {
				if found, err := h.Introspect(t.Context(), h.caller, text); err != nil || found.Active {
					t.Errorf("introspection: %v, %v", found, err)
				}
			}
			must(t, h.Revoke(t.Context(), h.caller, second.RefreshToken))
			if n := h.count(audit.GrantRevoked); n != 2 || h.events[len(h.events)-1].Count != 0 {
				t.Errorf("%d events, the last of which is %+v; want the end, and that there was none to make", n, h.events[len(h.events)-1])
			}
		})
	}
}

func TestRule32_RevokeIsHonest(t *testing.T) {
	h := newHouse(t)
	good := h.login(t)
	for _, unknown := range []string{"", "x", "sgr_", "a.b.c", good.RefreshToken + "A", good.AccessToken + "A"} {
		must(t, h.Revoke(t.Context(), h.caller, unknown))
	}
	h.store.Close()
	wantCode(t, h.Revoke(t.Context(), h.caller, good.RefreshToken), oauth.TemporarilyUnavailable)
	wantCode(t, h.Revoke(t.Context(), h.caller, good.AccessToken), oauth.TemporarilyUnavailable)
}

func TestRule33_AnotherClientsTokenStaysValid(t *testing.T) {
	h := newHouse(t)
	good := h.login(t)
	thief := h.client(t, client.Client{ID: "thief", Audiences: []string{api}})
	must(t, h.Revoke(t.Context(), thief, good.RefreshToken))
	must(t, h.Revoke(t.Context(), thief, good.AccessToken))
	h.mustRefresh(t, good.RefreshToken, "")
}

func TestIntrospectAnswersTheConcernedOnly(t *testing.T) {
	h := newHouse(t)
	good := h.login(t)
	resource := h.client(t, client.Client{ID: api})
	stranger := h.client(t, client.Client{ID: "stranger", Audiences: []string{api}})
	for _, c := range []struct {
		name   string
		caller issuer.Caller
		token  string
		active bool
	}{
		{"the grant's client", h.caller, good.AccessToken, true},
		{"the audience", resource, good.AccessToken, true},
		{"a stranger", stranger, good.AccessToken, false},
		{"the grant's client, refresh token", h.caller, good.RefreshToken, true},
		{"the audience, refresh token", resource, good.RefreshToken, false},
		{"garbage", h.caller, "garbage", false},
	} {
		found, err := h.Introspect(t.Context(), c.caller, c.token)
		must(t, err)
		if found.Active != c.active {
			t.Errorf("%s: active %v, want %v", c.name, found.Active, c.active)
		}
		if !found.Active && found.Subject != "" {
			t.Errorf("%s: an inactive answer tells the subject", c.name)
		}
	}
	h.mustRefresh(t, good.RefreshToken, "")
	if found, err := h.Introspect(t.Context(), h.caller, good.RefreshToken); err != nil || found.Active {
		t.Errorf("a spent refresh token: %v, %v", found.Active, err)
	}
}

// TestRule25_NobodyFindsOutWhetherAStolenTokenIsSpent: whoever presents it moves the grant, and so is found out. A public client
// proves nothing, so that a thief could ask in its name.
func TestRule25_NobodyFindsOutWhetherAStolenTokenIsSpent(t *testing.T) {
	h := newHouse(t)
	spa := h.client(t, client.Client{ID: "spa", Public: true, Audiences: []string{api}})
	stolen, err := h.Login(t.Context(), spa, issuer.LoginRequest{Username: username, Password: rightWord})
	must(t, err)
	found, err := h.Introspect(t.Context(), spa, stolen.RefreshToken)
	must(t, err)
	if found.Active || found.Subject != "" {
		t.Errorf("who names the public client is told %+v", found)
	}
}

// TestRule31_WhatIsSaidToBeRevokedIsInTheLog: a store that is restored from a backup is put right by the log. A revocation that
// could not be written is refused, and so the caller tries again, when the grant has ended already.
func TestRule31_WhatIsSaidToBeRevokedIsInTheLog(t *testing.T) {
	for name, revoke := range map[string]func(*house, *issuer.TokenResponse) error{
		"by a token": func(h *house, in *issuer.TokenResponse) error {
			return h.Revoke(t.Context(), h.caller, in.RefreshToken)
		},
		"by its id": func(h *house, in *issuer.TokenResponse) error {
			return h.RevokeGrant(t.Context(), h.caller, in.GrantID.String())
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			in := h.login(t)
			h.auditError = errors.New("disk full")
			wantCode(t, revoke(h, in), oauth.TemporarilyUnavailable)
			h.auditError, h.events = nil, nil
			must(t, revoke(h, in))
			if n := h.count(audit.GrantRevoked); n != 1 || h.events[0].Grant != in.GrantID.String() {
				t.Errorf("the log has %+v", h.events)
			}
		})
	}
}
