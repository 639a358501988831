package issuer_test

import (
	"context"
	"testing"
	"time"

	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/revocation"
	"github.com/signetd/signet/internal/token"
)

// The time that a signature waits for a place, and that the store takes to read
// a user or, after its decision, to answer a refresh.
const (
	placeWait = 2 * time.Second
	storeWait = time.Second
)

// momentCases are the requests for a token, and when the moment of the token
// is, after the arrival of the request.
var momentCases = map[string]struct {
	request func(ctx context.Context, f *flaky, in *issuer.TokenResponse) (accessToken string, err error)
	moment  time.Duration
}{
	"refresh": {func(ctx context.Context, f *flaky, in *issuer.TokenResponse) (string, error) {
		return accessToken(f.Refresh(ctx, in.RefreshToken, ""))
	}, placeWait - grant.MaxCommitTime},
	"refresh with a scope": {func(ctx context.Context, f *flaky, in *issuer.TokenResponse) (string, error) {
		return accessToken(f.Issuer.Refresh(ctx, f.Caller, issuer.RefreshRequest{
			RefreshToken: in.RefreshToken, Scope: "read",
		}))
	}, placeWait - grant.MaxCommitTime},
	"login": {func(ctx context.Context, f *flaky, _ *issuer.TokenResponse) (string, error) {
		return accessToken(f.Login(ctx, f.Caller, valid))
	}, 0},
	"client credentials": {func(ctx context.Context, f *flaky, _ *issuer.TokenResponse) (string, error) {
		return accessToken(f.Issuer.ClientCredentials(ctx, f.Caller, issuer.CredentialsRequest{}))
	}, 0},
	"mint": {func(ctx context.Context, f *flaky, _ *issuer.TokenResponse) (string, error) {
		return mint(ctx, f, issuer.MintRequest{})
	}, 0},
	"mint for a user": {func(ctx context.Context, f *flaky, in *issuer.TokenResponse) (string, error) {
		return mint(ctx, f, issuer.MintRequest{Subject: in.Subject})
	}, 0},
	// The store compares the epoch of the user, which was read before.
	"mint for a user with a grant": {func(ctx context.Context, f *flaky, in *issuer.TokenResponse) (string, error) {
		return mint(ctx, f, issuer.MintRequest{Subject: in.Subject, Refresh: true})
	}, storeWait},
	"mint for another subject": {func(ctx context.Context, f *flaky, _ *issuer.TokenResponse) (string, error) {
		return mint(ctx, f, issuer.MintRequest{Subject: "customer 7"})
	}, 0},
	"mint for another subject with a grant": {
		func(ctx context.Context, f *flaky, _ *issuer.TokenResponse) (string, error) {
			return mint(ctx, f, issuer.MintRequest{Subject: "customer 7", Refresh: true})
		}, 0,
	},
}

func accessToken(r *issuer.TokenResponse, err error) (string, error) {
	if err != nil {
		return "", err
	}
	return r.AccessToken, nil
}

func mint(ctx context.Context, f *flaky, r issuer.MintRequest) (string, error) {
	response, err := f.Issuer.Mint(ctx, f.Caller, r)
	if err != nil {
		return "", err
	}
	return response.Tokens[0].AccessToken, nil
}

func codeOf(err error) oauth.Code {
	if err == nil {
		return ""
	}
	return oauth.AsError(err).Code
}

// read verifies an access token and returns its claims.
func (f *flaky) read(t *testing.T, accessToken string) token.Access {
	t.Helper()
	verifier := token.Verifier{Issuer: identifier, Keys: f.Keys, Now: f.Registry.Now}
	access, err := verifier.Access(t.Context(), accessToken)
	must(t, err)
	return access
}

// The moment in a jti is before the store decides that the token may be issued,
// although the token is signed seconds later. So an entry of the revocation log
// that is written after the decision refuses the token.
func TestTokenID_HasTheMomentBeforeTheDecision(t *testing.T) {
	for name, c := range momentCases {
		t.Run(name, func(t *testing.T) {
			inFlakyBubble(t, func(t *testing.T, f *flaky) {
				in := f.login(t, api)
				_, release := f.takeAllPlaces(t)
				f.Sleep(t, time.Second+345*time.Microsecond)
				f.store.onRefresh = func(context.Context) error { time.Sleep(storeWait); return nil }
				f.store.onUser = func() error { time.Sleep(storeWait); return nil }
				arrived := f.Registry.Now()
				time.AfterFunc(placeWait, release)
				signed, err := c.request(t.Context(), f, in)
				must(t, err)

				access := f.read(t, signed)
				if access.IssuedAt.Before(arrived.Add(placeWait).Truncate(time.Second)) {
					t.Errorf("signed at %s, but the place was free %s after %s", access.IssuedAt, placeWait, arrived)
				}
				moment := revocation.MintedAt(access.ID, access.IssuedAt)
				if want := arrived.Add(c.moment).UnixMicro(); moment != want {
					t.Errorf("the moment is %d µs after the arrival, want %s", moment-arrived.UnixMicro(), c.moment)
				}
			})
		})
	}
}

// A cached token keeps the moment of the request for which it was made,
// although it is signed later and several callers get it.
func TestTokenID_OfACachedTokenHasTheMomentOfTheFirstRequest(t *testing.T) {
	inFlakyBubble(t, func(t *testing.T, f *flaky) {
		f.updateAudience(t, api, allowReuse)
		_, release := f.takeAllPlaces(t)
		f.Sleep(t, time.Second+345*time.Microsecond)
		arrived := f.Registry.Now()
		time.AfterFunc(placeWait, release)
		for range 2 {
			signed, err := mint(t.Context(), f, issuer.MintRequest{})
			must(t, err)
			access := f.read(t, signed)
			if moment := revocation.MintedAt(access.ID, access.IssuedAt); moment != arrived.UnixMicro() {
				t.Errorf("the moment is %d µs after the arrival", moment-arrived.UnixMicro())
			}
		}
	})
}

// A token that would be signed so late that verifiers would not use its moment
// is not signed.
func TestTokenID_IsNotSignedLongAfterItsMoment(t *testing.T) {
	inFlakyBubble(t, func(t *testing.T, f *flaky) {
		f.Run(t)
		for wait, code := range map[time.Duration]oauth.Code{
			40 * time.Second: "", 50 * time.Second: oauth.TemporarilyUnavailable,
		} {
			_, release := f.takeAllPlaces(t)
			time.AfterFunc(wait, release)
			_, err := f.Login(t.Context(), f.Caller, valid)
			if got := codeOf(err); got != code {
				t.Errorf("after %s: %v, want %q", wait, err, code)
			}
		}
	})
}
