package apply

import (
	"go.yaml.in/yaml/v3"

	"github.com/signetd/signet/internal/client"
)

var clients = kind[client.Client]{
	name:   "client",
	id:     func(c client.Client) string { return c.ID },
	fields: clientFields,
}

var clientFields = []field[client.Client]{
	{
		"id",
		func(r *reader, n *yaml.Node, to *aClient) { to.value.ID = r.text(n) },
		func(c client.Client) any { return c.ID },
	},
	{
		"name",
		func(r *reader, n *yaml.Node, to *aClient) { to.value.Name = r.text(n) },
		func(c client.Client) any { return text(c.Name) },
	},
	{
		"public",
		func(r *reader, n *yaml.Node, to *aClient) { to.value.Public = r.flag(n) },
		func(c client.Client) any { return flag(c.Public) },
	},
	{
		"audience",
		func(r *reader, n *yaml.Node, to *aClient) { to.value.Audiences = r.list(n) },
		func(c client.Client) any { return list(c.Audiences) },
	},
	{
		"scope",
		func(r *reader, n *yaml.Node, to *aClient) { to.value.Scope = r.scope(n) },
		func(c client.Client) any { return text(c.Scope.String()) },
	},
	{
		"introspect_audiences",
		func(r *reader, n *yaml.Node, to *aClient) { to.value.IntrospectAudiences = r.list(n) },
		func(c client.Client) any { return list(c.IntrospectAudiences) },
	},
	{
		"refresh_idle",
		func(r *reader, n *yaml.Node, to *aClient) { to.value.RefreshIdle = r.duration(n) },
		func(c client.Client) any { return duration(c.RefreshIdle) },
	},
	{
		"refresh_absolute",
		func(r *reader, n *yaml.Node, to *aClient) { to.value.RefreshAbsolute = r.duration(n) },
		func(c client.Client) any { return duration(c.RefreshAbsolute) },
	},
	{
		"leeway",
		func(r *reader, n *yaml.Node, to *aClient) { d := r.duration(n); to.value.Leeway = &d },
		func(c client.Client) any { return durationIf(c.Leeway) },
	},
	{
		"retry_window",
		func(r *reader, n *yaml.Node, to *aClient) { d := r.duration(n); to.value.RetryWindow = &d },
		func(c client.Client) any { return durationIf(c.RetryWindow) },
	},
	{
		"grants_per_user",
		func(r *reader, n *yaml.Node, to *aClient) { number := r.number(n); to.value.GrantsPerUser = &number },
		func(c client.Client) any { return numberIf(c.GrantsPerUser) },
	},
	{
		"mint_subjects",
		func(r *reader, n *yaml.Node, to *aClient) { to.value.MintSubjects = r.flag(n) },
		func(c client.Client) any { return flag(c.MintSubjects) },
	},
	{
		"cert_sans",
		func(r *reader, n *yaml.Node, to *aClient) { to.value.CertSANs = r.list(n) },
		func(c client.Client) any { return list(c.CertSANs) },
	},
	{"jwks", readJWKS, keysOf},
	{"jwks_file", readJWKSFile, nil},
	{"secret_file", func(r *reader, n *yaml.Node, to *aClient) { to.secretFile = r.path(n) }, nil},
	{"browser", readBrowser, nil},
	{"browser.way", nil, browserValue(func(c client.Client) any { return text(string(c.Way())) })},
	{"browser.origins", nil, browserValue(func(c client.Client) any { return list(c.Browser.Origins) })},
	{"browser.login_path", nil, browserValue(func(c client.Client) any { return text(c.LoginPath()) })},
	{
		"cors_origins",
		func(r *reader, n *yaml.Node, to *aClient) { to.value.CORSOrigins = r.list(n) },
		func(c client.Client) any { return list(c.CORSOrigins) },
	},
	{
		"disabled",
		func(r *reader, n *yaml.Node, to *aClient) { to.disabled = r.flag(n) },
		func(c client.Client) any { return flag(!c.DisabledAt.IsZero()) },
	},
}

// readBrowser reads an application in the browser.
func readBrowser(r *reader, n *yaml.Node, to *aClient) {
	b := &client.Browser{}
	to.value.Browser = b
	r.mapping(n, "browser", map[string]func(*yaml.Node){
		"way":        func(n *yaml.Node) { b.Way = client.Way(r.text(n)) },
		"origins":    func(n *yaml.Node) { b.Origins = r.list(n) },
		"login_path": func(n *yaml.Node) { b.LoginPath = r.text(n) },
	}, []string{"way", "origins", "login_path"})
}

// browserValue returns the value of a client in the browser, and nil for any
// other client.
func browserValue(value func(client.Client) any) func(client.Client) any {
	return func(c client.Client) any {
		if c.Browser == nil {
			return nil
		}
		return value(c)
	}
}
