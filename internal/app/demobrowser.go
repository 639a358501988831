package app

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/signetd/signet/internal/client"
	"github.com/signetd/signet/internal/oauth"
	"github.com/signetd/signet/keys"
)

// demoBrowserAudience is the audience of the clients for the browser. Its
// tokens live for a short time, so that a user sees how they are renewed.
var demoBrowserAudience = client.Audience{ID: "demo-browser-api", Algorithm: keys.RS256, Lifetime: time.Minute}

// demoBrowserClients returns the clients of docs/examples/browser, one for each
// way. Their origins are the ports on which that program listens.
func demoBrowserClients() []client.Client {
	var clients []client.Client
	for i, way := range client.Ways {
		clients = append(clients, client.Client{
			ID: "demo-" + string(way), Name: "Demo in the browser", Public: true,
			Audiences: []string{demoBrowserAudience.ID}, Scope: oauth.NewScope("read"),
			Browser: &client.Browser{Way: way, Origins: []string{fmt.Sprintf("http://localhost:%d", 8001+i)}},
		})
	}
	return clients
}

// createBrowserDemo creates what directory does not have yet: the demo of an
// earlier version has no clients for the browser. It returns what it created.
func (a *App) createBrowserDemo(ctx context.Context, directory client.Directory) (created []string, err error) {
	by := a.Operator()
	if _, ok := directory.Audience(demoBrowserAudience.ID); !ok {
		if _, err := a.Admin.CreateAudience(ctx, by, demoBrowserAudience); err != nil {
			return nil, err
		}
		created = append(created, "audience "+demoBrowserAudience.ID)
	}
	for _, c := range demoBrowserClients() {
		stored, ok := directory.Client(c.ID)
		if ok && stored.Way() != c.Way() {
			return created, fmt.Errorf("the client %s exists and is not one for the browser", c.ID)
		}
		if ok {
			continue
		}
		if _, _, err := a.Admin.CreateClient(ctx, by, c, ""); err != nil {
			return created, fmt.Errorf("client %s: %w", c.ID, err)
		}
		created = append(created, "client "+c.ID)
	}
	return created, nil
}

// browserCommand returns the command that starts docs/examples/browser in the
// root directory of the repository.
func browserCommand(dataDir string) string {
	const command = "go run ./docs/examples/browser"
	file := demoPath(dataDir)
	if _, err := os.Stat("docs/examples/browser/main.go"); err == nil && file == filepath.Join("data", "dev.json") {
		return command
	}
	if absolute, err := filepath.Abs(file); err == nil {
		file = absolute
	}
	return command + " -dev " + shellQuote(file)
}
