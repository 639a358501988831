package cli

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/signetd/signet/internal/admin"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/privatefile"
)

// clientFlags are the flags of `clients create` and `clients update`.
type clientFlags struct {
	flags           *pflag.FlagSet
	name            string
	audiences       []string
	introspect      []string
	scope           []string
	refreshIdle     time.Duration
	refreshAbsolute time.Duration
	leeway          time.Duration
	retryWindow     time.Duration
	grantsPerUser   int
	mintSubjects    bool
	certSANs        []string
	jwks            string
	corsOrigins     []string
	browser         browserFlags
}

func newClientFlags(c *cobra.Command) *clientFlags {
	f := &clientFlags{flags: c.Flags()}
	f.flags.StringVar(&f.name, "name", "", "a display name")
	f.flags.StringArrayVar(&f.audiences, "audience", nil,
		"an `AUDIENCE` that the client may request; the first is its default (repeatable)")
	f.flags.StringArrayVar(&f.introspect, "introspect", nil,
		"an `AUDIENCE` whose access tokens the client may introspect (repeatable)")
	f.flags.StringArrayVar(&f.scope, "scope", nil,
		"a `SCOPE` that the client may request; without a request it gets all (repeatable)")
	f.flags.DurationVar(&f.refreshIdle, "refresh-idle", 0,
		"the time without a refresh after which a grant expires; 0 is the issuer's default")
	f.flags.DurationVar(&f.refreshAbsolute, "refresh-absolute", 0,
		"the time after the login when a grant expires; 0 is the issuer's default")
	f.flags.DurationVar(&f.leeway, "leeway", 0,
		"how long the previous refresh token stays valid for concurrent refreshes, 0s to 60s (default the issuer's)")
	f.flags.DurationVar(&f.retryWindow, "retry-window", 0,
		"how long a retry with the same idempotency key gets the same response, 0s to 24h (default the idle lifetime)")
	f.flags.IntVar(&f.grantsPerUser, "grants-per-user", 0,
		"the maximum `NUMBER` of live grants of one user, up to 10000; 0 is no limit (default the issuer's)")
	f.flags.BoolVar(&f.mintSubjects, "mint-subjects", false,
		"allow the client to mint tokens for subjects that it authenticates itself")
	f.flags.StringArrayVar(&f.certSANs, "cert-san", nil,
		"a `NAME` of the client's certificate: dns:HOST, uri:URI, email:ADDRESS or ip:ADDRESS (repeatable)")
	f.flags.StringVar(&f.jwks, "jwks", "",
		"the client's public keys, a `FILE` with a JWK Set: it authenticates with private_key_jwt, over HTTP")
	f.flags.StringArrayVar(&f.corsOrigins, "cors-origin", nil,
		"the `ORIGIN` of pages that may refresh and revoke as this public client, without cookies (repeatable)")
	f.browser.add(f.flags)
	return f
}

// edit returns a function that sets the fields whose flags are given.
func (f *clientFlags) edit() (func(*client.Client), error) {
	scope, err := parseScope(f.scope)
	if err != nil {
		return nil, err
	}
	keys, err := f.keys()
	if err != nil {
		return nil, err
	}
	return func(c *client.Client) {
		setIfGiven(f.flags, "name", &c.Name, f.name)
		setIfGiven(f.flags, "audience", &c.Audiences, nonEmpty(f.audiences))
		setIfGiven(f.flags, "introspect", &c.IntrospectAudiences, nonEmpty(f.introspect))
		setIfGiven(f.flags, "scope", &c.Scope, scope)
		setIfGiven(f.flags, "refresh-idle", &c.RefreshIdle, f.refreshIdle)
		setIfGiven(f.flags, "refresh-absolute", &c.RefreshAbsolute, f.refreshAbsolute)
		leeway, retryWindow, grantsPerUser := f.leeway, f.retryWindow, f.grantsPerUser
		setIfGiven(f.flags, "leeway", &c.Leeway, &leeway)
		setIfGiven(f.flags, "retry-window", &c.RetryWindow, &retryWindow)
		setIfGiven(f.flags, "grants-per-user", &c.GrantsPerUser, &grantsPerUser)
		setIfGiven(f.flags, "mint-subjects", &c.MintSubjects, f.mintSubjects)
		setIfGiven(f.flags, "cert-san", &c.CertSANs, nonEmpty(f.certSANs))
		setIfGiven(f.flags, "jwks", &c.Keys, keys)
		setIfGiven(f.flags, "cors-origin", &c.CORSOrigins, nonEmpty(f.corsOrigins))
		f.browser.edit(f.flags, c)
	}, nil
}

// keys reads the JWK Set that --jwks names. An empty --jwks removes the keys.
func (f *clientFlags) keys() ([]client.Key, error) {
	if f.jwks == "" {
		return nil, nil
	}
	text, err := os.ReadFile(f.jwks)
	if err != nil {
		return nil, err
	}
	if text, err = privatefile.Text(text); err != nil {
		return nil, fmt.Errorf("%s %w", f.jwks, err)
	}
	keys, err := admin.ReadClientKeys(text)
	return keys, wrapError(f.jwks, err)
}
