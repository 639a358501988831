package main

import (
	"context"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/signetd/signet/internal/admin"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
)

func (p *program) clientsCommand() *cobra.Command {
	return family("clients", "Create, list, change and delete the programs that ask for tokens",
		p.clientsCreate(), p.clientsList(), p.clientsShow(), p.clientsRotateSecret(), p.clientsUpdate(),
		p.verb("disable ID", "Refuse a client everywhere; its grants stay", "client", "disabled", operator.DisableClient),
		p.verb("enable ID", "Let a disabled client in again", "client", "enabled", operator.EnableClient),
		p.verb("delete ID", "Delete a client and revoke its grants", "client", "deleted", operator.DeleteClient),
	)
}

// clientView is a client as results show it. The secret is there once: when it is made.
type clientView struct {
	ID              string      `json:"id"`
	Secret          string      `json:"client_secret,omitempty"`
	Name            string      `json:"name,omitempty"`
	Public          bool        `json:"public"`
	Audiences       []string    `json:"audience"`
	Scope           string      `json:"scope"`
	RefreshIdle     string      `json:"refresh_idle,omitempty"`
	RefreshAbsolute string      `json:"refresh_absolute,omitempty"`
	Leeway          string      `json:"leeway,omitempty"`
	MintSubjects    bool        `json:"mint_subjects"`
	CertSANs        []string    `json:"cert_sans,omitempty"`
	Keys            []keyView   `json:"keys,omitempty"`
	SecretsMade     []time.Time `json:"secrets_created_at,omitempty"`
	DisabledAt      time.Time   `json:"disabled_at,omitzero"`
	CreatedAt       time.Time   `json:"created_at"`
}

// keyView is a client's public key.
type keyView struct {
	ID        string `json:"kid"`
	Algorithm string `json:"alg"`
}

func viewClient(c client.Client, secret string) clientView {
	v := clientView{
		ID: c.ID, Secret: secret, Name: c.Name, Public: c.Public, Audiences: append([]string{}, c.Audiences...), Scope: c.Scope.String(),
		RefreshIdle: lasting(c.RefreshIdle), RefreshAbsolute: lasting(c.RefreshAbsolute),
		MintSubjects: c.MintSubjects, CertSANs: c.CertSANs, DisabledAt: c.DisabledAt, CreatedAt: c.CreatedAt,
	}
	if c.Leeway != nil {
		v.Leeway = c.Leeway.String()
	}
	for _, k := range c.Keys {
		v.Keys = append(v.Keys, keyView{k.ID, k.Algorithm})
	}
	for _, s := range c.Secrets {
		v.SecretsMade = append(v.SecretsMade, s.CreatedAt)
	}
	return v
}

func (v clientView) print(w io.Writer) {
	made := make([]string, len(v.SecretsMade))
	for i, t := range v.SecretsMade {
		made[i] = when(t)
	}
	keys := make([]string, len(v.Keys))
	for i, k := range v.Keys {
		keys[i] = k.ID + " (" + k.Algorithm + ")"
	}
	sheet{
		{"id", v.ID},
		{"name", v.Name},
		{"kind", kindOf(v.Public)},
		{"audience", strings.Join(v.Audiences, " ")},
		{"scope", v.Scope},
		{"refresh idle", v.RefreshIdle},
		{"refresh absolute", v.RefreshAbsolute},
		{"leeway", v.Leeway},
		{"mints subjects", map[bool]string{true: "yes"}[v.MintSubjects]},
		{"certificate", strings.Join(v.CertSANs, " ")},
		{"keys", strings.Join(keys, " ")},
		{"secrets made", strings.Join(made, " ")},
		{"disabled", when(v.DisabledAt)},
		{"created", when(v.CreatedAt)},
		{"secret", v.Secret},
		{"", map[bool]string{true: "Keep the secret now: it is not shown again."}[v.Secret != ""]},
	}.print(w)
}

func kindOf(public bool) string {
	if public {
		return "public"
	}
	return "confidential"
}

// clientFlags are what create and update set.
type clientFlags struct {
	flags           *pflag.FlagSet
	name            string
	audiences       []string
	scope           []string
	refreshIdle     time.Duration
	refreshAbsolute time.Duration
	leeway          time.Duration
	mintSubjects    bool
	certSANs        []string
	jwks            string
}

func newClientFlags(c *cobra.Command) *clientFlags {
	f := &clientFlags{flags: c.Flags()}
	f.flags.StringVar(&f.name, "name", "", "a name for people")
	f.flags.StringArrayVar(&f.audiences, "audience", nil, "an `AUDIENCE` that the client may ask for; the first is its default (repeatable)")
	f.flags.StringArrayVar(&f.scope, "scope", nil, "the `SCOPE` that the client may ask for, and gets if it names none (repeatable)")
	f.flags.DurationVar(&f.refreshIdle, "refresh-idle", 0, "end a grant that was not refreshed for so long; 0 is the issuer's default")
	f.flags.DurationVar(&f.refreshAbsolute, "refresh-absolute", 0, "end a grant so long after the login; 0 is the issuer's default")
	f.flags.DurationVar(&f.leeway, "leeway", 0, "how long the token before last is still taken for a second tab's, 0s to 60s (default the issuer's)")
	f.flags.BoolVar(&f.mintSubjects, "mint-subjects", false, "let the client have tokens made for subjects that it authenticates itself")
	f.flags.StringArrayVar(&f.certSANs, "cert-san", nil, "a `NAME` of the client's certificate: dns:HOST, uri:URI, email:ADDRESS or ip:ADDRESS (repeatable)")
	f.flags.StringVar(&f.jwks, "jwks", "", "the client's public keys, a `FILE` with a JWK Set: it authenticates by private_key_jwt, over HTTP")
	return f
}

