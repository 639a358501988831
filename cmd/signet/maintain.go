package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/spf13/cobra"

	"github.com/signetd/signet/config"
)

func (p *program) migrateCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "migrate",
		Short: "Bring the store's schema to this program's version; serve does the same when it starts",
		Args:  cobra.NoArgs,
	}
	status := c.Flags().Bool("status", false, "only tell the versions")
	c.RunE = func(c *cobra.Command, _ []string) error {
		ctx := c.Context()
		cfg, err := p.load()
		if err != nil {
			return err
		}
		h, err := p.newHouse(cfg, "text", "warn")
		if err != nil {
			return err
		}
		if err := prepareFile(cfg, *status); err != nil {
			return err
		}
		if err := h.connect(ctx); err != nil {
			return err
		}
		defer h.close()
		if !*status {
			if err := h.store.Migrate(ctx); err != nil {
				return err
			}
		}
		return p.showSchema(ctx, h)
	}
	return c
}

// prepareFile makes the folder of an SQLite file that is to be made, or refuses one that is not there.
func prepareFile(cfg config.Config, mustExist bool) error {
	if _, file := cfg.Store.SQLite(); !file {
		return nil
	}
	if mustExist {
		return storeExists(cfg)
	}
	return makePrivateDir(cfg.DataDir)
}

func (p *program) showSchema(ctx context.Context, h *house) error {
	current, target, err := h.store.MigrationStatus(ctx)
	if err != nil {
		return err
	}
	return p.show(map[string]int64{"version": current, "target": target}, func(w io.Writer) {
		fmt.Fprintf(w, "the store's schema has version %d, this program's is %d\n", current, target)
	})
}

func (p *program) configCommand() *cobra.Command {
	c := &cobra.Command{Use: "config", Short: "Print the effective configuration, secrets hidden", Args: cobra.NoArgs}
	c.RunE = func(*cobra.Command, []string) error {
		cfg, err := p.load()
		if err != nil {
			return err
		}
		all, err := cfg.Redacted()
		if err != nil {
			return err
		}
		text, err := cfg.YAML()
		if err != nil {
			return err
		}
		return p.show(all, func(w io.Writer) { fmt.Fprintf(w, "%s", text) })
	}
	return c
}

// healthPatience bounds a health check.
const healthPatience = 5 * time.Second

func (p *program) healthcheckCommand() *cobra.Command {
	c := &cobra.Command{Use: "healthcheck", Short: "Ask the server at ops.address whether it is ready", Args: cobra.NoArgs}
	c.RunE = func(c *cobra.Command, _ []string) error {
		cfg, err := p.loadClient()
		if err != nil {
			return err
		}
		if err := askReady(c.Context(), cfg.Ops); err != nil {
			return err
		}
		return p.show(map[string]bool{"ready": true}, func(w io.Writer) { fmt.Fprintln(w, "ready") })
	}
	return c
}

func askReady(ctx context.Context, ops config.Listener) error {
	ctx, cancel := context.WithTimeout(ctx, healthPatience)
	defer cancel()
	url := "http://" + reachable(ops.Address) + "/readyz"
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // and no proxy
	answer, err := client.Do(r)
	if err != nil {
		return fmt.Errorf("nothing answers at %s: %w", url, errors.Unwrap(err))
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s says that it is not ready (%d)", url, answer.StatusCode)
	}
	return nil
}

// reachable returns an address at which a listener of this machine can be called.
func reachable(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	ip, err := netip.ParseAddr(host)
	switch {
	case host == "" || err == nil && ip.IsUnspecified() && ip.Is4():
		return net.JoinHostPort("127.0.0.1", port)
	case err == nil && ip.IsUnspecified():
		return net.JoinHostPort("::1", port)
	}
	return address
}
