package cli

import (
	"github.com/spf13/cobra"

	"github.com/signetd/signet/internal/privatefile"
)

const restrictHelp = `Give files the mode 0600 and directories the mode 0700, so that only their owner can access them. It is chmod for images
without a shell: a server rejects the KEK file and an SQLite file if everyone can access them.`

func newRestrictCommand(p *program) *cobra.Command {
	c := &cobra.Command{
		Use: "restrict PATH...", Short: "Let only the owner access files and directories", Long: restrictHelp,
		Args: cobra.MinimumNArgs(1),
	}
	c.RunE = func(_ *cobra.Command, args []string) error {
		for _, path := range args {
			if err := privatefile.Restrict(path); err != nil {
				return err
			}
			if err := p.printDone("file", path, "only the owner can access it"); err != nil {
				return err
			}
		}
		return nil
	}
	return c
}
