package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/signetd/signet/internal/admin"
)

const listRevocationsHelp = `List the entries of the revocation log that servers have not deleted yet, the oldest first. The log has hashes, so an entry
does not tell what it concerns. To find the entries about a token, a user or a client, name it: the command hashes it.

kind is what an entry concerns: grant, token, key, subject, subject_at_client, client, audience, all, or exempt (a grant that
an act on all grants of its subject did not include). Tokens that were minted before the moment BEFORE are refused; of a
grant, a token and a key, all are. After EXPIRES, no token can be valid any more that the entry concerns.`

func newRevocationsListCommand(p *program) *cobra.Command {
	c := &cobra.Command{
		Use: "list", Short: "List the entries of the revocation log", Long: listRevocationsHelp, Args: cobra.NoArgs,
	}
	filter := newLogFilterFlags(c)
	list := p.asOperator(func(ctx context.Context, o operator, _ []string) error {
		entries := []revocationView{}
		rows := table{{"SEQ", "KIND", "HASH", "BEFORE", "EXPIRES"}}
		for from := int64(1); from > 0; {
			page, next, err := o.Log(ctx, *filter, from, logPage)
			if err != nil {
				return err
			}
			for _, e := range page {
				v := newRevocationView(e)
				entries, rows = append(entries, v), append(rows, v.row())
			}
			from = next
		}
		return p.printResult(entries, rows.print)
	})
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := checkValues(c); err != nil {
			return err
		}
		return list(c, args)
	}
	return c
}

// newLogFilterFlags adds the flags that select entries.
func newLogFilterFlags(c *cobra.Command) *admin.LogFilter {
	f, flags := new(admin.LogFilter), c.Flags()
	flags.StringVar(&f.Subject, "subject", "", "only entries about the tokens of the subject `SUB`, such as usr_…")
	flags.StringVar(&f.Client, "client", "", "only entries about tokens of the client `ID`; combines with --subject")
	flags.StringVar(&f.Audience, "audience", "", "only entries about the tokens for `AUDIENCE`")
	flags.StringVar(&f.Grant, "grant", "", "only entries about `GRANT`, the sid of its tokens")
	flags.StringVar(&f.Token, "token", "", "only entries about the token with the id `JTI`")
	flags.StringVar(&f.Key, "key", "", "only entries about the tokens of the key `KID`")
	flags.BoolVar(&f.All, "all", false, "only entries about all tokens of the issuer")
	c.MarkFlagsMutuallyExclusive("subject", "audience", "grant", "token", "key", "all")
	c.MarkFlagsMutuallyExclusive("client", "audience", "grant", "token", "key", "all")
	return f
}
