package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := &cobra.Command{
		Use:   "signet-lab",
		Short: "Measure the issuer",
		Long: "Measure the issuer. Point it at servers of your own only, on this machine or a test network: it makes as much\n" +
			"load as it is told to.",
		SilenceUsage: true,
	}
	root.AddCommand(benchCommand(), tableCommand(), referenceCommand())
	if err := root.ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "signet-lab:", err)
		os.Exit(1)
	}
}
