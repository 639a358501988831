package issuer_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetd/signet/internal/app/components"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/issuertest"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/keys"
)

const identifier = "https://issuer.example"

// twoServers returns two servers of one issuer. ring is the store of the
// first.
func twoServers(t *testing.T) (f *issuertest.Gateway, other *issuertest.Fixture, ring *issuertest.DownRing) {
	t.Helper()
	ring = &issuertest.DownRing{}
	f = issuertest.NewGateway(t, setup, func(o *components.Options) {
		ring.ServiceStore = o.Store
		o.Store = ring
	})
	other = f.Replica(t, func(o *components.Options) { o.Store = ring.ServiceStore })
	return f, other, ring
}

// administrator registers a client that may administer the issuer, and mints an
// access token in its name at the other server.
func administrator(t *testing.T, f *issuertest.Gateway, other *issuertest.Fixture) (bearer func() string) {
	t.Helper()
	_, err := f.Admin.CreateAudience(t.Context(), operator, client.Audience{
		ID: identifier, Scope: oauth.NewScope(client.AdminScope),
	})
	must(t, err)
	ops := f.Register(t, client.Client{
		ID: "ops", Audiences: []string{identifier}, Scope: oauth.NewScope(client.AdminScope),
	})
	must(t, other.Registry.Poll(t.Context()))
	return func() string {
		response, err := other.Issuer.ClientCredentials(t.Context(), ops, issuer.CredentialsRequest{})
		must(t, err)
		return response.AccessToken
	}
}

// Introspection and administration accept a token under a key that this server
// has not read, and a token of a server whose clock is ahead by at most
// keys.clock_skew.
func TestVerdict_TokensOfAnotherServer(t *testing.T) {
	for name, c := range map[string]struct {
		change func(t *testing.T, other *issuertest.Fixture)
		active bool
	}{
		"an active key": {func(*testing.T, *issuertest.Fixture) {}, true},
		"a key that was not read yet": {func(t *testing.T, other *issuertest.Fixture) {
			other.RotateUnseen(t, keys.RS256)
		}, true},
		"a clock ahead by the skew": {func(t *testing.T, other *issuertest.Fixture) {
			other.Pass(t, 2*time.Minute)
		}, true},
		"a clock ahead by more": {func(t *testing.T, other *issuertest.Fixture) {
			other.Pass(t, 2*time.Minute+time.Second)
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, other, _ := twoServers(t)
				mint := administrator(t, f, other)
				c.change(t, other)
				response, err := other.Login(t.Context(), f.Caller, valid)
				must(t, err)
				found, err := f.Inspector.Introspect(t.Context(), f.Caller, response.AccessToken)
				if err != nil || found.Active != c.active {
					t.Errorf("introspection: active %v, %v; want %v", found.Active, err, c.active)
				}
				_, err = f.Inspector.Bearer(t.Context(), mint())
				if (err == nil) != c.active || err != nil && !errors.Is(err, oauth.InvalidClient) {
					t.Errorf("administration: %v, want valid %v", err, c.active)
				}
			})
		})
	}
}

// Rule 22: introspection and administration refuse a token under a compromised
// key, although the server still has its public key.
func TestRule22_CompromisedKeyIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, other, _ := twoServers(t)
		bearer, response := administrator(t, f, other)(), f.MustLogin(t)
		signer, err := f.Keys.Signer(keys.RS256)
		must(t, err)
		mac, _, err := f.Keys.CurrentMAC()
		must(t, err)
		known, err := f.Issuer.KnownDevice(t.Context(), response.DeviceToken, response.Subject)
		if err != nil || !known {
			t.Errorf("device token: known %v, %v", known, err)
		}

		f.Compromise(t, signer.KeyID)
		f.Compromise(t, mac)
		for _, text := range []string{response.AccessToken, response.RefreshToken} {
			if found, err := f.Inspector.Introspect(t.Context(), f.Caller, text); err != nil || found.Active {
				t.Errorf("introspection: active %v, %v", found.Active, err)
			}
		}
		_, err = f.Inspector.Bearer(t.Context(), bearer)
		wantCode(t, err, oauth.InvalidClient)
		_, err = f.Refresh(t.Context(), response.RefreshToken, "")
		wantCode(t, err, oauth.InvalidGrant)
		known, err = f.Issuer.KnownDevice(t.Context(), response.DeviceToken, response.Subject)
		if err != nil || known {
			t.Errorf("device token of a compromised key: known %v, %v", known, err)
		}
	})
}

// Rule 32: a token under a key that the server cannot read is neither inactive
// nor refused: the server answers temporarily_unavailable. Tokens under keys
// that it knows are not concerned.
func TestRule32_UnreadableKeyIsUnavailable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, other, ring := twoServers(t)
		mint := administrator(t, f, other)
		knownBearer, knownLogin := mint(), f.MustLogin(t)
		other.RotateUnseen(t, keys.RS256)
		other.RotateUnseen(t, keys.MAC)
		bearer := mint()
		response, err := other.Login(t.Context(), f.Caller, valid)
		must(t, err)

		ring.Down.Store(true)
		for range 3 {
			for _, text := range []string{response.AccessToken, response.RefreshToken} {
				_, err = f.Inspector.Introspect(t.Context(), f.Caller, text)
				wantCode(t, err, oauth.TemporarilyUnavailable)
			}
			_, err = f.Inspector.Bearer(t.Context(), bearer)
			wantCode(t, err, oauth.TemporarilyUnavailable)
			if e := oauth.AsError(err); e.RetryAfter <= 0 {
				t.Errorf("no retry delay in %v", err)
			}
			_, err = f.Issuer.KnownDevice(t.Context(), response.DeviceToken, response.Subject)
			wantCode(t, err, oauth.TemporarilyUnavailable)

			_, err = f.Inspector.Bearer(t.Context(), knownBearer)
			must(t, err)
			for _, text := range []string{knownLogin.AccessToken, knownLogin.RefreshToken} {
				found, err := f.Inspector.Introspect(t.Context(), f.Caller, text)
				if err != nil || !found.Active {
					t.Errorf("a token under a known key: active %v, %v", found.Active, err)
				}
			}
		}

		ring.Down.Store(false)
		_, err = f.Inspector.Bearer(t.Context(), bearer)
		must(t, err)
		known, err := f.Issuer.KnownDevice(t.Context(), response.DeviceToken, response.Subject)
		if err != nil || !known {
			t.Errorf("device token: known %v, %v", known, err)
		}
	})
}

// A token of a client that was registered a moment ago is active, although this
// server has not read the client yet.
func TestIntrospect_ClientThatWasNotReadYet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, other, _ := twoServers(t)
		resource := f.Register(t, client.Client{ID: api})
		young := other.Register(t, client.Client{ID: "young", Audiences: []string{api}})
		own, err := other.Issuer.ClientCredentials(t.Context(), young, issuer.CredentialsRequest{})
		must(t, err)
		response, err := other.Login(t.Context(), young, valid)
		must(t, err)
		for _, text := range []string{own.AccessToken, response.AccessToken} {
			found, err := f.Inspector.Introspect(t.Context(), resource, text)
			if err != nil || !found.Active {
				t.Errorf("active %v, %v", found.Active, err)
			}
		}
		must(t, f.Admin.DeleteClient(t.Context(), operator, "young"))
		must(t, f.Registry.Poll(t.Context()))
		found, err := f.Inspector.Introspect(t.Context(), resource, own.AccessToken)
		if err != nil || found.Active {
			t.Errorf("after the deletion: active %v, %v", found.Active, err)
		}
	})
}
