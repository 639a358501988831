package grant_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetd/signet/internal/app/components"
	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/issuertest"
	"github.com/signetd/signet/internal/oauth"
)

// A household is a fixture with three logins of one user: two at the public
// client "shop", and one at the gateway.
type household struct {
	*issuertest.Gateway
	shop            client.Caller
	here, elsewhere *issuer.TokenResponse
	atGateway       *issuer.TokenResponse
}

// inHousehold runs a test in a synctest bubble.
func inHousehold(t *testing.T, test func(t *testing.T, h *household), edit ...func(*components.Options)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := &household{Gateway: issuertest.NewGateway(t, setup, edit...)}
		h.shop = h.Register(t, client.Client{ID: "shop", Public: true, Audiences: []string{api}})
		for _, at := range []**issuer.TokenResponse{&h.here, &h.elsewhere} {
			response, err := h.Login(t.Context(), h.shop, login)
			must(t, err)
			*at = response
		}
		h.atGateway = h.MustLogin(t)
		h.Events.Reset()
		test(t, h)
	})
}

// revokeAll revokes all grants by a token of the shop.
func (h *household) revokeAll(t *testing.T, text string, want int) {
	t.Helper()
	n, err := h.Grants.RevokeAllByToken(t.Context(), h.shop, text)
	if err != nil || n != want {
		t.Errorf("%d grants revoked, %v, want %d", n, err, want)
	}
}

// want fails the test unless exactly these grants are revoked.
func (h *household) want(t *testing.T, here, elsewhere bool) {
	t.Helper()
	wantRevoked(t, h.Gateway, h.here.GrantID, here)
	wantRevoked(t, h.Gateway, h.elsewhere.GrantID, elsewhere)
	wantRevoked(t, h.Gateway, h.atGateway.GrantID, false)
}

// A token of a live grant revokes all grants of its subject at the client, and
// no others. The audit log has the event.
func TestRevokeAllByToken_RevokesTheGrantsAtTheClient(t *testing.T) {
	for name, choose := range map[string]func(*testing.T, *household) string{
		"refresh token": func(_ *testing.T, h *household) string { return h.here.RefreshToken },
		"session token": func(t *testing.T, h *household) string {
			return sessionOf(t, h.Fixture, h.here.RefreshToken)
		},
	} {
		t.Run(name, func(t *testing.T) {
			inHousehold(t, func(t *testing.T, h *household) {
				text := choose(t, h)
				h.revokeAll(t, text, 2)
				h.want(t, true, true)
				e := h.Events.Last()
				if h.Events.Count(audit.GrantRevoked) != 1 || e.Subject != h.here.Subject || e.Grant != "" ||
					e.Count != 2 || e.Reason != audit.RevokedByClient || e.Actor.Name != "shop" {
					t.Errorf("the event is %+v", e)
				}
				h.revokeAll(t, text, 0) // the second time
			})
		})
	}
}

// A token whose grant is not active, or whose key is compromised, revokes its
// own grant at most. The user's other logins stay.
func TestRevokeAllByToken_NeedsALiveGrant(t *testing.T) {
	for name, c := range map[string]struct {
		before func(t *testing.T, h *household)
		here   bool
	}{
		"revoked": {func(t *testing.T, h *household) {
			must(t, h.Grants.RevokeToken(t.Context(), h.shop, h.here.RefreshToken))
		}, true},
		"expired": {func(t *testing.T, h *household) {
			h.Sleep(t, 30*time.Minute)
			must(t, h.Grants.Touch(t.Context(), h.elsewhere.GrantID, h.Registry.Now()))
			h.Sleep(t, 30*time.Minute)
		}, true},
		"suspended": {func(t *testing.T, h *household) {
			must(t, h.Admin.DisableUser(t.Context(), issuertest.Operator, username))
		}, true},
		"compromised MAC key": {func(t *testing.T, h *household) {
			id, _, err := h.Keys.CurrentMAC()
			must(t, err)
			h.Compromise(t, id)
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			inHousehold(t, func(t *testing.T, h *household) {
				session := sessionOf(t, h.Fixture, h.here.RefreshToken)
				c.before(t, h)
				h.revokeAll(t, session, 0)
				h.want(t, c.here, false)
			})
		})
	}
}

// Rule 33: a token of another client revokes nothing, and neither does text
// that is no token of a grant.
func TestRule33_RevokeAllByTokenOfAnotherClient(t *testing.T) {
	inHousehold(t, func(t *testing.T, h *household) {
		for _, text := range []string{
			h.atGateway.RefreshToken, sessionOf(t, h.Fixture, h.atGateway.RefreshToken), h.here.AccessToken,
			h.here.RefreshToken + "A", "sgb_" + h.here.RefreshToken[4:], "sgr_", "sgb_", "",
		} {
			h.revokeAll(t, text, 0)
		}
		h.want(t, false, false)
		if n := h.Events.Count(audit.GrantRevoked); n != 0 {
			t.Errorf("%d events", n)
		}
	})
}

// Rule 32: if the store does not answer, the event cannot be written or the
// client has added too many entries to the log, the call returns an error. Rule
// 31: the call that succeeds later writes the event.
func TestRule32_RevokeAllByTokenIsNeverSilent(t *testing.T) {
	call := func(t *testing.T, h *household) error {
		_, err := h.Grants.RevokeAllByToken(t.Context(), h.shop, h.here.RefreshToken)
		return err
	}
	t.Run("the store is closed", func(t *testing.T) {
		inHousehold(t, func(t *testing.T, h *household) {
			must(t, h.Store.Close())
			wantCode(t, call(t, h), oauth.TemporarilyUnavailable)
		})
	})
	t.Run("no audit log", func(t *testing.T) {
		inHousehold(t, func(t *testing.T, h *household) {
			h.Events.FailWith(errors.New("disk full"))
			wantCode(t, call(t, h), oauth.TemporarilyUnavailable)
			h.Events.FailWith(nil)
			h.Events.Reset()
			must(t, call(t, h))
			e := h.Events.Last()
			if e.Name != audit.GrantRevoked || e.Subject != h.here.Subject || e.Grant != "" || e.Moment.IsZero() {
				t.Errorf("the event of the second call is %+v", e)
			}
			h.Events.Reset()
			must(t, call(t, h))
			if e := h.Events.Last(); e.Grant == "" {
				t.Errorf("the event of the third call is %+v", e)
			}
		})
	})
	t.Run("too many entries", func(t *testing.T) {
		inHousehold(t, func(t *testing.T, h *household) {
			h.revokeAll(t, h.elsewhere.RefreshToken, 2)
			response, err := h.Login(t.Context(), h.shop, login)
			must(t, err)
			h.here = response
			wantCode(t, call(t, h), oauth.SlowDown)

			// It has changed nothing, so it authorizes nothing after its grant.
			must(t, h.Grants.RevokeToken(t.Context(), h.shop, h.here.RefreshToken))
			h.Sleep(t, time.Hour)
			h.elsewhere, err = h.Login(t.Context(), h.shop, login)
			must(t, err)
			must(t, call(t, h))
			wantRevoked(t, h.Gateway, h.elsewhere.GrantID, false)
		}, func(o *components.Options) { o.Revocations.ClientPerHour = 1 })
	})
}
