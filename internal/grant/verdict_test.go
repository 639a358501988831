package grant_test

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetd/signet/internal/app/components"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/issuertest"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/token"
	"github.com/signetd/signet/keys"
)

var login = issuertest.LoginRequest{Username: username, Password: issuertest.Password}

// Rule 31: a revocation ends the grant of the caller's token whatever its iat
// and exp say, and whatever happened to its key.
// Rule 33: a revocation by another client does not.
func TestRule31_RevokeEndsTheGrantOfEveryToken(t *testing.T) {
	signingKey := func(t *testing.T, f *issuertest.Fixture) string {
		s, err := f.Keys.Signer(keys.RS256)
		must(t, err)
		return s.KeyID
	}
	macKey := func(t *testing.T, f *issuertest.Fixture) string {
		id, _, err := f.Keys.CurrentMAC()
		must(t, err)
		return id
	}
	for name, c := range map[string]struct {
		// before changes the other server, which issues the tokens. after
		// changes the server that revokes.
		before, after func(t *testing.T, f, other *issuertest.Fixture)
		refresh       bool // the refresh token is revoked, and not the access token
	}{
		"a server 10 s ahead": {before: func(t *testing.T, _, other *issuertest.Fixture) {
			other.Pass(t, 10*time.Second)
		}},
		"a server 10 min ahead": {before: func(t *testing.T, _, other *issuertest.Fixture) {
			other.Pass(t, 10*time.Minute)
		}},
		"expired": {after: func(t *testing.T, f, _ *issuertest.Fixture) {
			f.Sleep(t, 59*time.Minute)
		}},
		"a compromised signing key": {after: func(t *testing.T, f, _ *issuertest.Fixture) {
			f.Compromise(t, signingKey(t, f))
		}},
		"a signing key that another server reported": {after: func(t *testing.T, _, other *issuertest.Fixture) {
			other.Compromise(t, signingKey(t, other))
		}},
		"a signing key that was not polled yet": {before: func(t *testing.T, _, other *issuertest.Fixture) {
			other.RotateUnseen(t, keys.RS256)
		}},
		"a compromised signing key that was not polled yet": {
			before: func(t *testing.T, _, other *issuertest.Fixture) { other.RotateUnseen(t, keys.RS256) },
			after: func(t *testing.T, _, other *issuertest.Fixture) {
				other.Compromise(t, signingKey(t, other))
			},
		},
		"refresh token, compromised MAC key": {refresh: true, after: func(t *testing.T, f, _ *issuertest.Fixture) {
			f.Compromise(t, macKey(t, f))
		}},
		"refresh token, MAC key that was not polled yet": {
			refresh: true,
			before:  func(t *testing.T, _, other *issuertest.Fixture) { other.RotateUnseen(t, keys.MAC) },
		},
		"refresh token, compromised MAC key that was not polled yet": {
			refresh: true,
			before:  func(t *testing.T, _, other *issuertest.Fixture) { other.RotateUnseen(t, keys.MAC) },
			after:   func(t *testing.T, _, other *issuertest.Fixture) { other.Compromise(t, macKey(t, other)) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t)
				other := f.Replica(t)
				if c.before != nil {
					c.before(t, f.Fixture, other)
				}
				response, err := other.Login(t.Context(), f.Caller, login)
				must(t, err)
				if c.after != nil {
					c.after(t, f.Fixture, other)
				}

				text := response.AccessToken
				if c.refresh {
					text = response.RefreshToken
				}
				thief := f.Register(t, client.Client{ID: "thief", Audiences: []string{api}})
				must(t, f.Grants.RevokeToken(t.Context(), thief, text))
				wantRevoked(t, f, response.GrantID, false)
				must(t, f.Grants.RevokeToken(t.Context(), f.Caller, text))
				wantRevoked(t, f, response.GrantID, true)
			})
		})
	}
}

