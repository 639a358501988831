package grant_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetd/signet/internal/app/components"
	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/issuertest"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/keys"
)

// sessionOf returns the session token of the grant of a refresh token.
func sessionOf(t *testing.T, f *issuertest.Fixture, refreshToken string) string {
	t.Helper()
	opened, err := f.Grants.OpenToken(t.Context(), refreshToken)
	must(t, err)
	g, err := f.Store.Grant(t.Context(), opened.Handle.GrantID())
	must(t, err)
	text, err := f.Grants.SessionToken(t.Context(), g, opened.Handle)
	must(t, err)
	return text
}

// A session token is refused where a refresh token belongs, and the other way
// round. Neither changes the grant.
func TestSession_IsNoRefreshToken(t *testing.T) {
	f := newFixture(t)
	response := f.MustLogin(t)
	session := sessionOf(t, f.Fixture, response.RefreshToken)
	before, err := f.Store.Grant(t.Context(), response.GrantID)
	must(t, err)

	for _, text := range []string{session, "sgr_" + session[4:]} {
		_, err = f.Refresh(t.Context(), text, "a key")
		wantCode(t, err, oauth.InvalidGrant)
	}
	for _, text := range []string{response.RefreshToken, "sgb_" + response.RefreshToken[4:], response.AccessToken, ""} {
		_, err = f.Grants.OpenSession(t.Context(), text)
		wantCode(t, err, oauth.InvalidGrant)
	}
	found, err := f.Inspector.Introspect(t.Context(), f.Caller, session)
	if err != nil || found.Active {
		t.Errorf("introspection: active %v, %v", found.Active, err)
	}

	after, err := f.Store.Grant(t.Context(), response.GrantID)
	must(t, err)
	if after.Generation != before.Generation || after.State(f.Registry.Now()) != grant.StateActive {
		t.Errorf("the grant is %+v", after)
	}
	if n := f.Events.Count(audit.RefreshReused) + f.Events.Count(audit.RefreshAhead); n != 0 {
		t.Errorf("events %+v", f.Events.All())
	}
	opened, err := f.Grants.OpenSession(t.Context(), session)
	if err != nil || opened.Handle.GrantID() != response.GrantID {
		t.Errorf("the session token: %v", err)
	}
	if again := sessionOf(t, f.Fixture, response.RefreshToken); again != session {
		t.Error("the grant has another session token now")
	}
	f.MustRefresh(t, response.RefreshToken, "")
}

// Rule 31: a revocation ends the grant of a session token, also if its MAC key
// is compromised. Rule 33: a revocation by another client does not. For a
// public client, the token is the authorization.
func TestRule31_RevokeBySessionToken(t *testing.T) {
	for name, compromised := range map[string]bool{"valid": false, "compromised MAC key": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t)
				f.Caller = f.Register(t, client.Client{ID: "spa", Public: true, Audiences: []string{api}})
				response := f.MustLogin(t)
				session := sessionOf(t, f.Fixture, response.RefreshToken)
				if compromised {
					id, _, err := f.Keys.CurrentMAC()
					must(t, err)
					f.Compromise(t, id)
					_, err = f.Grants.OpenSession(t.Context(), session)
					wantCode(t, err, oauth.InvalidGrant)
				}

				thief := f.Register(t, client.Client{ID: "thief", Public: true, Audiences: []string{api}})
				for _, text := range []string{session, response.RefreshToken} {
					must(t, f.Grants.RevokeToken(t.Context(), thief, text))
				}
				wantRevoked(t, f, response.GrantID, false)
				must(t, f.Grants.RevokeToken(t.Context(), f.Caller, session))
				wantRevoked(t, f, response.GrantID, true)
				if n := f.Events.Count(audit.GrantRevoked); n != 1 {
					t.Errorf("%d events", n)
				}
			})
		})
	}
}

// Rule 32: a session token under a key that the server cannot read is not
// decided: neither success nor invalid_grant.
func TestRule32_SessionUnderAnUnreadableKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ring := &issuertest.DownRing{}
		f := issuertest.NewGateway(t, setup, func(o *components.Options) {
			ring.ServiceStore = o.Store
			o.Store = ring
		})
		other := f.Replica(t, func(o *components.Options) { o.Store = ring.ServiceStore })
		other.RotateUnseen(t, keys.MAC)
		response, err := other.Login(t.Context(), f.Caller, login)
		must(t, err)
		session := sessionOf(t, other, response.RefreshToken)

		ring.Down.Store(true)
		_, err = f.Grants.OpenSession(t.Context(), session)
		wantCode(t, err, oauth.TemporarilyUnavailable)
		wantCode(t, f.Grants.RevokeToken(t.Context(), f.Caller, session), oauth.TemporarilyUnavailable)
		_, err = f.Grants.RevokeAllByToken(t.Context(), f.Caller, session)
		wantCode(t, err, oauth.TemporarilyUnavailable)

		ring.Down.Store(false)
		_, err = f.Grants.OpenSession(t.Context(), session)
		must(t, err)
		must(t, f.Grants.RevokeToken(t.Context(), f.Caller, session))
		wantRevoked(t, f, response.GrantID, true)
	})
}

// Rule 30: a touch begins the idle lifetime again, and a grant whose idle
// lifetime has ended stays expired.
func TestRule30_TouchBeginsTheIdleLifetimeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		response := f.MustLogin(t)
		active := func() bool {
			t.Helper()
			g, err := f.Store.Grant(t.Context(), response.GrantID)
			must(t, err)
			return g.State(f.Registry.Now()) == grant.StateActive
		}
		touch := func() {
			t.Helper()
			must(t, f.Grants.Touch(t.Context(), response.GrantID, f.Registry.Now()))
		}
		for range 3 {
			f.Sleep(t, 59*time.Minute)
			touch()
		}
		f.Sleep(t, 59*time.Minute)
		if !active() {
			t.Error("expired 59 minutes after the last touch")
		}
		f.Sleep(t, time.Minute)
		touch()
		if active() {
			t.Error("active an hour after the last touch")
		}
	})
}
