package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/signetd/signet/internal/admin"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
)

func newClientsCommand(p *program) *cobra.Command {
	c := newCommandGroup("clients", "Create, list, change and delete the applications that request tokens",
		newClientsCreateCommand(p), newClientsListCommand(p), newClientsShowCommand(p),
		newClientsRotateSecretCommand(p), newClientsUpdateCommand(p))
	addOperations(c, p, "client",
		operation{
			"disable ID", "Reject all requests of a client; its grants remain", "disabled",
			(*admin.Admin).DisableClient,
		},
		operation{"enable ID", "Enable a disabled client", "enabled", (*admin.Admin).EnableClient},
		operation{"delete ID", "Delete a client and revoke its grants", "deleted", (*admin.Admin).DeleteClient})
	return c
}

func newClientsCreateCommand(p *program) *cobra.Command {
	c := &cobra.Command{
		Use:   "create [ID]",
		Short: "Register a client; the secret of a confidential client is printed once",
		Args:  cobra.MaximumNArgs(1),
	}
	f := newClientFlags(c)
	f.browser.addWay(c.Flags())
	public := c.Flags().Bool("public", false, "register a public client, which has no secret")
	addSecretFileFlag(c)
	c.MarkFlagsMutuallyExclusive("public", secretFileFlag)
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
		given, err := p.readGivenSecret(ctx, c)
		if err != nil {
			return err
		}
		cl, secret, err := o.CreateClient(ctx, o.actor, cl, given)
		if err != nil {
			return wrapError("client "+cl.ID, err)
		}
		v := newClientView(cl, secret)
		return p.printResult(v, v.print)
	})
	return c
}

func newClientsListCommand(p *program) *cobra.Command {
	c := &cobra.Command{Use: "list", Short: "List the clients", Args: cobra.NoArgs}
	c.RunE = p.asOperator(func(ctx context.Context, o operator, _ []string) error {
		d, err := o.Directory(ctx)
		if err != nil {
			return err
		}
		clients := []clientView{}
		rows := table{{"ID", "KIND", "WAY", "STATE", "AUDIENCE", "SCOPE", "SECRETS", "CREATED"}}
		for _, c := range d.Clients {
			v := newClientView(c, "")
			clients, rows = append(clients, v), append(rows, v.row())
		}
		return p.printResult(clients, rows.print)
	})
	return c
}

func newClientsShowCommand(p *program) *cobra.Command {
	c := &cobra.Command{Use: "show ID", Short: "Show a client", Args: cobra.ExactArgs(1)}
	c.RunE = p.asOperator(func(ctx context.Context, o operator, args []string) error {
		return showClient(ctx, p, o, args[0], "")
	})
	return c
}

func newClientsRotateSecretCommand(p *program) *cobra.Command {
	c := &cobra.Command{
		Use:   "rotate-secret ID",
		Short: "Add a secret to a client; the previous secret stays valid, older ones do not",
		Args:  cobra.ExactArgs(1),
	}
	compromised := c.Flags().Bool("compromised", false,
		"no earlier secret stays valid, and the client's access tokens are refused, also those of the next 6 seconds")
	addSecretFileFlag(c)
	c.MarkFlagsMutuallyExclusive("compromised", secretFileFlag)
	c.RunE = p.asOperator(func(ctx context.Context, o operator, args []string) error {
		given, err := p.readGivenSecret(ctx, c)
		if err != nil {
			return err
		}
		if given != "" {
			if err := o.AddSecret(ctx, o.actor, args[0], given); err != nil {
				return wrapError("client "+args[0], err)
			}
			return showClient(ctx, p, o, args[0], "")
		}
		rotate := o.RotateSecret
		if *compromised {
			rotate = o.CompromiseSecrets
		}
		secret, err := rotate(ctx, o.actor, args[0])
		if err != nil {
			return wrapError("client "+args[0], err)
		}
		return showClient(ctx, p, o, args[0], secret)
	})
	return c
}

func newClientsUpdateCommand(p *program) *cobra.Command {
	c := &cobra.Command{
		Use: "update ID", Short: "Change the fields of a client whose flags are given", Args: cobra.ExactArgs(1),
	}
	f := newClientFlags(c)
	c.RunE = p.asOperator(func(ctx context.Context, o operator, args []string) error {
		edit, err := f.edit()
		if err != nil {
			return err
		}
		if err := o.UpdateClient(ctx, o.actor, args[0], edit); err != nil {
			return wrapError("client "+args[0], err)
		}
		return showClient(ctx, p, o, args[0], "")
	})
	return c
}

func showClient(ctx context.Context, p *program, o operator, id, secret string) error {
	d, err := o.Directory(ctx)
	if err != nil {
		return err
	}
	c, ok := d.Client(id)
	if !ok {
		return wrapError("client "+id, oauth.NotFound)
	}
	v := newClientView(c, secret)
	return p.printResult(v, v.print)
}
