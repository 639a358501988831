package issuer_test

import (
	"testing"
	"time"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/oauth"
)

// A token in the client's own name is for all audiences at once, needs no store, and has no grant.
func TestClientCredentials(t *testing.T) {
	h := newHouse(t)
	public := h.client(t, client.Client{ID: "spa", Public: true, Audiences: []string{api}})
	bare := h.client(t, client.Client{ID: "bare"})
	must(t, h.store.Close())
	answer, err := h.ClientCredentials(t.Context(), h.caller, issuer.CredentialsRequest{Scope: "read"})
	must(t, err)
	if answer.Subject != "gateway" || answer.RefreshToken != "" || answer.GrantID != (oauth.GrantID{}) ||
		answer.ExpiresIn != 10*time.Minute || answer.Scope.String() != "read" {
		t.Errorf("%+v", answer)
	}
	found, err := h.Introspect(t.Context(), h.caller, answer.AccessToken)
	must(t, err)
	if !found.Active || found.Subject != "gateway" || found.GrantID != "" || !found.AuthTime.IsZero() {
		t.Errorf("%+v", found)
	}
	for name, c := range map[string]struct {
		caller  issuer.Caller
		request issuer.CredentialsRequest
		code    oauth.Code
	}{
		"public":              {public, issuer.CredentialsRequest{}, oauth.UnauthorizedClient},
		"without an audience": {bare, issuer.CredentialsRequest{}, oauth.InvalidTarget},
		"another's audience":  {h.caller, issuer.CredentialsRequest{Audience: []string{"x"}}, oauth.InvalidTarget},
		"more scope":          {h.caller, issuer.CredentialsRequest{Scope: "admin"}, oauth.InvalidScope},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := h.ClientCredentials(t.Context(), c.caller, c.request)
			wantCode(t, err, c.code)
		})
	}
}
