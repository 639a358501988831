package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/signetd/signet/cmd/signet-lab/internal/revocations"
)

func revocationsCommand() *cobra.Command {
	var o revocations.Options
	c := &cobra.Command{
		Use:   "revocations",
		Short: "Measure how soon services refuse a revoked token",
		Long: "Build the issuer from this source tree, and run two servers on a durable Postgres. Services verify\n" +
			"tokens offline with the package verify, and follow the feed of the second server. The command revokes\n" +
			"grants at the first one. It prints how long after the answer to the call each service refuses the\n" +
			"access token, and when all of them do.",
		Args: cobra.NoArgs,
	}
	f := c.Flags()
	f.IntVar(&o.Verifiers, "verifiers", 200, "number of services")
	f.IntVar(&o.Revocations, "revocations", 10_000, "number of grants to revoke")
	f.Float64Var(&o.Rate, "rate", 100, "grants to revoke in a second")
	f.DurationVar(&o.PollInterval, "poll-interval", 200*time.Millisecond, "revocations.poll_interval of the servers")
	f.DurationVar(&o.RestartEvery, "restart-every", 0,
		"kill the second server and start it again after each such time; 0 means never")
	f.StringVar(&o.JSONFile, "json", "", "`FILE` for the results as JSON")
	c.RunE = func(c *cobra.Command, _ []string) error {
		_, err := revocations.Run(c.Context(), o, c.OutOrStdout())
		return err
	}
	return c
}
