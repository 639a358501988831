package main

import (
	"bufio"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
)

// A program is one run of signet: what it reads and writes, and the flags that every command has.
type program struct {
	in       *os.File
	out, err io.Writer
	// configFile is the --config flag; empty means the usual places.
	configFile string
	// settings are the --set flags.
	settings []string
	output   outputFormat
	// lines reads standard input when it is no terminal.
	lines *bufio.Scanner
}

// The groups of the help.
const (
	groupRun      = "run"
	groupKeys     = "keys"
	groupPeople   = "people"
	groupUse      = "use"
	groupMaintain = "maintain"
)

// command returns the whole tree of commands.
func (p *program) command() *cobra.Command {
	root := &cobra.Command{
		Use:           "signet",
		Short:         "A token issuer: log in, refresh, revoke; rotating keys; a JWK Set",
		Version:       buildVersion().Version,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetVersionTemplate("{{.Name}} {{.Version}}\n")
	root.PersistentFlags().StringVar(&p.configFile, "config", "", "configuration `FILE`")
	root.PersistentFlags().StringArrayVar(&p.settings, "set", nil, "set a configuration `KEY=VALUE`, such as http.address=127.0.0.1:8080 (repeatable)")
	root.PersistentFlags().VarP(&p.output, "output", "o", "print results as `text or json`")
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
	add(groupRun, p.serveCommand())
	add(groupKeys, p.keysCommand())
	add(groupPeople, p.usersCommand(), p.clientsCommand(), p.audiencesCommand(), p.grantsCommand())
	add(groupUse, p.loginCommand(), p.refreshCommand(), p.revokeCommand(), p.introspectCommand())
	add(groupMaintain, p.migrateCommand(), p.configCommand(), p.healthcheckCommand(), p.versionCommand())
	root.AddCommand(p.hashCommand())
	root.SetHelpCommandGroupID(groupMaintain)
	root.SetCompletionCommandGroupID(groupMaintain)
	markFailures(root)
	return root
}

// family returns a command that only holds others.
func family(use, short string, members ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{
		Use: use, Short: short, Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return usageError(fmt.Sprintf("%s needs one of its subcommands", c.CommandPath()))
		},
	}
	c.AddCommand(members...)
	return c
}

// markFailures makes the errors of the commands themselves failures, so that all others are known to be of usage.
func markFailures(c *cobra.Command) {
	if inner := c.RunE; inner != nil {
		c.RunE = func(c *cobra.Command, args []string) error {
			if err := inner(c, args); err != nil {
				return failure{err}
			}
			return nil
		}
	}
	for _, sub := range c.Commands() {
		markFailures(sub)
	}
}
