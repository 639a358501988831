package app

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"path/filepath"
	"slices"
	"strings"

	"github.com/signetd/signet/config"
	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/privatefile"
)

// devMode does what `serve --dev` does in addition, and prints it for the user.
type devMode struct {
	app *App
	out io.Writer
	// browser is true if the demo has clients for the browser.
	browser bool
}

// writeConfig writes the configuration to config.DevFile, where other commands
// find it, and prints a warning and the values that --dev filled in.
func (d *devMode) writeConfig() error {
	c := d.app.Config
	path := filepath.Join(c.DataDir, config.DevFile)
	values, err := settings(c)
	if err != nil {
		return err
	}
	d.printf("Development mode (--dev): NOT SAFE FOR PRODUCTION. %s", devWarning(c.TLS))
	d.printf("Values that --dev sets, because the configuration does not:")
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if c.Origins[key] == config.FromDev {
			d.printf("  %s: %v", key, values[key])
		}
	}
	d.printf("The other commands read the configuration from %s if there is no other configuration file.", path)
	return privatefile.Write(path, devYAML(c, values))
}

// devWarning returns the reason why --dev is not safe.
func devWarning(c config.TLS) string {
	if c.Enabled() {
		return "The secrets of the demo are stored in files."
	}
	return "Passwords and tokens are sent in plain text, and the secrets of the demo are stored in files."
}

// printf prints one line.
func (d *devMode) printf(format string, args ...any) { fmt.Fprintf(d.out, format+"\n", args...) }

// makeDemo creates the demo if the store is empty, and writes dev.json. An
// existing demo keeps its secrets and gets the addresses of this process.
func (d *devMode) makeDemo(ctx context.Context) error {
	c := d.app.Config
	path := demoPath(c.DataDir)
	directory, err := d.app.Admin.Directory(ctx)
	if err != nil {
		return err
	}
	users, err := d.app.Admin.Users(ctx, "", 1)
	if err != nil {
		return err
	}

	var demo Demo
	if len(directory.Clients)+len(directory.Audiences)+len(users) == 0 {
		if demo, err = d.app.createDemo(ctx); err != nil {
			return err
		}
		d.printf("Created for the demo: client %s, audience %s, user %s. Their secrets are in %s.",
			demo.ClientID, demo.Audience, demo.Username, path)
	} else if demo, err = ReadDemo(c.DataDir); err != nil {
		return err
	}
	if demo.ClientID == "" {
		d.printf("The store is not empty, so --dev creates no demo, and there is no %s.", path)
		return nil
	}
	d.makeBrowserDemo(ctx, directory, &demo)
	demo.Issuer, demo.GRPC, demo.Gateway = c.Issuer, DialAddress(c.GRPC.Address), ""
	if c.Gateway.Address != "" {
		scheme := "https://"
		if c.Gateway.IsLoopback() {
			scheme = "http://"
		}
		demo.Gateway = listenURL(scheme, DialAddress(c.Gateway.Address))
	}
	return WriteJSON(path, demo)
}

// makeBrowserDemo registers the clients of docs/examples/browser, also in the
// store of an earlier version. If the user has other plans with their names or
// origins, the rest of the demo works without them.
func (d *devMode) makeBrowserDemo(ctx context.Context, directory client.Directory, demo *Demo) {
	created, err := d.app.createBrowserDemo(ctx, directory)
	if len(created) > 0 {
		d.printf("Created for the demo in the browser: %s.", strings.Join(created, ", "))
	}
	if d.browser = err == nil; !d.browser {
		d.printf("There is no demo in the browser: %v", err)
		demo.BrowserAudience = ""
		return
	}
	demo.BrowserAudience = demoBrowserAudience.ID
}

// printCommands prints the addresses, and three commands to try in a second
// terminal.
func (d *devMode) printCommands(httpAddress, grpcAddress net.Addr) {
	c := d.app.Config
	scheme := urlScheme(c.TLS)
	jwks := scheme + DialAddress(httpAddress.String()) + "/.well-known/jwks.json"
	d.printf("HTTP on %s, gRPC on %s, health and profiles on %s",
		listenURL(scheme, addressText(httpAddress)), addressText(grpcAddress), listenURL("http://", c.Ops.Address))
	d.printf("\nIn a second terminal, log in, fetch the JWK Set, and refresh:\n")
	d.printf("  %s login", clientCommand(c))
	if path, ok := config.UnixPath(addressText(httpAddress)); ok {
		d.printf("  curl -sS --unix-socket %s %s/.well-known/jwks.json", shellQuote(path), c.Issuer)
	} else if c.TLS.Enabled() {
		d.printf("  curl -sS --cacert %s %s", shellQuote(c.TLS.CertFile), jwks)
	} else {
		d.printf("  %s", fetchCommand(jwks))
	}
	d.printf("  %s refresh\n", clientCommand(c))
	if d.browser && strings.HasPrefix(httpAddress.Network(), "tcp") {
		d.printf("A login in the browser, in three ways: %s\n", browserCommand(c.DataDir))
	}
}
