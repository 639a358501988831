package issuertest

import (
	"context"
	"testing"
	"time"

	"github.com/signetd/signet/internal/app/components"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/issuer"
	"github.com/signetd/signet/internal/oauth"
)

// The records of a GatewaySetup.
const (
	API      = "https://api.example"
	Username = "ada"
	Password = "correct horse battery staple"
)

// GatewaySetup returns a setup with one audience, one confidential client and
// one user.
func GatewaySetup() *Setup {
	return &Setup{
		Audiences: []client.Audience{{ID: API}},
		Clients: []client.Client{
			{ID: "gateway", Audiences: []string{API}, Scope: oauth.NewScope("read", "write")},
		},
		Users: []User{{Name: Username, Password: Password}},
	}
}

// A Gateway is a fixture of a GatewaySetup, and the client that calls it.
type Gateway struct {
	*Fixture
	Caller client.Caller
}

// NewGateway returns a Gateway on a copy of the setup's store. edit changes the
// options of its components.
func NewGateway(t testing.TB, setup *Setup, edit ...func(*components.Options)) *Gateway {
	t.Helper()
	f := New(t, setup, edit...)
	return &Gateway{Fixture: f, Caller: f.Caller(t, "gateway")}
}

// MustLogin logs the user in.
func (g *Gateway) MustLogin(t testing.TB) *issuer.TokenResponse {
	t.Helper()
	r, err := g.Login(t.Context(), g.Caller, LoginRequest{Username: Username, Password: Password})
	must(t, err)
	return r
}

// Refresh exchanges a refresh token. The idempotency key may be empty.
func (g *Gateway) Refresh(ctx context.Context, refreshToken, key string) (*issuer.TokenResponse, error) {
	return g.Issuer.Refresh(ctx, g.Caller, issuer.RefreshRequest{RefreshToken: refreshToken, IdempotencyKey: key})
}

// MustRefresh exchanges a refresh token that must be valid.
func (g *Gateway) MustRefresh(t testing.TB, refreshToken, key string) *issuer.TokenResponse {
	t.Helper()
	r, err := g.Refresh(t.Context(), refreshToken, key)
	must(t, err)
	return r
}

// UpdateAudience changes the audience of the setup.
func (g *Gateway) UpdateAudience(t testing.TB, edit func(*client.Audience)) {
	t.Helper()
	must(t, g.Admin.UpdateAudience(t.Context(), Operator, API, edit))
	must(t, g.Registry.Poll(t.Context()))
}

// Sleep sleeps and then polls, as the loops of a server do. A test in a
// synctest bubble calls it to let time pass.
func (f *Fixture) Sleep(t testing.TB, d time.Duration) {
	t.Helper()
	time.Sleep(d)
	must(t, f.Registry.Poll(t.Context()))
	must(t, f.Keys.Poll(t.Context()))
}