// keys reads the file that --jwks names; none takes the keys away.
func (f *clientFlags) keys() ([]client.Key, error) {
	if f.jwks == "" {
		return nil, nil
	}
	text, err := os.ReadFile(f.jwks)
	if err != nil {
		return nil, err
	}
	keys, err := admin.ReadClientKeys(text)
	return keys, about(f.jwks, err)
}

// edit returns what sets what the command line names.
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
		set(f.flags, "name", &c.Name, f.name)
		set(f.flags, "audience", &c.Audiences, nonEmpty(f.audiences))
		set(f.flags, "scope", &c.Scope, scope)
		set(f.flags, "refresh-idle", &c.RefreshIdle, f.refreshIdle)
		set(f.flags, "refresh-absolute", &c.RefreshAbsolute, f.refreshAbsolute)
		leeway := f.leeway
		set(f.flags, "leeway", &c.Leeway, &leeway)
		set(f.flags, "mint-subjects", &c.MintSubjects, f.mintSubjects)
		set(f.flags, "cert-san", &c.CertSANs, nonEmpty(f.certSANs))
		set(f.flags, "jwks", &c.Keys, keys)
	}, nil
}

func (p *program) clientsCreate() *cobra.Command {
	c := &cobra.Command{
		Use:   "create [ID]",
		Short: "Register a client; the secret of a confidential one is printed once",
		Args:  cobra.MaximumNArgs(1),
	}
	f := newClientFlags(c)
	public := c.Flags().Bool("public", false, "the client has no secret and identifies itself by its id")
	c.RunE = p.asOperator(func(ctx context.Context, o operator, args []string) error {
		edit, err := f.edit()
		if err != nil {
			return err
		}
		cl := client.Client{Public: *public}
		if len(args) == 1 {
			cl.ID = args[0]
		}
		edit(&cl)
		cl, secret, err := o.CreateClient(ctx, o.actor, cl)
		if err != nil {
			return about("client "+cl.ID, err)
		}
		v := viewClient(cl, secret)
		return p.show(v, v.print)
	})
	return c
}

func (p *program) clientsList() *cobra.Command {
	c := &cobra.Command{Use: "list", Short: "List the clients", Args: cobra.NoArgs}
	c.RunE = p.asOperator(func(ctx context.Context, o operator, _ []string) error {
		d, err := o.Directory(ctx)
		if err != nil {
			return err
		}
		clients, lines := []clientView{}, table{{"ID", "KIND", "STATE", "AUDIENCE", "SCOPE", "SECRETS", "CREATED"}}
		for _, x := range d.Clients {
			v := viewClient(x, "")
			clients = append(clients, v)
			lines = append(lines, []string{
				v.ID, kindOf(v.Public), stateOf(v.DisabledAt), strings.Join(v.Audiences, " "), v.Scope,
				strconv.Itoa(len(v.SecretsMade)), when(v.CreatedAt),
			})
		}
		return p.show(clients, lines.print)
	})
	return c
}

func (p *program) clientsShow() *cobra.Command {
	c := &cobra.Command{Use: "show ID", Short: "Show a client", Args: cobra.ExactArgs(1)}
	c.RunE = p.asOperator(func(ctx context.Context, o operator, args []string) error {
		return p.showClient(ctx, o, args[0], "")
	})
	return c
}

func (p *program) clientsRotateSecret() *cobra.Command {
	c := &cobra.Command{
		Use:   "rotate-secret ID",
		Short: "Give a client one more secret; the one before goes on working, the one before that stops",
		Args:  cobra.ExactArgs(1),
	}
	c.RunE = p.asOperator(func(ctx context.Context, o operator, args []string) error {
		secret, err := o.RotateSecret(ctx, o.actor, args[0])
		if err != nil {
			return about("client "+args[0], err)
		}
		return p.showClient(ctx, o, args[0], secret)
	})
	return c
}

func (p *program) clientsUpdate() *cobra.Command {
	c := &cobra.Command{Use: "update ID", Short: "Change what is named of a client, and leave the rest", Args: cobra.ExactArgs(1)}
	f := newClientFlags(c)
	c.RunE = p.asOperator(func(ctx context.Context, o operator, args []string) error {
		edit, err := f.edit()
		if err != nil {
			return err
		}
		if err := o.UpdateClient(ctx, o.actor, args[0], edit); err != nil {
			return about("client "+args[0], err)
		}
		return p.showClient(ctx, o, args[0], "")
	})
	return c
}

func (p *program) showClient(ctx context.Context, o operator, id, secret string) error {
	d, err := o.Directory(ctx)
	if err != nil {
		return err
	}
	c, ok := d.Client(id)
	if !ok {
		return about("client "+id, oauth.NotFound)
	}
	v := viewClient(c, secret)
	return p.show(v, v.print)
}
