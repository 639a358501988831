package grant_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetd/signet/internal/app/components"
	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/issuertest"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/revocation"
	"github.com/signetd/signet/keys"
)

// own returns an access token of the gateway in its own name, and its jti.
func own(t testing.TB, f *issuertest.Gateway) (text, id string) {
	t.Helper()
	r, err := f.Issuer.ClientCredentials(t.Context(), f.Caller, issuer.CredentialsRequest{})
	must(t, err)
	found, err := f.Inspector.Introspect(t.Context(), f.Caller, r.AccessToken)
	must(t, err)
	if !found.Active {
		t.Fatal("a new token is not active")
	}
	return r.AccessToken, found.TokenID
}

func active(t testing.TB, f *issuertest.Gateway, text string) bool {
	t.Helper()
	found, err := f.Inspector.Introspect(t.Context(), f.Caller, text)
	must(t, err)
	return found.Active
}

// entries returns the revocation log.
func entries(t testing.TB, f *issuertest.Fixture) []grant.LoggedRevocation {
	t.Helper()
	page, err := f.Store.Revocations(t.Context(), 0, 1000)
	must(t, err)
	return page.Entries
}

// Rule 31: an access token without a grant is revoked by its jti. The server
// refuses it when the call has returned. The event has what a replay needs.
func TestRule31_AccessTokenWithoutGrantIsRevoked(t *testing.T) {
	setup := issuertest.GatewaySetup()
	setup.Clients[0].MintSubjects = true
	for name, subject := range map[string]string{"own": "gateway", "of another subject": "customer 7"} {
		t.Run(name, func(t *testing.T) {
			f := issuertest.NewGateway(t, setup)
			request := issuer.MintRequest{}
			if subject != "gateway" {
				request.Subject = subject
			}
			minted, err := f.Issuer.Mint(t.Context(), f.Caller, request)
			must(t, err)
			text := minted.Tokens[0].AccessToken
			found, err := f.Inspector.Introspect(t.Context(), f.Caller, text)
			must(t, err)
			other, _ := own(t, f)

			must(t, f.Grants.RevokeToken(t.Context(), f.Caller, text))
			if active(t, f, text) || !active(t, f, other) {
				t.Error("the revoked token is active, or another one is not")
			}
			log := entries(t, f.Fixture)
			hash := revocation.Token.Hash(found.TokenID)
			if len(log) != 1 || log[0].Kind != revocation.Token || log[0].Entry.Hash != hash {
				t.Fatalf("the log has %+v", log)
			}
			if log[0].ExpiresAt.Before(found.ExpiresAt) {
				t.Errorf("the entry expires at %s, the token at %s", log[0].ExpiresAt, found.ExpiresAt)
			}
			want := audit.Event{
				Name: audit.TokenRevoked, Token: found.TokenID, Subject: subject, Reason: audit.RevokedByClient,
				Moment: time.UnixMicro(log[0].Entry.Before).UTC(), Actor: f.Caller.Actor(),
			}
			for range 2 { // the second time without another entry
				got := f.Events.Last()
				got.Time, got.Moment = time.Time{}, got.Moment.UTC()
				if got != want {
					t.Errorf("event %+v, want %+v", got, want)
				}
				must(t, f.Grants.RevokeToken(t.Context(), f.Caller, text))
			}
			if n := len(entries(t, f.Fixture)); n != 1 {
				t.Errorf("%d entries after the third call, want 1", n)
			}
		})
	}
}

// Rule 31: if the event of the revocation of a token cannot be written, the
// caller tries again, and then the event is written.
func TestRule31_RevocationOfATokenIsInTheAuditLog(t *testing.T) {
	f := newFixture(t)
	text, id := own(t, f)
	f.Events.FailWith(errors.New("disk full"))
	wantCode(t, f.Grants.RevokeToken(t.Context(), f.Caller, text), oauth.TemporarilyUnavailable)
	f.Events.FailWith(nil)
	f.Events.Reset()
	must(t, f.Grants.RevokeToken(t.Context(), f.Caller, text))
	if e := f.Events.Last(); f.Events.Count(audit.TokenRevoked) != 1 || e.Token != id || e.Moment.IsZero() {
		t.Errorf("the log has %+v", f.Events.All())
	}
}

// Rule 33: another client does not revoke a token without a grant.
// Rule 32: the revocation is an error if the store does not answer.
func TestRule33_OtherClientDoesNotRevokeATokenWithoutGrant(t *testing.T) {
	f := newFixture(t)
	text, _ := own(t, f)
	thief := f.Register(t, client.Client{ID: "thief", Audiences: []string{api}})
	must(t, f.Grants.RevokeToken(t.Context(), thief, text))
	if !active(t, f, text) || len(entries(t, f.Fixture)) != 0 {
		t.Error("the token is revoked")
	}
	must(t, f.Store.Close())
	wantCode(t, f.Grants.RevokeToken(t.Context(), f.Caller, text), oauth.TemporarilyUnavailable)
}

