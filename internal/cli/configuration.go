package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

func newConfigCommand(p *program) *cobra.Command {
	c := &cobra.Command{Use: "config", Short: "Print the effective configuration, without secrets", Args: cobra.NoArgs}
	c.RunE = func(*cobra.Command, []string) error {
		cfg, err := p.load()
		if err != nil {
			return err
		}
		printWarnings(p.err, cfg.KeyPolicy().Warnings())
		values, err := cfg.Redacted()
		if err != nil {
			return err
		}
		text, err := cfg.YAML()
		if err != nil {
			return err
		}
		return p.printResult(values, func(w io.Writer) { fmt.Fprintf(w, "%s", text) })
	}
	return c
}
