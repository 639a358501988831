package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/signetd/signet/config"
	"github.com/signetd/signet/internal/app"
)

// healthTimeout bounds a health check.
const healthTimeout = 5 * time.Second

func newHealthcheckCommand(p *program) *cobra.Command {
	c := &cobra.Command{
		Use: "healthcheck", Short: "Check whether the server at ops.address is ready", Args: cobra.NoArgs,
	}
	c.RunE = func(c *cobra.Command, _ []string) error {
		cfg, err := p.loadClient()
		if err != nil {
			return err
		}
		if err := checkReady(c.Context(), cfg.Ops); err != nil {
			return err
		}
		return p.printResult(map[string]bool{"ready": true}, func(w io.Writer) { fmt.Fprintln(w, "ready") })
	}
	return c
}

// checkReady returns an error unless the server at ops.address is ready.
func checkReady(ctx context.Context, ops config.Listener) error {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	url := "http://" + app.DialAddress(ops.Address) + "/readyz"
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}

	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // and no proxy
	response, err := client.Do(r)
	if err != nil {
		return fmt.Errorf("cannot reach %s: %w", url, errors.Unwrap(err))
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: the server is not ready (status %d)", url, response.StatusCode)
	}
	return nil
}
