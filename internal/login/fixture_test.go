package login_test

import (
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"

	"github.com/signetd/signet/internal/app/components"
	"github.com/signetd/signet/internal/audit"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/issuertest"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/password"
)

// The user of the setups, and a new password.
const (
	username    = issuertest.Username
	rightWord   = issuertest.Password
	newPassword = "six purple umbrellas sing"
)

var (
	setup = issuertest.GatewaySetup()
	// realCost hashes passwords at the cost of production. It is for tests that
	// depend on the time of a hash, or on the stored parameters.
	realCost = realCostSetup()
)

func realCostSetup() *issuertest.Setup {
	s := issuertest.GatewaySetup()
	s.Params = password.MinParams()
	return s
}

// The logins of the setups' user.
var (
	valid   = issuertest.LoginRequest{Username: username, Password: rightWord}
	invalid = issuertest.LoginRequest{Username: username, Password: "wrong"}
)

// success is the result of an attempt that was accepted.
const success = "success"

// burst is how many attempts at an account may fail at once.
const burst = 13

// maxLogins is how many logins to an account may succeed at once.
const maxLogins = 240

// A fixture is an issuer at whose accounts a test attempts logins.
type fixture struct{ *issuertest.Gateway }

func newFixture(t testing.TB, edit ...func(*components.Options)) *fixture {
	t.Helper()
	return &fixture{issuertest.NewGateway(t, setup, edit...)}
}

func newRealCostFixture(t testing.TB) *fixture {
	t.Helper()
	return &fixture{issuertest.NewGateway(t, realCost)}
}

// inBubble runs a test in a synctest bubble, where time passes only while the
// test sleeps.
func inBubble(t *testing.T, test func(t *testing.T, f *fixture)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, newFixture(t)) })
}

// publicClient registers a public client. It returns the caller of that client
// for an address.
func (f *fixture) publicClient(t *testing.T) func(address string) client.Caller {
	t.Helper()
	caller := f.Register(t, client.Client{ID: "spa", Public: true, Audiences: []string{issuertest.API}})
	return func(address string) client.Caller {
		caller.Address = netip.MustParseAddr(address)
		return caller
	}
}

// attempt attempts a login and returns success, or the reason of the refusal.
func (f *fixture) attempt(t *testing.T, caller client.Caller, r issuertest.LoginRequest) string {
	t.Helper()
	_, err := f.Login(t.Context(), caller, r)
	if err == nil {
		return success
	}
	last := f.Events.Last()
	want := oauth.InvalidGrant
	if last.Reason == audit.ThrottledAddress || last.Reason == audit.ThrottledLogins {
		want = oauth.SlowDown
	}
	if !errors.Is(err, want) || last.Name != audit.LoginFailed || !last.Failed {
		t.Fatalf("%v, and the last event is %+v", err, last)
	}
	return last.Reason
}

// want attempts a login and checks its result.
func (f *fixture) want(t *testing.T, caller client.Caller, r issuertest.LoginRequest, want string) {
	t.Helper()
	if got := f.attempt(t, caller, r); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// wantFailures attempts n logins with a wrong password and checks the reason of
// each refusal.
func (f *fixture) wantFailures(t *testing.T, n int, caller client.Caller, r issuertest.LoginRequest, want string) {
	t.Helper()
	r.Password = "wrong"
	for i := range n {
		if got := f.attempt(t, caller, r); got != want {
			t.Fatalf("attempt %d of %d: %s, want %s", i+1, n, got, want)
		}
	}
}

// hashes returns how many hashes were computed.
func (f *fixture) hashes() uint64 { return f.Passwords.Stats().Hashes }

func from(ip string) client.EndUser { return client.EndUser{IP: ip} }

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
