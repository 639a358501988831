package apply

import (
	"go.yaml.in/yaml/v3"

	"github.com/signetd/signet/internal/client"
)

var audiences = kind[client.Audience]{
	name:   "audience",
	id:     func(a client.Audience) string { return a.ID },
	fields: audienceFields,
}

var audienceFields = []field[client.Audience]{
	{
		"id",
		func(r *reader, n *yaml.Node, to *anAudience) { to.value.ID = r.text(n) },
		func(a client.Audience) any { return a.ID },
	},
	{
		"alg",
		func(r *reader, n *yaml.Node, to *anAudience) { to.value.Algorithm = r.text(n) },
		func(a client.Audience) any { return a.Algorithm },
	},
	{
		"lifetime",
		func(r *reader, n *yaml.Node, to *anAudience) { to.value.Lifetime = r.duration(n) },
		func(a client.Audience) any { return duration(a.Lifetime) },
	},
	{
		"scope",
		func(r *reader, n *yaml.Node, to *anAudience) { to.value.Scope = r.scope(n) },
		func(a client.Audience) any { return text(a.Scope.String()) },
	},
	{
		"claims",
		func(r *reader, n *yaml.Node, to *anAudience) { to.value.Claims = r.list(n) },
		func(a client.Audience) any { return list(a.Claims) },
	},
	{
		"repeat_tokens",
		func(r *reader, n *yaml.Node, to *anAudience) { to.value.ReuseTokens = r.flag(n) },
		func(a client.Audience) any { return flag(a.ReuseTokens) },
	},
	{
		"disabled",
		func(r *reader, n *yaml.Node, to *anAudience) { to.disabled = r.flag(n) },
		func(a client.Audience) any { return flag(!a.DisabledAt.IsZero()) },
	},
}
