package cli

import (
	"context"
	"errors"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/signetd/signet/config"
	"github.com/signetd/signet/internal/app"
)

const serveHelp = `Run the issuer until SIGINT or SIGTERM. The first signal drains the server: it reports that it is not ready, closes the
listeners, and answers the requests in progress. A second signal, a second or more later, stops it at once. SIGHUP has no
effect.

The server does not start with an incomplete configuration, and prints all faults at once. With --dev it fills in the
missing values, for a trial on this machine, and creates a client, an audience and a user in an empty store.`

func newServeCommand(p *program) *cobra.Command {
	c := &cobra.Command{Use: "serve", Short: "Run the issuer", Long: serveHelp, Args: cobra.NoArgs}
	dev := c.Flags().Bool("dev", false, "fill in missing configuration and create a demo; not safe for production")
	c.RunE = func(c *cobra.Command, _ []string) error {
		cfg, err := p.loadServe(*dev)
		if err != nil {
			return err
		}
		return runServer(c.Context(), p, cfg, *dev)
	}
	return c
}

// ignoredInput is the message for an input of the configuration that has no
// effect.
const ignoredInput = "ignored an input of the configuration"

// runServer runs the server until ctx is done.
func runServer(ctx context.Context, p *program, cfg config.Config, dev bool) error {
	a, err := app.New(cfg, p.err)
	if err != nil {
		return err
	}
	slog.SetDefault(a.Log)
	for _, warning := range p.warnings {
		a.Log.Warn(ignoredInput, "cause", warning)
	}
	for _, warning := range cfg.KeyPolicy().Warnings() {
		a.Log.Warn("some verifiers may refuse tokens after a rotation", "cause", warning)
	}
	app.LimitMemory()
	app.KeepRunning(a.Log)
	s := app.NewServer(a)
	if dev {
		s = app.NewDevServer(a, p.out)
	}
	err = s.Run(ctx)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil // a signal came before the start was complete
	}
	return err
}
