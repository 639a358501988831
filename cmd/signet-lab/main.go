package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"
)

// garbage is how much of it there may be before it is collected, in percent of what is in use: little is, and who measures should
// take as little as possible from what is measured.
const garbage = 400

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
	root.AddCommand(benchCommand(), tableCommand(), referenceCommand(), hashCommand())
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbage)
	}
	if err := root.ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "signet-lab:", err)
		os.Exit(1)
	}
}
