package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/signetd/signet/cmd/signet-lab/internal/table"
)

func tableCommand() *cobra.Command {
	var o table.Options
	c := &cobra.Command{
		Use:   "table",
		Short: "Compare all operations with what limits them on this machine",
		Long: "Build the issuer from this source tree, run it on a durable Postgres of its own and on SQLite, and\n" +
			"compare each operation with its limit, such as raw signatures and bare servers, or with another\n" +
			"program, such as pgbench, or with the same operation under other conditions. Both sides are measured\n" +
			"in turns. The result of a row is the median of its rounds' ratios. The command needs Go, the programs\n" +
			"of PostgreSQL, three quarters of an hour and 10 GB of disk. Run nothing else on the machine meanwhile.",
		Args: cobra.NoArgs,
	}
	f := c.Flags()
	f.IntVar(&o.Rounds, "rounds", 3, "how often each row is measured")
	f.DurationVar(&o.WarmUp, "warm-up", 2*time.Second, "time in each round before the measurement starts, at most 1m")
	f.DurationVar(&o.Duration, "duration", 6*time.Second, "time to measure each side in each round, at most 1m")
	f.IntVar(&o.Grants, "grants", 10_000_000,
		"number of other grants in the row about many grants; the rows about ended grants and disabled users use\n"+
			"parts of this number")
	f.StringVar(&o.Only, "only", "", "measure only rows whose name matches this regular `EXPRESSION`")
	f.StringVar(&o.JSONFile, "json", "", "`FILE` for the results as JSON")
	c.RunE = func(c *cobra.Command, _ []string) error {
		return table.Run(c.Context(), o, c.OutOrStdout(), c.ErrOrStderr())
	}
	return c
}
