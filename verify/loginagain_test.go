package verify_test

import (
	"testing"
	"time"

	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/issuertest"
	"github.com/signetd/signet/verify"
)

// A user logs out everywhere, or everywhere except here, and logs in again
// within the same second. A verifier refuses the tokens of before, and accepts
// the new one and those of the grant that was kept.
func TestLogOutEverywhere_AndLogInWithinTheSameSecond(t *testing.T) {
	for name, keep := range map[string]bool{"everywhere": false, "everywhere except here": true} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				iss := newRealIssuer(t)
				start := time.Now().Truncate(time.Second).Add(time.Second)
				time.Sleep(time.Until(start))
				old, here := iss.MustLogin(t), iss.MustLogin(t)
				except, ofHere := "", verify.ErrRevoked
				if keep {
					except, ofHere = here.GrantID.String(), nil
				}

				time.Sleep(time.Millisecond)
				if _, err := iss.Grants.RevokeAll(t.Context(), iss.Caller, old.Subject, except); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Millisecond)
				again := iss.MustLogin(t)
				if time.Since(start) >= time.Second {
					t.Fatal("a second has passed")
				}

				time.Sleep(time.Second)
				want(t, iss.v, "the old token", old.AccessToken, verify.ErrRevoked)
				want(t, iss.v, "the token of here", here.AccessToken, ofHere)
				want(t, iss.v, "the new token", again.AccessToken, nil)
			})
		})
	}
}

// A verifier refuses the tokens of a disabled user. After the user was enabled
// again, it accepts the next token, and goes on refusing the old one.
func TestDisabledUser_OldTokenStaysRefused(t *testing.T) {
	bubble(t, func(t *testing.T) {
		iss := newRealIssuer(t)
		old := iss.MustLogin(t)
		if err := iss.Admin.DisableUser(t.Context(), issuertest.Operator, issuertest.Username); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		want(t, iss.v, "a disabled user", old.AccessToken, verify.ErrRevoked)

		time.Sleep(6 * time.Second)
		if err := iss.Admin.EnableUser(t.Context(), issuertest.Operator, issuertest.Username); err != nil {
			t.Fatal(err)
		}
		next := iss.MustRefresh(t, old.RefreshToken, "")
		want(t, iss.v, "the next token", next.AccessToken, nil)
		want(t, iss.v, "the old token", old.AccessToken, verify.ErrRevoked)
	})
}

// A verifier refuses the tokens of a disabled client within a second, also one
// that a server issues afterwards because it has not read the change yet.
func TestDisabledClient_TokensOfAServerThatHasNotReadIt(t *testing.T) {
	bubble(t, func(t *testing.T) {
		iss := newRealIssuer(t)
		behind := iss.Replica(t)
		old := iss.MustLogin(t)
		if err := iss.Admin.DisableClient(t.Context(), issuertest.Operator, "gateway"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		want(t, iss.v, "a token of before", old.AccessToken, verify.ErrRevoked)

		time.Sleep(3900 * time.Millisecond)
		late, err := behind.Issuer.Mint(t.Context(), iss.Caller, issuer.MintRequest{})
		if err != nil {
			t.Fatalf("the server has read the change: %v", err)
		}
		want(t, iss.v, "a token of afterwards", late.Tokens[0].AccessToken, verify.ErrRevoked)
	})
}
