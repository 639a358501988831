package issuer_test

import (
	"testing"
	"time"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/oauth"
)

// A token in the client's own name is for all audiences at once, needs no
// store, and has no grant.
func TestClientCredentials(t *testing.T) {
	f := newFixture(t)
	public := f.Register(t, client.Client{ID: "spa", Public: true, Audiences: []string{api}})
	bare := f.Register(t, client.Client{ID: "bare"})
	must(t, f.Store.Close())
	response, err := f.Issuer.ClientCredentials(t.Context(), f.Caller, issuer.CredentialsRequest{Scope: "read"})
	must(t, err)
	if response.Subject != "gateway" || response.RefreshToken != "" || response.GrantID != (oauth.GrantID{}) ||
		response.ExpiresIn != 10*time.Minute || response.Scope.String() != "read" {
		t.Errorf("%+v", response)
	}
	found, err := f.Inspector.Introspect(t.Context(), f.Caller, response.AccessToken)
	must(t, err)
	if !found.Active || found.Subject != "gateway" || found.GrantID != "" || !found.AuthTime.IsZero() {
		t.Errorf("%+v", found)
	}

	for name, c := range map[string]struct {
		caller  client.Caller
		request issuer.CredentialsRequest
		code    oauth.Code
	}{
		"public":              {public, issuer.CredentialsRequest{}, oauth.UnauthorizedClient},
		"without an audience": {bare, issuer.CredentialsRequest{}, oauth.InvalidTarget},
		"another's audience":  {f.Caller, issuer.CredentialsRequest{Audience: []string{"x"}}, oauth.InvalidTarget},
		"more scope":          {f.Caller, issuer.CredentialsRequest{Scope: "admin"}, oauth.InvalidScope},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := f.Issuer.ClientCredentials(t.Context(), c.caller, c.request)
			wantCode(t, err, c.code)
		})
	}
}
