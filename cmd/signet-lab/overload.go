package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/signetd/signet/cmd/signet-lab/internal/overload"
)

func overloadCommand() *cobra.Command {
	var o overload.Options
	c := &cobra.Command{
		Use:   "overload",
		Short: "Count the logins that an issuer with too little processor time loses",
		Long: "Build the issuer from this source tree, run it with little processor time, and let OAuth clients\n" +
			"refresh over HTTP as often as they can. They obey Retry-After. The command prints how many answers\n" +
			"were 503 and how many logins were lost (invalid_grant), without and with idempotency keys. It creates\n" +
			"the logins by Mint, without password hashes, before it limits the processor time.\n\n" +
			"A control group enforces the limit. Without the permission to create one, the command stops and\n" +
			"continues the issuer in turns of 10 ms.",
		Args: cobra.NoArgs,
	}
	f := c.Flags()
	f.IntVar(&o.Clients, "clients", 2000, "number of clients, each with one login")
	f.Float64Var(&o.CPUs, "cpus", .5, "CPUs of the issuer")
	f.DurationVar(&o.Duration, "duration", time.Minute, "time in which the clients refresh, at most 1h")
	f.StringVar(&o.Algorithm, "algorithm", "RS256", "`ALGORITHM` of the access tokens: RS256, ES256 or EdDSA")
	f.DurationVar(&o.Leeway, "leeway", 10*time.Second, "leeway of the clients")
	f.BoolVar(&o.Postgres, "postgres", false, "use a durable Postgres of its own instead of SQLite")
	f.StringVar(&o.JSONFile, "json", "", "`FILE` for the results as JSON")
	c.RunE = func(c *cobra.Command, _ []string) error {
		_, err := overload.Run(c.Context(), o, c.OutOrStdout())
		return err
	}
	return c
}
