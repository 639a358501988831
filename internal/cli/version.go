package cli

import (
	"github.com/spf13/cobra"

	"github.com/signetd/signet/internal/app"
)

func newVersionCommand(p *program) *cobra.Command {
	c := &cobra.Command{Use: "version", Short: "Print the version of this program", Args: cobra.NoArgs}
	sbom := c.Flags().Bool("sbom", false, "print the modules of the program as a CycloneDX document")
	c.RunE = func(*cobra.Command, []string) error {
		if *sbom {
			b, err := newBOM()
			if err != nil {
				return err
			}
			return p.printJSON(b)
		}
		b := app.ReadBuild()
		return p.printResult(b, fieldTable{
			{"version", b.Version},
			{"revision", b.Revision},
			{"time", b.Time},
			{"modified", formatYes(b.Modified)},
			{"go", b.Go},
			{"signet.js", b.Script.Integrity},
		}.print)
	}
	return c
}
