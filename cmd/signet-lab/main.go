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

// gcPercent is the default of GOGC for this program. The heap is small, and a
// rare garbage collection takes little processor time from the issuer.
const gcPercent = 400

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	root := &cobra.Command{
		Use:   "signet-lab",
		Short: "Measure an issuer",
		Long: "Measure an issuer. Use it only with servers of your own, on this machine or in a test network:\n" +
			"there is no limit to the load that it can make.",
		SilenceUsage: true,
	}
	root.AddCommand(benchCommand(), tableCommand(), overloadCommand(), strangersCommand(), revocationsCommand())
	root.AddCommand(referenceCommand(), hashCommand())

	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if err := root.ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "signet-lab:", err)
		os.Exit(1)
	}
}
