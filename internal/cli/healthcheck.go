package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
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
	transport := &http.Transport{DisableKeepAlives: true} // and no proxy
	host := app.DialAddress(ops.Address)
	if path, ok := config.UnixPath(ops.Address); ok {
		host = "localhost"
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		}
	}
	url := "http://" + host + "/readyz"
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}

	client := http.Client{Transport: transport}
	response, err := client.Do(r)
	if err != nil {
		return fmt.Errorf("cannot reach %s: %w", ops.Address, errors.Unwrap(err))
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: the server is not ready (status %d)", ops.Address, response.StatusCode)
	}
	return nil
}
