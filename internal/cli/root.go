package cli

import (
	"github.com/spf13/cobra"

	"github.com/signetd/signet/internal/app"
)

// The groups of commands in the help.
const (
	groupServer      = "server"
	groupKeys        = "keys"
	groupRecords     = "records"
	groupTokens      = "tokens"
	groupMaintenance = "maintenance"
)

// newRootCommand returns the command signet with all its subcommands.
func newRootCommand(p *program) *cobra.Command {
	root := &cobra.Command{
		Use:           "signet",
		Short:         "A token issuer: log in, refresh, revoke; rotating keys; a JWK Set",
		Version:       app.ReadBuild().Version,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetVersionTemplate("{{.Name}} {{.Version}}\n")
	flags := root.PersistentFlags()
	flags.StringVar(&p.configFile, "config", "", "configuration `FILE`")
	flags.StringArrayVar(&p.settings, "set", nil,
		"set a configuration `KEY=VALUE`, such as http.address=127.0.0.1:8080 (repeatable)")
	flags.VarP(&p.output, "output", "o", "print results as `text or json`")

	root.AddGroup(
		&cobra.Group{ID: groupServer, Title: "Server:"},
		&cobra.Group{ID: groupKeys, Title: "Keys:"},
		&cobra.Group{ID: groupRecords, Title: "Users and clients:"},
		&cobra.Group{ID: groupTokens, Title: "Logins and tokens:"},
		&cobra.Group{ID: groupMaintenance, Title: "Maintenance:"},
	)
	add := func(group string, commands ...*cobra.Command) {
		for _, c := range commands {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	add(groupServer, newServeCommand(p))
	add(groupKeys, newKeysCommand(p))
	add(groupRecords, newUsersCommand(p), newClientsCommand(p), newAudiencesCommand(p), newApplyCommand(p),
		newGrantsCommand(p), newRevocationsCommand(p), newVerifiersCommand(p))
	add(groupTokens, newLoginCommand(p), newRefreshCommand(p), newRevokeCommand(p), newIntrospectCommand(p))
	add(groupMaintenance, newMigrateCommand(p), newConfigCommand(p), newHealthcheckCommand(p),
		newRestrictCommand(p), newVersionCommand(p))
	root.AddCommand(newHashWorkerCommand(p))
	root.SetHelpCommandGroupID(groupMaintenance)
	root.SetCompletionCommandGroupID(groupMaintenance)
	markCommandErrors(root)
	explainArguments(root)
	completer{p}.add(root)
	return root
}

// markCommandErrors turns the errors of c and its subcommands into
// commandErrors. An error that is not one comes from cobra and is about usage.
func markCommandErrors(c *cobra.Command) {
	if inner := c.RunE; inner != nil {
		c.RunE = func(c *cobra.Command, args []string) error {
			if err := inner(c, args); err != nil {
				return commandError{err}
			}
			return nil
		}
	}
	for _, sub := range c.Commands() {
		markCommandErrors(sub)
	}
}
