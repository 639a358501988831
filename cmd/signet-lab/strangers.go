package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/signetd/signet/cmd/signet-lab/internal/strangers"
)

func strangersCommand() *cobra.Command {
	var o strangers.Options
	c := &cobra.Command{
		Use:   "strangers",
		Short: "Refresh at an issuer with little memory while strangers open connections",
		Long: "Build the issuer from this source tree and run it in a control group with little memory. Strangers\n" +
			"begin gRPC calls of which they send only the headers, and open connections that they do not use.\n" +
			"Half of these connect to the HTTP API and send a part of a request. Beside them an honest client\n" +
			"refreshes, over gRPC and HTTP in turn, with new connections each second. The command prints how\n" +
			"many refreshes were answered, and the peak memory of the control group. The strangers have other\n" +
			"loopback addresses than the honest client. Their attempts fill the first half of the time. The\n" +
			"command needs the permission to create a control group.",
		Args: cobra.NoArgs,
	}
	f := c.Flags()
	f.IntVar(&o.Streams, "streams", 100_000, "gRPC calls that the strangers begin")
	f.IntVar(&o.StreamsPerConnection, "streams-per-connection", 250, "calls that they begin on one connection")
	f.IntVar(&o.Connections, "connections", 20_000, "connections that they open without calls")
	f.IntVar(&o.Addresses, "addresses", 3, "number of their addresses")
	f.IntVar(&o.MemoryMiB, "memory", 256, "memory of the issuer in `MIB`")
	f.DurationVar(&o.Duration, "duration", 30*time.Second, "time in which the honest client refreshes, at most 1h")
	f.Float64Var(&o.Rate, "rate", 100, "refreshes that it starts each second")
	f.StringVar(&o.JSONFile, "json", "", "`FILE` for the results as JSON")
	c.RunE = func(c *cobra.Command, _ []string) error {
		_, err := strangers.Run(c.Context(), o, c.OutOrStdout())
		return err
	}
	return c
}
