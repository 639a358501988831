package cli

import (
	"fmt"

	"github.com/spf13/cobra"
)

// newCommandGroup returns a command that only has subcommands.
func newCommandGroup(use, short string, members ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{
		Use: use, Short: short, Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return usageError(fmt.Sprintf("%s needs one of its subcommands", c.CommandPath()))
		},
	}
	c.AddCommand(members...)
	return c
}
