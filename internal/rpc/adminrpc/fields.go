package adminrpc

import "github.com/signetd/signet/internal/client"

// clientFields set the fields of a client that an update can change, by their
// names in a mask.
var clientFields = map[string]func(to *client.Client, from client.Client){
	"name":             func(to *client.Client, from client.Client) { to.Name = from.Name },
	"audience":         func(to *client.Client, from client.Client) { to.Audiences = from.Audiences },
	"scope":            func(to *client.Client, from client.Client) { to.Scope = from.Scope },
	"refresh_idle":     func(to *client.Client, from client.Client) { to.RefreshIdle = from.RefreshIdle },
	"refresh_absolute": func(to *client.Client, from client.Client) { to.RefreshAbsolute = from.RefreshAbsolute },
	"leeway":           func(to *client.Client, from client.Client) { to.Leeway = from.Leeway },
	"retry_window":     func(to *client.Client, from client.Client) { to.RetryWindow = from.RetryWindow },
	"grants_per_user":  func(to *client.Client, from client.Client) { to.GrantsPerUser = from.GrantsPerUser },
	"mint_subjects":    func(to *client.Client, from client.Client) { to.MintSubjects = from.MintSubjects },
	"cert_san":         func(to *client.Client, from client.Client) { to.CertSANs = from.CertSANs },
	"jwks":             func(to *client.Client, from client.Client) { to.Keys = from.Keys },

	"browser.origin": func(to *client.Client, from client.Client) {
		browserOf(to).Origins = browserOf(&from).Origins
	},
	"browser.login_path": func(to *client.Client, from client.Client) {
		browserOf(to).LoginPath = browserOf(&from).LoginPath
	},
	"cors_origin": func(to *client.Client, from client.Client) { to.CORSOrigins = from.CORSOrigins },
	"introspect_audience": func(to *client.Client, from client.Client) {
		to.IntrospectAudiences = from.IntrospectAudiences
	},
}

// browserOf returns the application of a client in the browser. It sets one for
// any other client, which package admin refuses.
func browserOf(c *client.Client) *client.Browser {
	if c.Browser == nil {
		c.Browser = &client.Browser{}
	}
	return c.Browser
}

// audienceFields set the fields of an audience that an update can change, by
// their names in a mask.
var audienceFields = map[string]func(to *client.Audience, from client.Audience){
	"algorithm": func(to *client.Audience, from client.Audience) { to.Algorithm = from.Algorithm },
	"lifetime":  func(to *client.Audience, from client.Audience) { to.Lifetime = from.Lifetime },
	"scope":     func(to *client.Audience, from client.Audience) { to.Scope = from.Scope },
	"claims":    func(to *client.Audience, from client.Audience) { to.Claims = from.Claims },

	"repeat_tokens": func(to *client.Audience, from client.Audience) { to.ReuseTokens = from.ReuseTokens },
}