// A token of the token cache is revoked for all that have it, and a new one
// replaces it.
func TestRevokeToken_OfTheTokenCache(t *testing.T) {
	f := newFixture(t)
	f.UpdateAudience(t, func(a *client.Audience) { a.ReuseTokens = true })
	first, _ := own(t, f)
	if second, _ := own(t, f); second != first {
		t.Fatal("the token is not reused")
	}
	must(t, f.Grants.RevokeToken(t.Context(), f.Caller, first))
	if active(t, f, first) {
		t.Error("the revoked token is active")
	}
	next, _ := own(t, f) // which is active
	if again, _ := own(t, f); next == first || again != next {
		t.Error("the revoked token is reused, or the new one is not")
	}
}

// A token without a grant that has expired, or is under a compromised key,
// writes no entry: no verifier accepts it, and a thief of the key could fill
// the log. A token of a server whose clock is ahead writes one that is kept
// as long as the token lives.
func TestRevokeToken_OnlyTokensThatVerifiersAcceptWriteEntries(t *testing.T) {
	for name, c := range map[string]struct {
		before, after func(t *testing.T, f, other *issuertest.Fixture)
		written       bool
	}{
		"expired": {
			after: func(t *testing.T, f, _ *issuertest.Fixture) { f.Sleep(t, 11*time.Minute) },
		},
		"compromised key": {after: func(t *testing.T, f, _ *issuertest.Fixture) {
			s, err := f.Keys.Signer(keys.RS256)
			must(t, err)
			f.Compromise(t, s.KeyID)
		}},
		"a server 10 min ahead": {
			before:  func(t *testing.T, _, other *issuertest.Fixture) { other.Pass(t, 10*time.Minute) },
			written: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t)
				other := f.Replica(t)
				if c.before != nil {
					c.before(t, f.Fixture, other)
				}
				r, err := other.Issuer.ClientCredentials(t.Context(), f.Caller, issuer.CredentialsRequest{})
				must(t, err)
				if c.after != nil {
					c.after(t, f.Fixture, other)
				}
				f.Events.Reset()
				must(t, f.Grants.RevokeToken(t.Context(), f.Caller, r.AccessToken))

				var tokens []grant.LoggedRevocation
				for _, e := range entries(t, f.Fixture) {
					if e.Kind == revocation.Token {
						tokens = append(tokens, e)
					}
				}
				if !c.written {
					if len(tokens) != 0 || f.Events.Count(audit.TokenRevoked) != 0 {
						t.Errorf("the log has %+v", tokens)
					}
					return
				}
				issued := other.Registry.Now().Truncate(time.Second)
				if len(tokens) != 1 || tokens[0].Entry.Before < issued.UnixMicro() {
					t.Errorf("the log has %+v, and the token is issued at %s", tokens, issued)
				}
			})
		})
	}
}

// A client may add only so many entries to the revocation log. Above it, the
// client gets slow_down and when it may try again, and the token is not
// revoked. Nobody else is limited, nor is the end of a single grant.
func TestRevoke_EntriesOfAClientAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := issuertest.NewGateway(t, setup, func(o *components.Options) { o.Revocations.ClientPerHour = 3 })
		login, other := f.MustLogin(t), f.MustLogin(t)
		admin := f.Caller
		admin.Admin = true
		second := f.Register(t, client.Client{ID: "second", Audiences: []string{api}})

		for range 2 {
			text, _ := own(t, f)
			must(t, f.Grants.RevokeToken(t.Context(), f.Caller, text))
			must(t, f.Grants.RevokeToken(t.Context(), f.Caller, text)) // adds nothing
		}
		_, err := f.Grants.RevokeAll(t.Context(), f.Caller, "customer 7", "")
		must(t, err)
		text, _ := own(t, f)
		for name, revoke := range map[string]func(context.Context) error{
			"a token": func(ctx context.Context) error { return f.Grants.RevokeToken(ctx, f.Caller, text) },
			"all grants": func(ctx context.Context) error {
				_, err := f.Grants.RevokeAll(ctx, f.Caller, "customer 7", "")
				return err
			},
		} {
			err := revoke(t.Context())
			if e := oauth.AsError(err); e.Code != oauth.SlowDown || e.RetryAfter <= 0 || e.RetryAfter > 20*time.Minute {
				t.Errorf("%s: %v, want slow_down for at most 20m", name, err)
			}
		}
		if !active(t, f, text) {
			t.Error("the token of the refused revocation is revoked")
		}

		must(t, f.Grants.RevokeToken(t.Context(), f.Caller, login.RefreshToken))
		must(t, f.Grants.Revoke(t.Context(), f.Caller, other.GrantID.String()))
		_, err = f.Grants.RevokeAll(t.Context(), admin, "customer 7", "")
		must(t, err)
		_, err = f.Grants.RevokeAll(t.Context(), second, "customer 7", "")
		must(t, err)

		retry := oauth.AsError(f.Grants.RevokeToken(t.Context(), f.Caller, text)).RetryAfter
		f.Sleep(t, 4*time.Minute)
		wantCode(t, f.Grants.RevokeToken(t.Context(), f.Caller, text), oauth.SlowDown)
		f.Sleep(t, retry-4*time.Minute)
		text, _ = own(t, f)
		must(t, f.Grants.RevokeToken(t.Context(), f.Caller, text))
	})
}