// Rule 31: a revocation ends the grant of an access token whose key is
// destroyed: the row of the key keeps the public key.
func TestRule31_RevokeUnderADestroyedKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		response := f.MustLogin(t)
		_, err := f.Keys.Operator().Rotate(t.Context(), issuertest.Operator, nil, keys.RotateOptions{Now: true})
		must(t, err)
		newest := response.RefreshToken
		for range 4 { // longer than the retention of a key
			f.Sleep(t, 30*time.Minute)
			newest = f.MustRefresh(t, newest, "").RefreshToken
		}
		destroyed := 0
		for _, r := range f.Keys.Rows() {
			if r.State == keys.Destroyed {
				destroyed++
			}
		}
		if destroyed != 1 {
			t.Fatalf("%d destroyed keys, want 1: %v", destroyed, f.Keys.Rows())
		}
		found, err := f.Inspector.Introspect(t.Context(), f.Caller, response.AccessToken)
		if err != nil || found.Active {
			t.Errorf("introspection: active %v, %v", found.Active, err)
		}
		must(t, f.Grants.RevokeToken(t.Context(), f.Caller, response.AccessToken))
		wantRevoked(t, f, response.GrantID, true)
	})
}

func wantRevoked(t *testing.T, f *issuertest.Gateway, id oauth.GrantID, want bool) {
	t.Helper()
	g, err := f.Store.Grant(t.Context(), id)
	must(t, err)
	if got := !g.RevokedAt.IsZero(); got != want {
		t.Fatalf("revoked %v, want %v", got, want)
	}
}

// Rule 31: a revocation ends the grant of a refresh token of the last
// generation, which cannot be rotated.
func TestRule31_RevokeOfTheLastGeneration(t *testing.T) {
	f := newFixture(t)
	response := f.MustLogin(t)
	id, secret, err := f.Keys.CurrentMAC()
	must(t, err)
	first, err := f.Grants.OpenToken(t.Context(), response.RefreshToken)
	must(t, err)
	last, err := token.Refresh{KeyID: id, Handle: first.Handle, Generation: math.MaxUint32}.Encode(secret)
	must(t, err)
	_, err = f.Refresh(t.Context(), last, "")
	wantCode(t, err, oauth.InvalidGrant)
	must(t, f.Grants.RevokeToken(t.Context(), f.Caller, last))
	wantRevoked(t, f, response.GrantID, true)
}

// Rule 32: a token under a key that the server cannot read is not decided:
// neither success nor invalid_grant.
func TestRule32_UnreadableKeyIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ring := &issuertest.DownRing{}
		f := issuertest.NewGateway(t, setup, func(o *components.Options) {
			ring.ServiceStore = o.Store
			o.Store = ring
		})
		other := f.Replica(t, func(o *components.Options) { o.Store = ring.ServiceStore })
		other.RotateUnseen(t, keys.RS256)
		other.RotateUnseen(t, keys.MAC)
		response, err := other.Login(t.Context(), f.Caller, login)
		must(t, err)

		ring.Down.Store(true)
		for _, text := range []string{response.AccessToken, response.RefreshToken} {
			wantCode(t, f.Grants.RevokeToken(t.Context(), f.Caller, text), oauth.TemporarilyUnavailable)
			_, err := f.Inspector.Introspect(t.Context(), f.Caller, text)
			wantCode(t, err, oauth.TemporarilyUnavailable)
		}
		_, err = f.Refresh(t.Context(), response.RefreshToken, "")
		wantCode(t, err, oauth.TemporarilyUnavailable)

		ring.Down.Store(false)
		for _, text := range []string{response.AccessToken, response.RefreshToken} {
			found, err := f.Inspector.Introspect(t.Context(), f.Caller, text)
			if err != nil || !found.Active {
				t.Errorf("introspection after the store is up again: active %v, %v", found.Active, err)
			}
		}
		must(t, f.Grants.RevokeToken(t.Context(), f.Caller, response.AccessToken))
		wantRevoked(t, f, response.GrantID, true)
	})
}

// A refresh token under a MAC key that another server has just made is valid,
// although this server looked for a missing key a moment before.
func TestRefresh_KeyMadeAfterTheLastRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		other := f.Replica(t)
		forged := "sgr_" + f.MustLogin(t).RefreshToken[4:8] + "AAAAAAAA" + f.MustLogin(t).RefreshToken[16:]
		_, err := f.Refresh(t.Context(), forged, "")
		wantCode(t, err, oauth.InvalidGrant)

		other.RotateUnseen(t, keys.MAC)
		response, err := other.Login(t.Context(), f.Caller, login)
		must(t, err)
		f.MustRefresh(t, response.RefreshToken, "")
	})
}
