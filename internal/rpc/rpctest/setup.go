package rpctest

import (
	"time"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/issuertest"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/keys"
)

const (
	// Issuer is the issuer identifier, and the audience of administrators.
	Issuer = "https://id.example.org"
	// Username is the name of the only user.
	Username = "ada"
	// Password is the password of the only user.
	Password = "correct horse battery staple"
	// Leeway is how long a rotated refresh token is accepted.
	Leeway = 10 * time.Second
)

// setup is the store of every fixture.
//
// The clients web, other and mesh are confidential; mesh may mint tokens for
// subjects. The client spa is public. The client ops may administer. The client
// kiosk has the scope and the audience too, but is public.
var setup = &issuertest.Setup{
	Issuer: Issuer,
	Audiences: []client.Audience{
		{ID: "api", Algorithm: keys.RS256},
		{ID: "api-es", Algorithm: keys.ES256, Lifetime: 5 * time.Minute},
		{ID: "api-ed", Algorithm: keys.EdDSA, Lifetime: time.Minute},
		{ID: "api-roles", Algorithm: keys.RS256, Scope: oauth.NewScope("read"), Claims: []string{"roles", "tenant"}},
		{ID: Issuer, Algorithm: keys.ES256, Scope: oauth.NewScope(client.AdminScope)},
	},
	Clients: []client.Client{
		apiClient(client.Client{ID: "web"}),
		apiClient(client.Client{ID: "other"}),
		apiClient(client.Client{ID: "spa", Public: true}),
		apiClient(client.Client{ID: "mesh", MintSubjects: true}),
		adminClient(client.Client{ID: "ops"}),
		adminClient(client.Client{ID: "kiosk", Public: true}),
	},
	Users: []issuertest.User{
		{Name: Username, Password: Password, Claims: map[string]any{"roles": []any{"admin", "dev"}, "team": "blue"}},
	},
}

func apiClient(c client.Client) client.Client {
	c.Audiences, c.Scope = []string{"api", "api-es", "api-ed", "api-roles"}, oauth.NewScope("read", "write")
	return c
}

func adminClient(c client.Client) client.Client {
	c.Audiences, c.Scope = []string{Issuer, "api-es"}, oauth.NewScope(client.AdminScope, "read")
	return c
}
