package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/signetd/signet/internal/app"
)

// waitInterval is how often `keys --wait-for` reads the verifiers.
const waitInterval = 2 * time.Second

// waitForVerifiers waits until all verifiers of these names have the current
// JWK Set: each name has polled within the last minute, and no row of it has
// another set. It prints what it waits for whenever that changes.
func waitForVerifiers(ctx context.Context, p *program, a *app.App, names []string) error {
	printed := ""
	for {
		if err := a.Keys.Refresh(ctx); err != nil {
			return err
		}
		missing, err := missingVerifiers(ctx, a, names)
		if err != nil || len(missing) == 0 {
			return err
		}
		if text := strings.Join(missing, "\n"); text != printed {
			fmt.Fprintln(p.err, text)
			printed = text
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(waitInterval):
		}
	}
}

// missingVerifiers returns a line for each of the names without which
// waitForVerifiers goes on waiting.
func missingVerifiers(ctx context.Context, a *app.App, names []string) ([]string, error) {
	lacking, seen, err := a.Admin.LackingKeys(ctx, a.Keys.Set().ETag)
	if err != nil {
		return nil, err
	}
	var missing []string
	for _, name := range names {
		if !seen[name] {
			missing = append(missing, fmt.Sprintf("waiting for %s, which has not polled in the last minute", name))
		}
	}
	for _, v := range lacking {
		if slices.Contains(names, v.Name) {
			missing = append(missing, fmt.Sprintf("waiting for %s at %s, which has another JWK Set", v.Name, v.Server))
		}
	}
	return missing, nil
}
