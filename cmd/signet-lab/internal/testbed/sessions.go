package testbed

import (
	"context"
	"io"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/signetd/signet/config"
	"github.com/signetd/signet/internal/app"
	"github.com/signetd/signet/internal/grant"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/internal/token"
)

const (
	// GatewayAddress is where the issuer of StartGatewayIssuer answers
	// gateways.
	GatewayAddress = "127.0.0.1:18082"
	// BrowserOrigin is the origin of the application in the browser.
	BrowserOrigin = "https://app.example"
	// BrowserClient is the client of that application.
	BrowserClient = "lab-session"
)

// StartGatewayIssuer starts an issuer that answers gateways, on the store of i.
// It creates the client of an application in the browser whose logins are
// session cookies.
func (b *Testbed) StartGatewayIssuer(ctx context.Context, name string, i *Issuer) (*Issuer, error) {
	_, err := b.run(ctx, b.environment(name, i.StoreURL), "", "clients", "create", BrowserClient,
		"--public", "--browser", "session", "--origin", BrowserOrigin, "--audience", audienceEdDSA)
	if err != nil {
		return nil, err
	}
	return b.StartSecondIssuer(ctx, name, i, "SIGNET_GATEWAY_ADDRESS="+GatewayAddress)
}

// CreateSessions stores n grants of the application in the browser, and returns
// their session tokens. It does not log in, because each login costs a password
// hash.
func (b *Testbed) CreateSessions(ctx context.Context, name string, i *Issuer, n int) ([]string, error) {
	cfg, err := config.Load(config.Sources{Env: b.environment(name, i.StoreURL)})
	if err != nil {
		return nil, err
	}
	a, err := app.OpenForOperator(ctx, cfg, io.Discard)
	if err != nil {
		return nil, err
	}
	defer a.Close() //nolint:errcheck // every grant has been stored
	if err := a.OpenKeys(ctx); err != nil {
		return nil, err
	}
	mac, secret, err := a.Keys.CurrentMAC()
	if err != nil {
		return nil, err
	}

	tokens := make([]string, n)
	creations, ctx := errgroup.WithContext(ctx)
	creations.SetLimit(64)
	for n := range tokens {
		creations.Go(func() (err error) {
			handle := token.NewHandle()
			if tokens[n], err = (token.Session{KeyID: mac, Handle: handle}).Encode(secret); err != nil {
				return err
			}
			_, err = a.Store.MintGrant(ctx, sessionGrant(handle.GrantID(), mac, a.Now()))
			return err
		})
	}
	return tokens, creations.Wait()
}

// sessionGrant returns a grant as a login of the application creates it.
func sessionGrant(id oauth.GrantID, mac string, now time.Time) grant.Grant {
	return grant.Grant{
		ID: id, UserID: "lab-" + id.String(), ClientID: BrowserClient, MACKey: mac, CreatedAt: now, RotatedAt: now,
		IdleLifetime: 24 * time.Hour, ExpiresAt: now.Add(30 * 24 * time.Hour), AuthTime: now,
		AMR: []string{oauth.AMRPassword}, Audience: []string{audienceEdDSA},
	}
}
