package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/signetd/signet/internal/app"
)

func newMigrateCommand(p *program) *cobra.Command {
	c := &cobra.Command{
		Use:   "migrate",
		Short: "Migrate the store's schema to this program's version; serve does the same at its start",
		Args:  cobra.NoArgs,
	}
	status := c.Flags().Bool("status", false, "only print the versions")
	c.RunE = func(c *cobra.Command, _ []string) error {
		ctx := c.Context()
		cfg, err := p.load()
		if err != nil {
			return err
		}
		a, err := app.OpenForMigration(ctx, cfg, p.err, *status)
		if err != nil {
			return err
		}
		defer a.Close()
		if !*status {
			if err := a.Store.Migrate(ctx); err != nil {
				return err
			}
		}

		current, target, err := a.Store.MigrationStatus(ctx)
		if err != nil {
			return err
		}
		return p.printResult(map[string]int64{"version": current, "target": target}, func(w io.Writer) {
			fmt.Fprintf(w, "the store's schema has version %d, this program's is %d\n", current, target)
		})
	}
	return c
}
