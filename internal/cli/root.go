package cli

import (
	"github.com/spf13/cobra"

	"github.com/signetd/signet/internal/app"
)

// The groups of commands in the help.
const (
	groupRun      = "run"
	groupKeys     = "keys"
	groupPeople   = "people"
	groupUse      = "use"
	groupMaintain = "maintain"
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
		&cobra.Group{ID: groupRun, Title: "Run:"},
		&cobra.Group{ID: groupKeys, Title: "Keys:"},
		&cobra.Group{ID: groupPeople, Title: "People and clients:"},
		&cobra.Group{ID: groupUse, Title: "Use:"},
		&cobra.Group{ID: groupMaintain, Title: "Maintain:"},
	)
	add := func(group string, commands ...*cobra.Command) {
		for _, c := range commands {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	add(groupRun, newServeCommand(p))
	add(groupKeys, newKeysCommand(p))
	add(groupPeople, newUsersCommand(p), newClientsCommand(p), newAudiencesCommand(p), newGrantsCommand(p))
	add(groupUse, newLoginCommand(p), newRefreshCommand(p), newRevokeCommand(p), newIntrospectCommand(p))
	add(groupMaintain, newMigrateCommand(p), newConfigCommand(p), newHealthcheckCommand(p), newVersionCommand(p))
	root.AddCommand(newHashWorkerCommand(p))
	root.SetHelpCommandGroupID(groupMaintain)
	root.SetCompletionCommandGroupID(groupMaintain)
	markCommandErrors(root)
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
