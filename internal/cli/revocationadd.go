package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/signetd/signet/internal/admin"
)

const addRevocationHelp = `Refuse the access tokens that were minted before a moment. Verifiers that follow the feed of revocations learn of it within
a second. Grants remain: clients get new access tokens by a refresh, and these are valid. To end the logins of a user, use
"signet grants revoke"; to keep out a user, a client or an audience, disable it.

--all concerns all access tokens of the issuer, so all clients refresh or request new ones at the same time.`

func newRevocationsAddCommand(p *program) *cobra.Command {
	c := &cobra.Command{
		Use:   "add",
		Short: "Refuse access tokens of a subject, a client, an audience, or all, that were minted before a moment",
		Long:  addRevocationHelp, Args: cobra.NoArgs,
	}
	var r admin.RevokedTokens
	flags := c.Flags()
	flags.StringVar(&r.Subject, "subject", "", "tokens of the subject `SUB`: the id of a user, or another subject")
	flags.StringVar(&r.Client, "client", "", "tokens of the client `ID`; with --subject, of the subject at this client")
	flags.StringVar(&r.Audience, "audience", "", "tokens for `AUDIENCE`")
	flags.BoolVar(&r.All, "all", false, "all tokens of the issuer")
	before := flags.String("before", "", "tokens that were minted before `TIME` (RFC 3339); now if it is not given")
	c.MarkFlagsOneRequired("subject", "client", "audience", "all")
	c.MarkFlagsMutuallyExclusive("subject", "audience", "all")
	c.MarkFlagsMutuallyExclusive("client", "audience", "all")
	run := p.asOperator(func(ctx context.Context, o operator, _ []string) error {
		at, err := o.AddRevocation(ctx, o.actor, r)
		if err != nil {
			return wrapError("tokens "+describeTokens(r), err)
		}
		return p.printDone("tokens", describeTokens(r), "refused if minted before "+formatMoment(at))
	})
	c.RunE = func(c *cobra.Command, args []string) (err error) {
		if err := checkValues(c); err != nil {
			return err
		}
		if *before != "" {
			if r.Before, err = time.Parse(time.RFC3339, *before); err != nil {
				return usageError("--before must be a time such as 2026-01-31T23:59:59Z")
			}
		}
		return run(c, args)
	}
	return c
}

// describeTokens returns what a revocation concerns.
func describeTokens(r admin.RevokedTokens) string {
	switch {
	case r.Subject != "" && r.Client != "":
		return "of " + r.Subject + " at the client " + r.Client
	case r.Subject != "":
		return "of " + r.Subject
	case r.Client != "":
		return "of the client " + r.Client
	case r.Audience != "":
		return "for " + r.Audience
	}
	return "of all subjects"
}
