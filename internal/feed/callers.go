package feed

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/signetd/signet/internal/grant"
)

const (
	// reportEvery is how often callers are reported. A verifier that runs
	// polls more often, so each report has it.
	reportEvery = 15 * time.Second
	// maxCallers is how many names a report has at most.
	maxCallers = 1000
)

// Callers are the callers of Poll that give a name. They are reported to the
// store, for operators. The fields are set before the first use.
type Callers struct {
	// Server is the name of this server.
	Server string
	// Report writes the report; see grant.VerifierStore.
	Report func(context.Context, []grant.Verifier) error
	// Now is the store's clock.
	Now func() time.Time
	Log *slog.Logger

	mu   sync.Mutex
	seen map[string]grant.Verifier // since the last report, by name
}

// add remembers a caller until the next report. behind is how long the oldest
// entry has been in the feed that the caller does not have.
func (c *Callers) add(r Request, behind time.Duration) {
	if c == nil || r.Name == "" {
		return
	}
	v := grant.Verifier{Name: r.Name, Server: c.Server, Keys: r.Keys, SeenAt: c.Now(), Lag: behind}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.seen[r.Name]; !ok && len(c.seen) >= maxCallers {
		return
	}
	if c.seen == nil {
		c.seen = map[string]grant.Verifier{}
	}
	c.seen[r.Name] = v
}

// Run reports the callers every 15 seconds until ctx ends.
func (c *Callers) Run(ctx context.Context) {
	ticker := time.NewTicker(reportEvery)
	defer ticker.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		err := c.report(ctx)
		if err != nil && ctx.Err() == nil && !failing {
			c.Log.Warn("cannot store which verifiers have polled; trying again", "error", err)
		}
		failing = err != nil
	}
}

// report reports the callers since the last report. If it fails, the next
// report has the callers that poll until then.
func (c *Callers) report(ctx context.Context) error {
	c.mu.Lock()
	seen := c.seen
	c.seen = nil
	c.mu.Unlock()
	if len(seen) == 0 {
		return nil
	}
	list := make([]grant.Verifier, 0, len(seen))
	for _, v := range seen {
		list = append(list, v)
	}
	return c.Report(ctx, list)
}
