package app

import (
	"context"
	"crypto/rand"
	"path/filepath"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/keys"
)

// Demo is the content of dev.json: what a client needs to log in to the demo of
// `serve --dev`.
type Demo struct {
	Issuer       string `json:"issuer"`
	GRPC         string `json:"grpc"`
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
	Audience     string `json:"audience"`
	Username     string `json:"username"`
	Password     string `json:"password"`
	// BrowserAudience is the audience of the clients for the browser. It is
	// empty if they are not registered.
	BrowserAudience string `json:"browser_audience,omitempty"`
	// Gateway is the URL of the server for gateways, empty if there is none.
	Gateway string `json:"gateway,omitempty"`
}

// The names in the demo.
const (
	demoClient   = "demo-client"
	demoAudience = "demo-api"
	demoUser     = "demo"
)

// demoPath returns the path of dev.json.
func demoPath(dataDir string) string { return filepath.Join(dataDir, "dev.json") }

// ReadDemo reads dev.json in data_dir. Without that file it returns the zero
// Demo.
func ReadDemo(dataDir string) (d Demo, err error) {
	err = ReadJSON(demoPath(dataDir), &d)
	return d, err
}

// createDemo creates an audience, a client and a user with random secrets.
func (a *App) createDemo(ctx context.Context) (Demo, error) {
	by := a.Operator()
	demo := Demo{Audience: demoAudience, Username: demoUser, Password: rand.Text()}
	_, err := a.Admin.CreateAudience(ctx, by, client.Audience{ID: demo.Audience, Algorithm: keys.RS256})
	if err != nil {
		return demo, err
	}
	c, secret, err := a.Admin.CreateClient(ctx, by, client.Client{
		ID: demoClient, Name: "Demo client", Audiences: []string{demo.Audience},
		Scope: oauth.NewScope("read", "write"),
	}, "")
	if err != nil {
		return demo, err
	}
	demo.ClientID, demo.ClientSecret = c.ID, secret
	_, err = a.Admin.CreateUser(ctx, by, demo.Username, demo.Password, nil)
	return demo, err
}
