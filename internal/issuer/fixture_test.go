package issuer_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signetd/signet/internal/app/components"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/issuertest"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/token"
)

const (
	api       = issuertest.API
	username  = issuertest.Username
	rightWord = issuertest.Password
)

var (
	setup    = issuertest.GatewaySetup()
	operator = issuertest.Operator
	// valid is a login of the setup's user.
	valid = issuertest.LoginRequest{Username: username, Password: rightWord}
)

// A fixture is an issuer whose tokens are counted.
type fixture struct {
	*issuertest.Gateway
	// signed is how many tokens were signed, reused how many came from the
	// cache.
	signed, reused atomic.Int64
}

func newFixture(t testing.TB) *fixture {
	t.Helper()
	f := &fixture{}
	f.Gateway = issuertest.NewGateway(t, setup, func(o *components.Options) {
		o.Observer.Issued = func(string, string) { f.signed.Add(1) }
		o.Observer.IssuedFromCache = func(string, string) { f.reused.Add(1) }
	})
	return f
}

// inBubble runs a test in a synctest bubble, where time passes only while the
// test sleeps.
func inBubble(t *testing.T, test func(t *testing.T, f *fixture)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, newFixture(t)) })
}

// read verifies an access token and returns its claims.
func (f *fixture) read(t *testing.T, accessToken string) token.Access {
	t.Helper()
	verifier := token.Verifier{Issuer: identifier, Keys: f.Keys, Now: time.Now}
	access, err := verifier.Access(t.Context(), accessToken)
	must(t, err)
	return access
}

// mintOwn mints a token in the caller's own name.
func (f *fixture) mintOwn(t testing.TB, caller client.Caller, scope string) issuer.MintedToken {
	t.Helper()
	response, err := f.Issuer.Mint(t.Context(), caller, issuer.MintRequest{Scope: scope})
	must(t, err)
	return response.Tokens[0]
}

// credentials returns a token in the gateway's own name for all of the
// audiences.
func (f *fixture) credentials(t *testing.T, audience ...string) string {
	t.Helper()
	response, err := f.Issuer.ClientCredentials(t.Context(), f.Caller, issuer.CredentialsRequest{Audience: audience})
	must(t, err)
	return response.AccessToken
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantCode(t *testing.T, err error, code oauth.Code) {
	t.Helper()
	if !errors.Is(err, code) {
		t.Fatalf("got %v, want %s", err, code)
	}
}
