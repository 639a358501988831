package grant_test

import (
	"errors"
	"testing"

	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/issuertest"
	"github.com/signetd/signet/internal/oauth"
)

// Rule 31: a refresh after an acknowledged revocation is refused, whichever
// token of the grant was revoked.
func TestRule31_RevokedStaysRevoked(t *testing.T) {
	for name, choose := range map[string]func(first, second *issuer.TokenResponse) string{
		"by the refresh token":         func(_, second *issuer.TokenResponse) string { return second.RefreshToken },
		"by a superseded token":        func(first, _ *issuer.TokenResponse) string { return first.RefreshToken },
		"by the access token":          func(_, second *issuer.TokenResponse) string { return second.AccessToken },
		"by the previous access token": func(first, _ *issuer.TokenResponse) string { return first.AccessToken },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			first := f.MustLogin(t)
			second := f.MustRefresh(t, first.RefreshToken, "")
			must(t, f.Grants.RevokeToken(t.Context(), f.Caller, choose(first, second)))
			for _, text := range []string{first.RefreshToken, second.RefreshToken} {
				_, err := f.Refresh(t.Context(), text, "")
				wantCode(t, err, oauth.InvalidGrant)
			}
			for _, text := range []string{second.AccessToken, second.RefreshToken} {
				if found, err := f.Inspector.Introspect(t.Context(), f.Caller, text); err != nil || found.Active {
					t.Errorf("introspection: %v, %v", found, err)
				}
			}

			must(t, f.Grants.RevokeToken(t.Context(), f.Caller, second.RefreshToken))
			last := f.Events.Last()
			if n := f.Events.Count(audit.GrantRevoked); n != 2 || last.Count != 0 {
				t.Errorf("%d events, the last is %+v; want 2 events, the second with count 0", n, last)
			}
		})
	}
}

// Rule 31: an acknowledged revocation is in the audit log, because a restored
// store is corrected by the log. If the event cannot be written, the revocation
// is refused. The caller then tries again, although the grant is revoked.
func TestRule31_AcknowledgedRevocationIsInTheAuditLog(t *testing.T) {
	for name, revoke := range map[string]func(*issuertest.Gateway, *issuer.TokenResponse) error{
		"by a token": func(f *issuertest.Gateway, r *issuer.TokenResponse) error {
			return f.Grants.RevokeToken(t.Context(), f.Caller, r.RefreshToken)
		},
		"by the id": func(f *issuertest.Gateway, r *issuer.TokenResponse) error {
			return f.Grants.Revoke(t.Context(), f.Caller, r.GrantID.String())
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			response := f.MustLogin(t)
			f.Events.FailWith(errors.New("disk full"))
			wantCode(t, revoke(f, response), oauth.TemporarilyUnavailable)
			f.Events.FailWith(nil)
			f.Events.Reset()
			must(t, revoke(f, response))
			if n := f.Events.Count(audit.GrantRevoked); n != 1 || f.Events.All()[0].Grant != response.GrantID.String() {
				t.Errorf("the log has %+v", f.Events.All())
			}
		})
	}
}

// Rule 32: the revocation of an unknown token is a success. A revocation that
// the store did not answer is an error.
func TestRule32_RevokeWithoutStoreIsAnError(t *testing.T) {
	f := newFixture(t)
	response := f.MustLogin(t)
	for _, unknown := range []string{
		"", "x", "sgr_", "a.b.c", response.RefreshToken + "A", response.AccessToken + "A",
	} {
		must(t, f.Grants.RevokeToken(t.Context(), f.Caller, unknown))
	}
	must(t, f.Store.Close())
	for _, text := range []string{response.RefreshToken, response.AccessToken} {
		wantCode(t, f.Grants.RevokeToken(t.Context(), f.Caller, text), oauth.TemporarilyUnavailable)
	}
}

// Rule 33: the revocation of another client's token is a success, and the token
// stays valid.
func TestRule33_OtherClientDoesNotRevokeTheToken(t *testing.T) {
	f := newFixture(t)
	response := f.MustLogin(t)
	thief := f.Register(t, client.Client{ID: "thief", Audiences: []string{api}})
	must(t, f.Grants.RevokeToken(t.Context(), thief, response.RefreshToken))
	must(t, f.Grants.RevokeToken(t.Context(), thief, response.AccessToken))
	f.MustRefresh(t, response.RefreshToken, "")
}
